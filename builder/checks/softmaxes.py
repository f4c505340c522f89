"""Softmax twice in a row, and Softmax of a single class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.heads import PASSING, WIDTHS
from schemas.errors import Fix
from schemas.patch import join
from schemas.say import say

from .ending import Ending
from .found import Found, changed, found, insert, outputs, remove
from .rehead import reheaded

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes


def twice(state: Shapes) -> Iterator[Found]:
    seen: set[str] = set()
    for node in state.graph.nodes.values():
        before = node
        for _ in range(10 if node.type == "Softmax" and node.layer is not None else 0):
            if len(before.inputs) != 1 or before.inputs[0] not in state.graph.nodes:
                break
            before = state.graph.nodes[before.inputs[0]]
            if before.type == "Softmax" and before is not node and node.pointer not in seen:
                seen.add(node.pointer)
                yield _second_softmax(node, before)
            if before.type not in PASSING:
                break


def _second_softmax(node: Node, first: Node) -> Found:
    def propose() -> Iterator[Fix]:
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
        yield Fix(say("Remove {name}", name=first.name), (remove(first.pointer),))

    return found(
        "softmax_twice",
        say("{name} reads {other}: Softmax stands twice in a row.", name=node.name, other=first.name),
        say("The second one makes nearly equal probabilities of the first one's, and the network hardly learns."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def one_class(end: Ending) -> Iterator[Found]:
    seen: set[str] = set()
    for node in end.state.graph.nodes.values():
        given = end.state.given(node) if node.type == "Softmax" and node.layer is not None else None
        if given and len(given) == 1 and given[0][0] == 1 and node.pointer not in seen:
            seen.add(node.pointer)
            yield _constant(end, node)


def _constant(end: Ending, node: Node) -> Found:
    def propose() -> Iterator[Fix]:
        head = end.head
        if head is None or head.activation is not node:
            loss = head.loss if head is not None and head.activation is None else None
            if loss is not None and "inputs" not in {**node.entry, **loss.entry} and node.scope is loss.scope:
                before = join(loss.scope.pointer, loss.position - 1)
                patch = (remove(node.pointer), insert(before, dict(node.entry)))
                yield Fix(say("Move {name} before {other}", name=node.name, other=loss.name), patch)
            yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
            return
        classes = end.facts.classes if end.facts is not None else None
        if classes is None or classes <= 2:
            yield Fix(say("Use Sigmoid and BinaryCrossEntropy, for yes or no"), reheaded(end, head, "binary"))
        if head.linear is not None:
            width = {WIDTHS[head.linear.type]: classes or 2}
            yield changed(
                head.linear,
                width,
                say("Make {outputs} in {names}", outputs=outputs(classes or 2), names=head.linear.name),
            )

    return found(
        "softmax_one_class",
        say("{name} has only one class to choose from.", name=node.name),
        say("One probability that sums to 1 by itself is always 1, so the network cannot learn anything."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )
