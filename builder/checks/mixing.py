"""Losses that cannot compare with the target of mixed samples."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from schemas import data as schema
from schemas.errors import Fix
from schemas.patch import join
from schemas.say import say

from .ending import Ending
from .found import Found, found, over, remove
from .rehead import retyped

if TYPE_CHECKING:
    from builder.graph import Node

INSTEAD = {"classification": "SoftmaxCrossEntropy", "binary": "SigmoidCrossEntropy"}
"""Task -> the loss of raw values that can."""


def check(end: Ending, data: schema.Data | None) -> Iterator[Found]:
    """Yield a problem for each Hinge loss where samples are mixed: it asks on which side an answer is, not how far."""
    places = [k for k, step in enumerate(data.augmentation) if isinstance(step, schema.Mixup)] if data else []
    seen: set[str] = set()
    for node in end.state.graph.nodes.values() if places else ():
        if node.type != "Hinge" or node.pointer in seen:
            continue
        seen.add(node.pointer)
        yield found(
            "mixup_loss",
            say("{name} wants yes or no, but the targets of mixed samples lie between.", name=node.name),
            say("It is 0 for all answers on the right side; of a target between both sides there is no right side."),
            pointer=node.pointer,
            layer=node.name,
            propose=partial(_fixes, node, end.task, places[0]),
        )


def _fixes(node: Node, task: str, place: int) -> Iterator[Fix]:
    yield Fix(say("Do not mix samples"), (remove(join("/data/augmentation", place)),))
    if task in INSTEAD:
        yield Fix(say("Use {loss}", loss=INSTEAD[task]), (over(node.pointer, retyped(node, INSTEAD[task])),))
