"""Between which numbers a formula's value lies, from those between which its names lie (interval arithmetic).

Every bound is one that float32 can reach: Softmax and Sigmoid give exactly 0 where they are nearly 0, and exp may too.
Bounds are safe, not always tight: x - x is not known to be 0. Moore 1966.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.expression import Term


@dataclass(frozen=True)
class Interval:
    """All numbers from low to high, both included; either may be infinite."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def within(self, other: Interval) -> Interval:
        """Return what both have in common; this one where that is nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else self

    def joined(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high))


ANY = Interval()
POSITIVE = Interval(math.ulp(0.0), math.inf)
"""Every number above 0, which the closed intervals here say by the smallest one."""

Known = Mapping[Term, Interval]
"""What is known of terms: of names, and of whatever a condition says."""


def interval(term: Term, known: Known, values: int = 1) -> Interval:
    """Return where a term's value lies; `values` is how many there are in a sample, for sum(...).

    >>> from schemas.expression import name, parse
    >>> interval(parse("1 / (1 + exp(-x))"), {})
    Interval(low=0.0, high=1.0)
    >>> interval(parse("square(x) + y"), {name("y"): Interval(0, 2)})
    Interval(low=0.0, high=inf)
    """
    found = _interval(term, known, values)
    return found.within(known[term]) if term in known else found


def _interval(term: Term, known: Known, values: int) -> Interval:
    if term.op == "number":
        return Interval(term.value, term.value)
    if term.op == "name":
        return known.get(term, ANY)
    if term.op == "where":
        condition, yes, no = term.args
        return interval(yes, assumed(condition, True, known, values), values).joined(
            interval(no, assumed(condition, False, known, values), values)
        )
    args = [interval(a, known, values) for a in term.args]
    if term.op == "*" and term.args[0] == term.args[1]:
        return _squared(args[0])
    if term.op in _COMPARISONS:
        return Interval(0, 1)
    if term.op == "sum":
        return Interval(_times(args[0].low, values), _times(args[0].high, values))
    return _RULES[term.op](*args)


_COMPARISONS = (">", ">=", "<", "<=")
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def assumed(condition: Term, true: bool, known: Known, values: int = 1) -> Known:
    """Return what is known where a condition is true (or is not)."""
    if condition.op not in _COMPARISONS:
        return known
    left, right = condition.args
    op = condition.op if true else _OPPOSITE[condition.op]
    found = dict(known)
    for term, other, sign in ((left, right, op), (right, left, _MIRRORED[op])):
        border = interval(other, known, values)
        if sign in (">", ">="):
            low = math.nextafter(border.low, math.inf) if sign == ">" else border.low
            limit = Interval(low, math.inf)
        else:
            high = math.nextafter(border.high, -math.inf) if sign == "<" else border.high
            limit = Interval(-math.inf, high)
        found[term] = interval(term, known, values).within(limit)
    return found


def _times(a: float, b: float) -> float:
    """Return a * b, where 0 times infinity is 0: the bound of a product of numbers that are never infinite."""
    return 0.0 if a == 0 or b == 0 else a * b


def _plus(a: float, b: float, unknown: float) -> float:
    """Return a + b, and `unknown` for infinity minus infinity."""
    total = a + b
    return unknown if math.isnan(total) else total


def _product(a: Interval, b: Interval) -> Interval:
    corners = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Interval(min(corners), max(corners))


def _squared(a: Interval) -> Interval:
    ends = sorted((_times(a.low, a.low), _times(a.high, a.high)))
    return Interval(0.0 if a.holds(0) else ends[0], ends[1])


def _inverse(a: Interval) -> Interval:
    if a.low < 0 < a.high:
        return ANY
    low = -math.inf if a.high == 0 else 1 / a.high
    return Interval(low, math.inf if a.low == 0 else 1 / a.low) if a.low != 0 or a.high != 0 else ANY


def _power(a: Interval, b: Interval) -> Interval:
    if b.low != b.high:
        return Interval(0, math.inf) if a.low >= 0 else ANY
    p = b.low
    if p < 0:
        return _inverse(_power(a, Interval(-p, -p)))
    if p == int(p) and p % 2 == 0:
        ends = sorted((_raise(abs(a.low), p), _raise(abs(a.high), p)))
        return Interval(0.0 if a.holds(0) and p > 0 else ends[0], ends[1])
    if p == int(p):
        return Interval(math.copysign(_raise(abs(a.low), p), a.low), math.copysign(_raise(abs(a.high), p), a.high))
    return Interval(_raise(max(a.low, 0), p), _raise(max(a.high, 0), p))


def _raise(a: float, p: float) -> float:
    try:
        return float(a**p)
    except OverflowError:
        return math.inf


def _exp(a: float) -> float:
    return math.inf if a > 709 else math.exp(a)


def _sigmoid(a: float) -> float:
    return 1 / (1 + _exp(-a)) if -a < 709 else 0.0


def _rising(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
    return lambda a: Interval(function(a.low), function(a.high))


def _log(a: float) -> float:
    return -math.inf if a <= 0 else math.log(a)


def _absolute(a: Interval) -> Interval:
    return Interval(0.0 if a.holds(0) else min(abs(a.low), abs(a.high)), max(abs(a.low), abs(a.high)))


def _softplus(a: float) -> float:
    return max(a, 0.0) + (math.log1p(math.exp(-abs(a))) if math.isfinite(a) else 0.0)


_RULES: dict[str, Callable[..., Interval]] = {
    "+": lambda a, b: Interval(_plus(a.low, b.low, -math.inf), _plus(a.high, b.high, math.inf)),
    "-": lambda a, b: Interval(_plus(a.low, -b.high, -math.inf), _plus(a.high, -b.low, math.inf)),
    "*": _product,
    "/": lambda a, b: _product(a, _inverse(b)),
    "**": _power,
    "neg": lambda a: Interval(-a.high, -a.low),
    "max": lambda a, b: Interval(max(a.low, b.low), max(a.high, b.high)),
    "min": lambda a, b: Interval(min(a.low, b.low), min(a.high, b.high)),
    "exp": _rising(_exp),
    "log": _rising(_log),
    "log1p": _rising(lambda a: -math.inf if a <= -1 else math.log1p(a)),
    "sqrt": _rising(lambda a: math.sqrt(max(a, 0.0))),
    "abs": _absolute,
    "sign": _rising(lambda a: float((a > 0) - (a < 0))),
    "tanh": _rising(math.tanh),
    "sigmoid": _rising(_sigmoid),
    "softplus": _rising(_softplus),
    "erf": _rising(math.erf),
    "sin": lambda a: Interval(-1, 1),
    "cos": lambda a: Interval(-1, 1),
    "mean": lambda a: a,
}
