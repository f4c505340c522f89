"""Two networks block by block: what was added, what was taken away, and which settings of the others changed.

    found = compare(before, check(before), after, check(after))       # builder.check
    found.pairs     the blocks as the documents write them, aligned; a Repeat's own under it, units at the end
    found.settings  (path, before, after) of everything around the network: data, task, training
    found.totals    {key: (before, after)}

A block is paired with one of the same type, the more settings they share the better, in the order of both networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from builder.checks.report import Report
from builder.cost import LayerInfo
from builder.graph import Block as Folded, Graph, Node, Scope
from schemas.patch import PatchError, resolve
from schemas.shapes import Shape

from .compare import differences

State = Literal["same", "follows", "changed", "added", "removed"]
"""`follows`: the same settings, but another shape or size, because of what stands before it."""

Change = tuple[str, Any, Any]
"""Path of a setting, its value before and after; None where it was or is not said."""

TOTALS = ("parameters", "multiply_adds", "activation_bytes", "peak_training_bytes")
MOST_CELLS = 400_000
"""Pairs of blocks that are weighed; of larger networks the blocks in the middle are taken as replaced."""

MOST_DEPTH = 20
"""Repeats in each other that are looked into."""

WHOLE = ""
"""The place of the network's own stack; a unit's is its name."""


@dataclass(frozen=True)
class Written:
    """One block as its document writes it."""

    name: str
    type: str
    place: str
    depth: int
    """Repeats around it."""
    settings: Mapping[str, Any]
    """What it says besides its type and what it holds: path -> value."""
    shape: Shape | None
    parameters: int | None

    @property
    def kind(self) -> tuple[str, str, int]:
        """Only blocks of the same kind are the same block."""
        return self.place, self.type, self.depth


@dataclass(frozen=True)
class Pair:
    """A block of one network beside the block of the other; one of them is None where there is none."""

    before: Written | None
    after: Written | None
    changes: tuple[Change, ...] = ()

    @property
    def state(self) -> State:
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        if self.changes:
            return "changed"
        sizes = [(one.shape, one.parameters) for one in (self.before, self.after)]
        return "same" if sizes[0] == sizes[1] else "follows"

    @property
    def block(self) -> Written:
        """The newer of the two."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True)
class Comparison:
    """What differs between two documents."""

    pairs: tuple[Pair, ...]
    settings: tuple[Change, ...]
    totals: Mapping[str, tuple[int | None, int | None]]

    @property
    def equal(self) -> bool:
        return not self.settings and all(pair.state == "same" for pair in self.pairs)


Document = Mapping[str, Any]


def compare(before: Document, checked_before: Report, after: Document, checked_after: Report) -> Comparison:
    """Return what differs between two documents with their checks. They may have errors; unknown shapes are None."""
    both = ((before, checked_before), (after, checked_after))
    around = [{key: value for key, value in one.items() if key not in ("format", "model", "name")} for one, _ in both]
    inputs = [{"input": list(report.input_shape) if report.input_shape else None} for _, report in both]
    changed = {**differences(inputs), **differences(around)}
    totals = {key: (checked_before.totals.get(key), checked_after.totals.get(key)) for key in TOTALS}
    return Comparison(
        tuple(align(*(blocks(one, report) for one, report in both))),
        tuple((path, values[0], values[1]) for path, values in changed.items()),
        totals,
    )


# --- blocks ----------------------------------------------------------------------------------------------------------


def blocks(document: Document, report: Report) -> list[Written]:
    """Return a document's blocks in its order: the network's, each Repeat's own under it, then those of each unit.

    The head and the loss that the check fills in stand at the end of the network.
    """
    graph = Graph(report.document)
    scopes: dict[str, Scope] = {}
    for scope in graph.scopes():
        scopes.setdefault(scope.pointer, scope)
    infos = {info.name: info for info in report.layers}

    def stack(scope: Scope, place: str, depth: int) -> Iterator[Written]:
        for item in scope.items:
            yield _written(document, report, infos, item, place, depth)
            own = scopes.get(f"{item.pointer}/layers")
            if item.type == "Repeat" and own is not None and depth < MOST_DEPTH:
                yield from stack(own, place, depth + 1)

    found = list(stack(graph.root, WHOLE, 0))
    model = report.document.get("model")
    units = model.get("units") if isinstance(model, Mapping) else None
    for name in units if isinstance(units, Mapping) else ():
        inside = scopes.get(f"/model/units/{name}/layers")
        if inside is not None:
            found += stack(inside, str(name), 0)
    return found


