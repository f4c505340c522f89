"""Formulas in the document: whether they may take a logarithm of 0, divide by 0, or the root of a negative number."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from builder.intervals import ANY, Interval, Known, assumed, interval
from schemas import ops
from schemas.errors import Fix, UsageError
from schemas.expression import Term, name, parse
from schemas.layers.custom_activation import CustomActivation
from schemas.layers.custom_loss import CustomLoss
from schemas.say import Said, say
from schemas.shapes import elements

from .ending import Ending
from .found import Found, changed, found

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes

Y, T, X = name("y"), name("t"), name("x")
SAME = (
    "Identity", "Flatten", "Reshape", "MaxPooling", "GlobalMaxPooling", "GlobalAveragePooling", "Slice", "Split",
    "Transpose", "Broadcast", "Concatenate", "Max", "Min", "Mean",
)  # fmt: skip
"""Layers whose values lie where those lie that they read."""

ADDING = ("AveragePooling", "Dropout", "SpatialDropout", "SumPooling", "Sum", "Add", "Pad", "Upsample")
"""Layers whose values have the sign of those that they read."""

MOST = 200
"""Layers that are looked back at."""


def check(end: Ending) -> Iterator[Found]:
    """Warn of each part of a formula that may have no value, one at a time for each layer."""
    seen: set[str] = set()
    for node in end.state.graph.nodes.values():
        if isinstance(node.layer, CustomLoss | CustomActivation) and node.pointer not in seen:
            danger = next(_dangers(end, node, node.layer), None)
            if danger is not None:
                seen.add(node.pointer)
                yield _told(node, danger)


def range_of(state: Shapes, layer: str | None, known: dict[str, Interval] | None = None) -> Interval:
    """Return between which numbers the values of a layer lie, as far as that follows from the layers alone."""
    known = {} if known is None else known
    node = state.graph.nodes.get(layer or "")
    if node is None or node.layer is None:
        return ANY
    if node.name not in known:
        known[node.name] = ANY  # of a layer on a loop, and of one that is too deep
        known[node.name] = _range_of(state, node, known) if len(known) < MOST else ANY
    return known[node.name]


def _range_of(state: Shapes, node: Node, known: dict[str, Interval]) -> Interval:
    if node.type == "Softmax":
        return Interval(0, 1)
    made = state.made.get(node.name, ())
    function = made[0].function if len(made) == 1 and isinstance(made[0], ops.Pointwise) else None
    if function is None and node.type not in (*SAME, *ADDING):
        return ANY
    given = [range_of(state, other, known) for other in node.inputs]
    if not given:
        return ANY
    if function is not None:
        return interval(parse(function, ("x", "y")), {X: given[0]})
    together = given[0]
    for other in given[1:]:
        together = together.joined(other)
    if node.type in SAME:
        return together
    return Interval(0 if together.low >= 0 else -math.inf, 0 if together.high <= 0 else math.inf)


@dataclass(frozen=True)
class Danger:
    """A part of a formula that may have no value: what to say of it, and formulas that always have one."""

    what: Said
    better: tuple[str, ...]


def _dangers(end: Ending, node: Node, layer: CustomLoss | CustomActivation) -> Iterator[Danger]:
    given = range_of(end.state, node.inputs[0] if node.inputs else None)
    shape = end.state.shapes.get(node.inputs[0] or "") if node.inputs else None
    loss = isinstance(layer, CustomLoss)
    known: dict[Term, Interval] = {Y: given, T: _target(end, layer)} if isinstance(layer, CustomLoss) else {X: given}
    names = ("y", "t") if loss else ("x",)
    text = layer.expression.strip()
    tree = ast.parse(text, mode="eval").body
    yield from _Walk(node.name, text, names, loss, elements(shape) if shape else 1).look(tree, known)


def _target(end: Ending, layer: CustomLoss) -> Interval:
    if layer.target == "input" or end.task == "regression":
        return ANY
    return Interval(0, 1)


@dataclass(frozen=True)
class _Walk:
    """Goes through a formula as it was written, so that a fix changes nothing but the part that it is about."""

    layer: str
    text: str
    names: tuple[str, ...]
    reductions: bool
    values: int

    def look(self, node: ast.AST, known: Known) -> Iterator[Danger]:
        """Yield the dangers of a part of the formula, the innermost first."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "where" and len(node.args) == 3:
                condition = self._term(node.args[0])
                yield from self.look(node.args[0], known)
                yield from self.look(node.args[1], assumed(condition, True, known, self.values))
                yield from self.look(node.args[2], assumed(condition, False, known, self.values))
                return
            for argument in node.args:
                yield from self.look(argument, known)
            if node.func.id in ("log", "log1p", "sqrt"):
                yield from self._function(node, node.func.id, node.args[0], known)
            return
        for child in ast.iter_child_nodes(node):
            yield from self.look(child, known)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield from self._division(node, known)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            yield from self._power(node, known)

    def _function(self, node: ast.Call, kind: str, argument: ast.AST, known: Known) -> Iterator[Danger]:
        lies, arg = interval(self._term(argument), known, self.values), self._source(argument)
        told = {"name": self.layer, "part": self._source(node), "arg": arg, "range": _range(lies)}
        safe = self._with(argument, f"max({arg}, {'-0.9999999' if kind == 'log1p' else '1e-07'})")
        if kind == "log" and lies.low <= 0:
            what = say("{name}: {part} is the logarithm of a number that may be 0 or less: {arg} is {range}.", **told)
            plus = (self._with(argument, f"{arg} + 1e-07"),) if lies.low == 0 else ()
            yield Danger(what, (*plus, safe))
        elif kind == "log1p" and lies.low <= -1:
            what = say("{name}: {part} has no value where its argument is -1 or less: {arg} is {range}.", **told)
            yield Danger(what, (safe,))
        elif kind == "sqrt" and lies.low < 0:
            what = say("{name}: {part} is the root of a number that may be negative: {arg} is {range}.", **told)
            yield Danger(what, (safe,))
        elif kind == "sqrt" and lies.low == 0:
            what = say("{name}: {part} is infinitely steep where {arg} is 0, and it is {range}.", **told)
            yield Danger(what, (self._with(argument, f"{arg} + 1e-07"), safe))

    def _division(self, node: ast.BinOp, known: Known) -> Iterator[Danger]:
        lies, below = interval(self._term(node.right), known, self.values), self._source(node.right)
        apart = interval(Term("abs", (self._term(node.right),)), known, self.values)
        if not lies.holds(0) or apart.low > 0:
            return
        told = {"name": self.layer, "part": self._source(node), "arg": below, "range": _range(lies)}
        what = say("{name}: {part} divides by a number that may be 0: {arg} is {range}.", **told)
        better: tuple[str, ...]
        if lies.low >= 0:
            better = (self._with(node.right, f"({below} + 1e-07)"), self._with(node.right, f"max({below}, 1e-07)"))
        elif lies.high <= 0:
            better = (self._with(node.right, f"min({below}, -1e-07)"),)
        else:
            better = (self._with(node, f"where(abs({below}) > 1e-07, {self._source(node)}, 0)"),)
        yield Danger(what, better)

    def _power(self, node: ast.BinOp, known: Known) -> Iterator[Danger]:
        base, power = (interval(self._term(part), known, self.values) for part in (node.left, node.right))
        under = self._source(node.left)
        told = {"name": self.layer, "part": self._source(node), "arg": under, "range": _range(base)}
        whole = power.low == power.high == math.floor(power.low) if math.isfinite(power.low) else False
        least = "0" if power.low >= 1 else "1e-07"
        better = (self._with(node.left, f"max({under}, {least})"),)
        if not whole and base.low < 0:
            what = say("{name}: {part} has no value where {arg} is negative, and it is {range}.", **told)
            yield Danger(what, better)
        elif base.holds(0) and power.low < 0:
            what = say("{name}: {part} divides by a number that may be 0: {arg} is {range}.", **told)
            yield Danger(what, better)
        elif base.holds(0) and power.low < 1 and not whole:
            yield Danger(say("{name}: {part} is infinitely steep where {arg} is 0, and it is {range}.", **told), better)

    def _term(self, node: ast.AST) -> Term:
        return parse(self._source(node), self.names, self.reductions)

    def _source(self, node: ast.AST) -> str:
        return ast.get_source_segment(self.text, node) or self.text

    def _with(self, node: ast.AST, new: str) -> str:
        """Return the formula with another text in the place of a part."""
        lines = self.text.encode().splitlines(keepends=True)
        assert isinstance(node, ast.expr) and node.end_lineno is not None and node.end_col_offset is not None
        start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
        stop = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
        whole = self.text.encode()
        return (whole[:start] + new.encode() + whole[stop:]).decode()


def _range(lies: Interval) -> Said:
    """Say where numbers lie."""
    low, high = (f"{value:g}" for value in (lies.low, lies.high))
    if math.isinf(lies.low) and math.isinf(lies.high):
        return say("any number")
    if math.isinf(lies.high):
        return say("at least {low}", low=low)
    return say("at most {high}", high=high) if math.isinf(lies.low) else say("from {low} to {high}", low=low, high=high)


def _told(node: Node, danger: Danger) -> Found:
    return found(
        "formula_range",
        danger.what,
        say("There the loss becomes infinite or no number, and training stops."),
        pointer=f"{node.pointer}/expression",
        layer=node.name,
        warning=True,
        propose=partial(_fixes, node, danger),
    )


def _fixes(node: Node, danger: Danger) -> Iterator[Fix]:
    for formula in danger.better:
        try:
            type(node.layer).model_validate({"expression": formula})  # type: ignore[union-attr]  # only valid layers
        except (UsageError, ValueError):
            continue  # longer than a formula may be
        yield changed(node, {"expression": formula}, say("Write {formula}", formula=formula))
