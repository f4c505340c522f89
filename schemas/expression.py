"""Formulas in documents: parsed by a whitelist into terms, differentiated symbolically, never executed as Python.

Grammar: numbers, `pi`, and the names that are allowed; + - * / ** and unary minus; comparisons (1 where true, else 0);
max(a, b), min(a, b), where(condition, a, b), exp, log, log1p, sqrt, abs, sign, tanh, sigmoid, softplus, erf, sin, cos;
and, made of these, square, relu, clip(a, low, high). Losses also have mean(...) and sum(...) over a sample's values.
"""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import UsageError

LONGEST, DEEPEST = 1000, 30
LARGEST = sys.float_info.max

_BINARY: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARE: dict[type[ast.cmpop], str] = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}
FUNCTIONS: dict[str, int] = {
    "max": 2, "min": 2, "where": 3, "exp": 1, "log": 1, "log1p": 1, "sqrt": 1, "abs": 1, "sign": 1, "tanh": 1,
    "sigmoid": 1, "softplus": 1, "erf": 1, "sin": 1, "cos": 1,
}  # fmt: skip
"""Function -> how many arguments it has."""
REDUCTIONS = ("mean", "sum")


@dataclass(frozen=True)
class Term:
    """A number ("number", value), a name ("name", name), or an operation on other terms."""

    op: str
    args: tuple[Term, ...] = ()
    value: float = 0.0
    name: str = ""

    def walk(self) -> Iterator[Term]:
        """Yield this term and all below it."""
        yield self
        for argument in self.args:
            yield from argument.walk()

    @property
    def names(self) -> frozenset[str]:
        """The names that the term depends on."""
        return frozenset(t.name for t in self.walk() if t.op == "name")


def number(value: float) -> Term:
    return Term("number", value=float(value))


def name(text: str) -> Term:
    return Term("name", name=text)


ZERO, ONE = number(0), number(1)

_MACROS: dict[str, tuple[int, Callable[..., Term]]] = {
    "square": (1, lambda a: Term("*", (a, a))),
    "relu": (1, lambda a: Term("max", (a, ZERO))),
    "clip": (3, lambda a, low, high: Term("min", (Term("max", (a, low)), high))),
}  # fmt: skip
"""Short words for other terms -> number of arguments, and what they stand for."""