def _written(
    document: Document, report: Report, infos: Mapping[str, LayerInfo], item: Node | Folded, place: str, depth: int
) -> Written:
    try:
        entry = resolve(document, item.pointer)
    except PatchError:  # filled in
        entry = {key: value for key, value in item.entry.items() if key != "name"}
    try:
        shape = report.shapes.get(item.output().name)
    except LookupError:  # a Repeat of nothing
        shape = None
    sizes = [infos[name].parameters if name in infos else None for name in _layers(item)]
    known = [size for size in sizes if size is not None]
    return Written(
        item.name,
        item.type,
        place,
        depth,
        _settings(entry if isinstance(entry, Mapping) else {}),
        shape,
        sum(known) if sizes and len(known) == len(sizes) else None,
    )


def _layers(item: Node | Folded) -> list[str]:
    """Return the names of the layers that a block stands for: itself, or all that a Repeat or Unit holds."""
    if not isinstance(item, Folded):
        return [item.name]
    return [name for scope in item.rounds for inner in scope.items for name in _layers(inner)]


def _settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a block says, path -> value: arguments and initialisers one by one."""
    found: dict[str, Any] = {}
    for key, value in entry.items():
        if key in ("type", "layers"):
            continue
        if isinstance(value, Mapping) and value:
            found |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            found[str(key)] = value
    return found


# --- alignment -------------------------------------------------------------------------------------------------------


def align(before: Sequence[Written], after: Sequence[Written]) -> list[Pair]:
    """Pair the blocks of two lists so that as little as possible has changed.

    >>> a, b = (Written(t, t, "", 0, {}, None, None) for t in ("ReLU", "Affine"))
    >>> [pair.state for pair in align([a, b], [b])]
    ['removed', 'same']
    """
    start = 0
    while start < min(len(before), len(after)) and _equal(before[start], after[start]):
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and _equal(before[-1 - end], after[-1 - end]):
        end += 1
    middle = _weighed(before[start : len(before) - end], after[start : len(after) - end])
    tail = zip(before[len(before) - end :], after[len(after) - end :], strict=True)
    return [
        *(_pair(a, b) for a, b in zip(before[:start], after[:start], strict=True)),
        *middle,
        *(_pair(a, b) for a, b in tail),
    ]


def _equal(a: Written, b: Written) -> bool:
    return a.kind == b.kind and a.settings == b.settings


def _pair(a: Written, b: Written) -> Pair:
    paths = dict.fromkeys((*a.settings, *b.settings))
    changes = [(path, a.settings.get(path), b.settings.get(path)) for path in paths]
    return Pair(a, b, tuple(change for change in changes if _text(change[1]) != _text(change[2])))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _weighed(before: Sequence[Written], after: Sequence[Written]) -> list[Pair]:
    """Align by dynamic programming: a block that goes or comes costs 1, a pair what share of its settings changed."""
    rows, columns = len(before), len(after)
    if rows * columns > MOST_CELLS or not rows or not columns:
        return [*(Pair(one, None) for one in before), *(Pair(None, one) for one in after)]
    cost = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            if i == rows or j == columns:
                cost[i][j] = float(rows - i + columns - j)
                continue
            cost[i][j] = 1 + min(cost[i + 1][j], cost[i][j + 1])
            if before[i].kind == after[j].kind:
                cost[i][j] = min(cost[i][j], _distance(before[i], after[j]) + cost[i + 1][j + 1])
    found: list[Pair] = []
    i = j = 0
    while i < rows and j < columns:
        together = _distance(before[i], after[j]) if before[i].kind == after[j].kind else 3.0
        if cost[i][j] == together + cost[i + 1][j + 1]:
            found.append(_pair(before[i], after[j]))
            i, j = i + 1, j + 1
        elif cost[i][j] == 1 + cost[i + 1][j]:
            found.append(Pair(before[i], None))
            i += 1
        else:
            found.append(Pair(None, after[j]))
            j += 1
    found += [Pair(one, None) for one in before[i:]]
    return [*found, *(Pair(None, one) for one in after[j:])]


def _distance(a: Written, b: Written) -> float:
    """Return how much two blocks of a kind differ: 0 for nothing, below 1.2 for all; given names that differ weigh."""
    if a.settings == b.settings:
        return 0.0
    paths = {*a.settings, *b.settings} - {"name", "inputs"}
    differ = sum(a.settings.get(path) != b.settings.get(path) for path in paths)
    named = a.settings.get("name") != b.settings.get("name")
    return 0.05 + 0.75 * differ / max(1, len(paths)) + (0.4 if named else 0.0)
