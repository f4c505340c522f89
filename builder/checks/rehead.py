"""Patches that give a network another end: the activation and loss of a task in place of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.heads import HEADS, Head, stated_task
from schemas.patch import join

from .found import insert, over, put, remove

if TYPE_CHECKING:
    from builder.graph import Node

    from .ending import Ending


def retyped(node: Node, kind: str) -> dict[str, Any]:
    """Return the entry of another layer type in the same place: name and inputs stay."""
    return {"type": kind, **{key: node.entry[key] for key in ("name", "inputs") if key in node.entry}}


def inserted(node: Node, kind: str) -> tuple[dict[str, Any], ...]:
    """Return the patch that puts a layer without settings before a layer with one input."""
    new: dict[str, Any] = {"type": kind}
    if "inputs" in node.entry:
        new["inputs"] = node.entry["inputs"]
        return remove(join(node.pointer, "inputs")), insert(node.pointer, new)
    return (insert(node.pointer, new),)


def reheaded(end: Ending, head: Head, task: str) -> tuple[dict[str, Any], ...]:
    """Return the patch that gives the network the head and loss of `task`, and states the task if it was stated."""
    wanted, own = HEADS[task]
    patch: list[dict[str, Any]] = []
    if stated_task(end.raw) not in (None, task):
        patch.append(put("/task", task))
    if head.loss is not None:
        patch.append(over(head.loss.pointer, retyped(head.loss, own)))
    if head.activation is not None:
        where = head.activation.pointer
        patch.append(over(where, retyped(head.activation, wanted)) if wanted else remove(where))
    elif wanted and head.loss is not None:
        patch += inserted(head.loss, wanted)
    return tuple(patch)
