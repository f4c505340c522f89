"""What the canvas shows of a state and its check, as plain values; texts come from the page.

A stack shows its own blocks; a Repeat or Unit among them is one block with the sums of what it holds. Inside of a
Repeat the first round is shown, inside of a unit its first use. Layers that the check fills in (head and loss) stand
at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.checks.report import Report
from builder.cost import LayerInfo, Settings
from builder.graph import Block, Graph, Node, Scope
from builder.report.pace import layer_seconds
from schemas.errors import Problem
from schemas.layer import REGISTRY
from schemas.shapes import Shape, shape_text

from .names import Scopes
from .state import State
from .tree import INPUT, Tree, Where, identity, stripped, units_of, walk

FILLED = "filled:"
"""Ids of layers that the check fills in begin so."""

MEASURES = ("parameters", "multiply_adds", "activation_bytes", "seconds")
"""What a badge can show; seconds are those of one sample in a training step."""

HIDDEN = (
    *("type", "name", "inputs", "layers", "trainable", "learning_rate_factor", "weight_decay"),
    *("weight_initializer", "bias_initializer", "arguments"),
)


@dataclass(frozen=True)
class Shown:
    """One block of the shown stack, with all that is known of it."""

    id: str
    name: str
    type: str
    pointer: str
    entry: Mapping[str, Any]
    shape: Shape | None
    inputs: tuple[Shape | None, ...]
    cost: Mapping[str, float | None]
    problems: tuple[Problem, ...]
    info: LayerInfo | None
    """The layer's own; None for a Repeat or Unit."""

    @property
    def filled(self) -> bool:
        """Whether the check filled it in; the document does not say it."""
        return self.id.startswith(FILLED)

    @property
    def category(self) -> str:
        known = REGISTRY.get(self.type)
        return (
            str(known.category) if known is not None else "Structure" if self.type in ("Repeat", "Unit") else "Unknown"
        )


def scope_of(graph: Graph, where: Where) -> Scope | None:
    """Return the first place of the expanded network where a stack stands; None where it is not used."""
    return next((scope for scope in graph.scopes() if scope.pointer == where.pointer), None)


def blocks(state: State, report: Report) -> list[Shown]:
    """Return the blocks of the shown stack, those that are filled in at the end of the network included."""
    where = state.stack
    if where is None:
        return []
    scope = scope_of(state.graph, where)
    infos = {info.name: info for info in report.layers}
    batch = Settings.of(report.document).batch
    times = {name: step / batch for name, step in layer_seconds(report).items()}
    found = []
    for index, entry in enumerate(where.entries):
        item = scope.items[index] if scope is not None and index < len(scope.items) else None
        found.append(_shown(state, report, where, index, entry, item, infos, times))
    if not state.place:
        known = set(state.graph.nodes)
        ends = [info for info in report.layers if info.name not in known]
        found += [_filled(info, report, k, times) for k, info in enumerate(ends)]
    return found


def _shown(
    state: State,
    report: Report,
    where: Where,
    index: int,
    entry: Any,
    item: Node | Block | None,
    infos: Mapping[str, LayerInfo],
    times: Mapping[str, float],
) -> Shown:
    block = identity(where, index)
    pointer = f"{where.pointer}/{index}"
    raw: Mapping[str, Any] = stripped(entry) if isinstance(entry, dict) else {}
    name = state.names.get(block) or (item.name if item is not None else "?")
    inside: list[LayerInfo] = []
    info = None
    reads: tuple[str | None, ...] = ()
    if isinstance(item, Block):
        inside = _within(item, infos)
        shape = report.shapes.get(item.output().name)
        reads = (_source(item),)
    elif item is not None:
        info = infos.get(item.name)
        inside = [info] if info is not None else []
        shape = report.shapes.get(item.name)
        reads = tuple(item.inputs)
    else:
        shape = None
    return Shown(
        block,
        name,
        str(raw.get("type", "?"))[:100],
        pointer,
        raw,
        shape,
        tuple(report.shapes.get(source) if source is not None else None for source in reads),
        _sums(inside, times),
        tuple(_at(report.problems, pointer, entry, state.tree)),
        info,
    )


def _source(block: Block) -> str | None:
    """Return the name of the layer that a Repeat or Unit reads; None where there is none."""
    try:
        source = block.rounds[0].source()
    except LookupError:
        return None
    return INPUT if source is None else source.name


def _within(block: Block, infos: Mapping[str, LayerInfo]) -> list[LayerInfo]:
    """Return the layers that a Repeat or Unit stands for."""
    found, waiting = [], list(block.rounds)
    while waiting:
        for item in waiting.pop().items:
            if isinstance(item, Block):
                waiting += item.rounds
            elif item.name in infos:
                found.append(infos[item.name])
    return found