def _number(value: object) -> float | None:
    """Return a literal as a number, or None where it is none (True is none) or too large."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST:
        return float(value)
    return None


def parse(text: str, names: tuple[str, ...] = ("x", "y"), reductions: bool = False) -> Term:
    """Return the term that a text says, or raise UsageError that says which part is not understood.

    >>> sorted(parse("max(x, 0) + 2 * y").names)
    ['x', 'y']
    """
    if len(text) > LONGEST:
        raise UsageError(f"The expression has {len(text)} characters; at most {LONGEST} are allowed.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"The expression {text!r} cannot be read: {error}.") from None
    known = (*FUNCTIONS, *_MACROS, *(REDUCTIONS if reductions else ()))

    def refuse(node: ast.AST, why: str) -> UsageError:
        part = ast.get_source_segment(text.strip(), node) or text
        return UsageError(f"In the expression {text!r}, {part!r} {why}.")

    def read(node: ast.AST, level: int, reduced: bool) -> Term:
        if level > DEEPEST:
            raise refuse(node, f"is nested deeper than {DEEPEST} levels")
        if isinstance(node, ast.Constant) and (value := _number(node.value)) is not None:
            return number(value)
        if isinstance(node, ast.Name) and node.id == "pi":
            return number(math.pi)
        if isinstance(node, ast.Name) and node.id in names:
            return name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            pair = read(node.left, level + 1, reduced), read(node.right, level + 1, reduced)
            return Term(_BINARY[type(node.op)], pair)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = read(node.operand, level + 1, reduced)
            return number(-inner.value) if inner.op == "number" else Term("neg", (inner,))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            pair = read(node.left, level + 1, reduced), read(node.comparators[0], level + 1, reduced)
            return Term(_COMPARE[type(node.ops[0])], pair)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known:
            kind = node.func.id
            if kind in REDUCTIONS and reduced:
                raise refuse(node, f"stands inside another {' or '.join(REDUCTIONS)}")
            count = 1 if kind in REDUCTIONS else FUNCTIONS[kind] if kind in FUNCTIONS else _MACROS[kind][0]
            if len(node.args) != count or node.keywords:
                raise refuse(node, f"needs {count} argument{'s' if count > 1 else ''}")
            within = reduced or kind in REDUCTIONS
            arguments = tuple(read(argument, level + 1, within) for argument in node.args)
            return _MACROS[kind][1](*arguments) if kind in _MACROS else Term(kind, arguments)
        raise refuse(node, f"is not allowed; use numbers, {', '.join(names)}, + - * / ** and {', '.join(known)}")

    return read(tree.body, 0, False)


# --- simplification: enough that a derivative is not mostly multiplications by one -----------------------------------


def _is(term: Term, value: float) -> bool:
    return term.op == "number" and term.value == value


def plus(a: Term, b: Term) -> Term:
    return b if _is(a, 0) else a if _is(b, 0) else Term("+", (a, b))


def minus(a: Term, b: Term) -> Term:
    return a if _is(b, 0) else negative(b) if _is(a, 0) else Term("-", (a, b))


def negative(a: Term) -> Term:
    return number(-a.value) if a.op == "number" else a.args[0] if a.op == "neg" else Term("neg", (a,))


def times(a: Term, b: Term) -> Term:
    if _is(a, 0) or _is(b, 0):
        return ZERO
    if a.op == b.op == "number":
        return number(a.value * b.value)
    return b if _is(a, 1) else a if _is(b, 1) else Term("*", (a, b))


def over(a: Term, b: Term) -> Term:
    if a.op == b.op == "number" and b.value:
        return number(a.value / b.value)
    return ZERO if _is(a, 0) else a if _is(b, 1) else Term("/", (a, b))


def power(a: Term, b: Term) -> Term:
    return ONE if _is(b, 0) else a if _is(b, 1) else Term("**", (a, b))


def choose(condition: Term, a: Term, b: Term) -> Term:
    return a if a == b else Term("where", (condition, a, b))


_DERIVATIVES: dict[str, Callable[[Term], Term]] = {
    "exp": lambda a: Term("exp", (a,)),
    "log": lambda a: over(ONE, a),
    "log1p": lambda a: over(ONE, plus(ONE, a)),
    "sqrt": lambda a: over(ONE, times(number(2), Term("sqrt", (a,)))),
    "abs": lambda a: Term("sign", (a,)),
    "sign": lambda a: ZERO,
    "tanh": lambda a: minus(ONE, times(Term("tanh", (a,)), Term("tanh", (a,)))),
    "sigmoid": lambda a: times(Term("sigmoid", (a,)), minus(ONE, Term("sigmoid", (a,)))),
    "softplus": lambda a: Term("sigmoid", (a,)),
    "erf": lambda a: times(number(2 / math.sqrt(math.pi)), Term("exp", (negative(times(a, a)),))),
    "sin": lambda a: Term("cos", (a,)),
    "cos": lambda a: negative(Term("sin", (a,))),
}
"""Function of one argument -> its derivative at that argument."""


def derive(term: Term, by: str) -> Term:
    """Return the derivative of a term by a name. Comparisons and sign are constant; ties of max and min go right.

    >>> text(derive(parse("x * x + 3", ("x",)), "x"))
    '2 * x'
    """
    if by not in term.names:
        return ZERO
    if term.op == "name":
        return ONE
    a = term.args[0]
    if term.op in _DERIVATIVES:
        return times(_DERIVATIVES[term.op](a), derive(a, by))
    if term.op == "neg":
        return negative(derive(a, by))
    if term.op in (">", ">=", "<", "<="):
        return ZERO
    b = term.args[1]
    if term.op == "where":
        return choose(a, derive(b, by), derive(term.args[2], by))
    da, db = derive(a, by), derive(b, by)
    if term.op == "+":
        return plus(da, db)
    if term.op == "-":
        return minus(da, db)
    if term.op == "*" and a == b:
        return times(times(number(2), a), da)
    if term.op == "*":
        return plus(times(da, b), times(a, db))
    if term.op == "/":
        return minus(over(da, b), over(times(a, db), times(b, b)))
    if term.op == "max":
        return choose(Term(">", (a, b)), da, db)
    if term.op == "min":
        return choose(Term("<", (a, b)), da, db)
    if term.op == "**":
        if by not in b.names:
            less = number(b.value - 1) if b.op == "number" else minus(b, ONE)
            return times(times(b, power(a, less)), da)
        return times(term, plus(times(db, Term("log", (a,))), over(times(b, da), a)))
    raise UsageError(f"{term.op} has no derivative here.")


# --- losses: a formula of sums and means ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Reduction:
    """mean(inner) or sum(inner) over the values of a sample."""

    kind: str
    inner: Term


def split(term: Term) -> tuple[Term, tuple[Reduction, ...]]:
    """Return a loss's outer term, in which R0, R1, … stand for its reductions, and these.

    A formula without any is meant value by value, so it stands in a mean. Raises UsageError where prediction or target
    stand outside mean and sum beside one.

    >>> outer, found = split(parse("mean(abs(y - t)) / sum(t)", ("y", "t"), reductions=True))
    >>> text(outer), [r.kind for r in found]
    ('R0 / R1', ['mean', 'sum'])
    """
    if not any(t.op in REDUCTIONS for t in term.walk()):
        term = Term("mean", (term,))
    found: list[Reduction] = []

    def outside(here: Term) -> Term:
        if here.op in REDUCTIONS:
            one = Reduction(here.op, here.args[0])
            if one not in found:
                found.append(one)
            return name(f"R{found.index(one)}")
        if here.op == "name":
            raise UsageError(
                f"In the loss {text(term)!r}, {here.name!r} stands outside mean(...) and sum(...): beside one, the "
                "loss of a sample must be one number."
            )
        return Term(here.op, tuple(outside(a) for a in here.args), here.value)

    return outside(term), tuple(found)


def slope(term: Term) -> Term:
    """Return the derivative of a loss by one value y of the prediction, for people: n is how many values there are.

    >>> text(slope(parse("sum(square(y - t)) / 2", ("y", "t"), reductions=True)))
    'y - t'
    """
    outer, found = split(term)
    total = ZERO
    for place, one in enumerate(found):
        by = derive(outer, f"R{place}")
        for other, reduction in enumerate(found):
            by = _replaced(by, name(f"R{other}"), Term(reduction.kind, (reduction.inner,)))
        inner = derive(one.inner, "y")
        if by.op == "number" and inner.op == "*" and inner.args[0].op == "number":  # 1/2 of 2 (y - t)
            by, inner = times(by, inner.args[0]), inner.args[1]
        product = times(by, inner)
        total = plus(total, over(product, name("n")) if one.kind == "mean" else product)
    return total


def _replaced(term: Term, old: Term, new: Term) -> Term:
    if term == old:
        return new
    return Term(term.op, tuple(_replaced(a, old, new) for a in term.args), term.value, term.name)


# --- formulas for people --------------------------------------------------------------------------------------------

_STRENGTH = {">": 0, ">=": 0, "<": 0, "<=": 0, "+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "**": 4}


def text(term: Term) -> str:
    """Write a term as the grammar reads it.

    >>> text(parse("mean(square(y - t)) / 2", ("y", "t"), reductions=True))
    'mean((y - t) * (y - t)) / 2'
    """
    if term.op == "number":
        return f"{term.value:g}" if float(f"{term.value:g}") == term.value else repr(term.value)
    if term.op == "name":
        return term.name
    if term.op not in _STRENGTH:
        return f"{term.op}({', '.join(text(a) for a in term.args)})"
    own = _STRENGTH[term.op]
    if term.op == "neg":
        return f"-{_inside(term.args[0], own)}"
    left, right = term.args
    strict = 1 if term.op in ("-", "/", "*") else 0
    first = _inside(left, own + (term.op == "**"))
    return f"{first} {term.op} {_inside(right, own + strict)}"


def _inside(term: Term, least: int) -> str:
    negative_number = term.op == "number" and term.value < 0
    weak = _STRENGTH.get(term.op, 9) < least or (negative_number and least > 1)
    return f"({text(term)})" if weak else text(term)


_LATEX = {
    "exp": r"\exp", "log": r"\ln", "max": r"\max", "min": r"\min", "tanh": r"\tanh", "sin": r"\sin",
    "cos": r"\cos", "sigmoid": r"\sigma", "mean": r"\operatorname{mean}", "sum": r"\operatorname{sum}",
}  # fmt: skip


def latex(term: Term) -> str:
    r"""Write a term as a formula.

    >>> latex(parse("mean(abs(y - t)) / 2", ("y", "t"), reductions=True))
    '\\frac{\\operatorname{mean}\\left(\\left|y - t\\right|\\right)}{2}'
    """
    args = [latex(a) for a in term.args]
    if term.op == "number":
        return f"{term.value:.6g}"
    if term.op == "name":
        return term.name
    if term.op == "*" and term.args[0] == term.args[1]:
        return f"{_bracket(term.args[0], 5)}^{{2}}"
    if term.op == "/":
        return rf"\frac{{{args[0]}}}{{{args[1]}}}"
    if term.op == "**":
        return f"{_bracket(term.args[0], 5)}^{{{args[1]}}}"
    if term.op == "neg":
        return f"-{_bracket(term.args[0], 3)}"
    if term.op in _STRENGTH:
        dot = r"\cdot" if term.op == "*" and term.args[1].op == "number" else r"\,"
        sign = {"*": dot, ">=": r"\ge", "<=": r"\le"}.get(term.op, term.op)
        own = _STRENGTH[term.op]
        return f"{_bracket(term.args[0], own)} {sign} {_bracket(term.args[1], own + (term.op == '-'))}"
    if term.op == "abs":
        return rf"\left|{args[0]}\right|"
    if term.op == "sqrt":
        return rf"\sqrt{{{args[0]}}}"
    if term.op == "where":
        return rf"\begin{{cases}} {args[1]} & {args[0]} \\ {args[2]} & \text{{else}} \end{{cases}}"
    called = _LATEX.get(term.op, rf"\operatorname{{{term.op}}}")
    return rf"{called}\left({', '.join(args)}\right)"


def _bracket(term: Term, least: int) -> str:
    return rf"\left({latex(term)}\right)" if _STRENGTH.get(term.op, 9) < least else latex(term)
