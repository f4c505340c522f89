"""Losses in the wrong place. The last layer of the list is the main loss; others are auxiliary, read by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.heads import HEADS, wanted_width
from schemas.errors import Fix
from schemas.patch import join
from schemas.say import listed, say
from schemas.shapes import elements

from .ending import Ending
from .found import Found, found, insert, put, remove

if TYPE_CHECKING:
    from builder.graph import Node


def misplaced(end: Ending) -> Iterator[Found]:
    """Yield a problem for each loss that another layer reads, or that reads the network's input itself."""
    graph = end.state.graph
    seen: set[str] = set()
    for node in graph.nodes.values():
        if not node.is_loss or node.pointer in seen:
            continue
        readers = [graph.nodes[name] for name in graph.readers[node.name]]
        if readers:
            seen.add(node.pointer)
            other = next((reader for reader in readers if reader.is_loss), None)
            yield _early(end, node, readers[0]) if other is None else _second(end, node, other)
        elif node.inputs == ["Input"] and _compares(node) == "labels":
            seen.add(node.pointer)
            yield _bare(end, node)


def _compares(node: Node) -> str:
    return str(getattr(node.layer, "target", "labels"))


def _second(end: Ending, node: Node, other: Node) -> Found:
    def propose() -> Iterator[Fix]:
        before = end.state.graph.nodes.get(node.inputs[0] or "") if len(node.inputs) == 1 else None
        if before is not None and before.scope is other.scope:
            names = {"name": other.name, "other": before.name, "given": node.name}
            title = say("Let {name} read {other} instead of {given}", **names)
            yield Fix(title, (put(join(other.pointer, "inputs"), [before.name]),))
        yield Fix(say("Remove {name}", name=other.name), (remove(other.pointer),))
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))

    return found(
        "several_losses",
        say("{name} reads {other}, which is a loss itself.", name=other.name, other=node.name),
        say(
            "A loss is one number, which no other loss can compare with a target. Several losses read predictions, "
            "each its own or all the same one; the last of the list is the main one."
        ),
        pointer=other.pointer,
        layer=other.name,
        propose=propose,
    )


def _early(end: Ending, node: Node, reader: Node) -> Found:
    graph = end.state.graph
    layers = graph.root.pointer

    def propose() -> Iterator[Fix]:
        yield Fix(
            say("Move {name} to the end", name=node.name),
            (remove(node.pointer), put(join(layers, "-"), dict(node.entry))),
        )
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
        if node.scope is graph.root:
            after = range(len(graph.root.items) - 1, node.position, -1)
            yield Fix(
                say("Remove what follows {name}", name=node.name), tuple(remove(join(layers, place)) for place in after)
            )
        yield from _past(end, node, reader)

    return found(
        "loss_not_last",
        say("{name} is a loss, but stands before other layers.", name=node.name),
        say(
            "A loss makes one number of the prediction; no layer can work on with it. It belongs at "
            "the end of the list."
        ),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _past(end: Ending, node: Node, reader: Node) -> Iterator[Fix]:
    """Propose that the loss becomes an auxiliary one: what follows it reads the layer before its head instead."""
    state, graph = end.state, end.state.graph
    before = graph.nodes.get(node.inputs[0] or "") if len(node.inputs) == 1 else None
    seen: set[str] = set()
    while before is not None and before.name not in seen and len(before.inputs) == 1:
        seen.add(before.name)
        shape = state.shapes.get(before.name)
        if shape is not None and elements(shape[1:]) > 1:
            break
        before = graph.nodes.get(before.inputs[0] or "")
    if before is not None and before.scope is reader.scope is node.scope and reader.inputs == [node.name]:
        names = {"name": reader.name, "other": before.name, "loss": node.name}
        title = say("Let {name} read {other}, and keep {loss} as an auxiliary loss", **names)
        yield Fix(title, (put(join(reader.pointer, "inputs"), [before.name]),))


def _bare(end: Ending, loss: Node) -> Found:
    """Return the problem that a loss reads the network's input itself, so that there is nothing to train."""
    wanted = HEADS[end.task][0]
    new: list[dict[str, Any]] = [
        *([{"type": wanted}] if wanted else []),
        {"type": "Affine", "out_features": wanted_width(end.task, end.facts) or 10},
    ]

    def propose() -> Iterator[Fix]:
        clear = (remove(join(loss.pointer, "inputs")),) if "inputs" in loss.entry else ()
        names = listed([entry["type"] for entry in reversed(new)])
        yield Fix(
            say("Insert {names} before {name}", names=names, name=loss.name),
            (*clear, *(insert(loss.pointer, entry) for entry in new)),
        )

    return found(
        "missing_head",
        say("{name} reads the network's input, so there is nothing to train.", name=loss.name),
        say("A loss compares a prediction with the target; a layer with weights has to make it."),
        pointer=loss.pointer,
        layer=loss.name,
        propose=propose,
    )