def _filled(info: LayerInfo, report: Report, number: int, times: Mapping[str, float]) -> Shown:
    fields = info.layer.model_dump(exclude_unset=True, mode="json") if info.layer is not None else {}
    entry = {"type": info.type, **{key: value for key, value in fields.items() if key not in ("type", "name")}}
    reads = tuple(report.shapes.get(source or INPUT) for source in info.inputs)
    costs = _sums([info], times)
    return Shown(f"{FILLED}{number}", info.name, info.type, "", entry, info.output_shape, reads, costs, (), info)


def _sums(infos: Iterable[LayerInfo], times: Mapping[str, float]) -> dict[str, float | None]:
    """Return the costs of some layers; None where one of them is unknown."""
    parts = list(infos)
    sums: dict[str, float | None] = {}
    for key in MEASURES:
        values = [times.get(part.name) if key == "seconds" else getattr(part, key) for part in parts]
        known = [value for value in values if value is not None]
        sums[key] = sum(known) if parts and len(known) == len(parts) else None
    return sums


def _at(problems: Iterable[Problem], pointer: str, entry: Any, tree: Tree) -> Iterable[Problem]:
    """Yield the problems of a block: its own, those of what lies in it, and those of the units that it uses."""
    places = [pointer]
    if isinstance(entry, dict):
        used = {part.get("unit") for part in walk([entry]) if part.get("type") == "Unit"}
        places += [f"/model/units/{name}" for name in used if isinstance(name, str) and name in units_of(tree)]
    for problem in problems:
        if any(problem.pointer == place or problem.pointer.startswith(place + "/") for place in places):
            yield problem


def unplaced(problems: Iterable[Problem], shown: Iterable[Shown]) -> list[Problem]:
    """Return the problems that no shown block has."""
    told = {id(problem) for block in shown for problem in block.problems}
    return [problem for problem in problems if id(problem) not in told]


def edges(state: State, shown: list[Shown]) -> list[list[str]]:
    """Return [source, target] between the shown blocks; "Input" is the stack's input."""
    where = state.stack
    if where is None:
        return []
    found = [[source, target] for source, target in Scopes(state.tree, state.names).edges(where)]
    filled = [block for block in shown if block.filled]
    ends = {block.name: block.id for block in shown}
    last = identity(where, len(where.entries) - 1) if where.entries else INPUT
    for block in filled:
        for source in block.info.inputs if block.info is not None else ():
            found.append([ends.get(source or "", last), block.id])
    return found


def settings(block: Shown) -> str:
    """Write what matters of a block's fields, in few characters.

    The value of a required field stands alone; windows are written 3 × 3.
    """
    parts = []
    if block.type == "Unit":
        given = block.entry.get("arguments")
        parts = [str(block.entry.get("unit", "?"))[:40]]
        parts += [f"{key} {_short(value)}" for key, value in given.items()] if isinstance(given, dict) else []
    elif block.type == "Repeat":
        inner = block.entry.get("layers")
        parts = [f"{_short(block.entry.get('n', '?'))} ×"]
        parts += [", ".join(str(e.get("type", "?")) for e in inner[:3] if isinstance(e, dict))
                  + (" …" if len(inner) > 3 else "")] if isinstance(inner, list) else []  # fmt: skip
    else:
        row = any(shape is not None and len(shape) == 2 for shape in block.inputs)
        for key, value in block.entry.items():
            if key not in HIDDEN:
                alone = key in ("out_channels", "out_features", "shape", "p", "kernel_size")
                square = key == "kernel_size" and isinstance(value, int) and not row
                said = f"{value}×{value}" if square else _short(value)
                parts.append(said if alone else f"{key.split('_')[0]} {said}")
        if block.entry.get("trainable") is False:
            parts.append("❄")
        for key, sign in (("learning_rate_factor", "η×"), ("weight_decay", "λ ")):
            if block.entry.get(key) is not None:
                parts.append(sign + _short(block.entry[key]))
    return " · ".join(parts)[:80]


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return "×".join(str(part)[:10] for part in value[:4])
    return str(value)[:20]


def node(block: Shown, badges: list[str], told: Callable[[Problem], str]) -> dict[str, Any]:
    """Return a block as the canvas takes it, with a badge for each of MEASURES."""
    worst = next((p for p in block.problems if p.severity == "error"), block.problems[0] if block.problems else None)
    return {
        "id": block.id,
        "name": block.name,
        "type": block.type,
        "category": block.category,
        "settings": settings(block),
        "shape": shape_text(block.shape) if block.shape else "?",
        "badge": badges[0] if badges else "",
        "badges": badges,
        "problem": worst.severity if worst is not None else None,
        "message": told(worst) if worst is not None else None,
        "fold": block.type in ("Repeat", "Unit"),
        "fixed": block.filled,
    }
