"""Parameters that several layers use: each use makes its own part of the gradient, and the parts are added in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schemas import ops

from .emit import Emitter, slices
from .tensors import Node, Scratch

if TYPE_CHECKING:
    from .bind import Binder

Uses = dict[str, list[tuple[Node, ops.Parameter]]]


def uses(em: Emitter) -> Uses:
    """Return key -> where it is used, for each parameter that several nodes train."""
    found: Uses = {}
    for node in em.graph.nodes:
        for parameter in node.op.parameters:
            if em.trains(parameter):
                found.setdefault(em.graph.key(parameter), []).append((node, parameter))
    return {key: several for key, several in found.items() if len(several) > 1}


def _rows(em: Emitter, size: int) -> dict[str, int]:
    """Return the fields of a packed parameter seen as rows: as long as divide it, so that it can be cut."""
    length = em.lanes
    while length < 4096 and size % (2 * length) == 0:
        length *= 2
    return {"D0": size // length, "D1": 1, "D2": 1, "L": length, "SLICES": min(size // length, slices(size))}


@contextmanager
def parts(em: Emitter, node: Node, shared: Uses) -> Iterator[None]:
    """While a node's backward pass is emitted, let its shared parameters have memory for a gradient of their own.

    It begins as zeros: a rule need not write a gradient that is zero anyway.
    """
    start, blocks = len(em.calls), []
    for parameter in node.op.parameters:
        if any(parameter is p for _, p in shared.get(em.graph.key(parameter), ())):
            size = em.layout(node, parameter).size
            em.shared[id(parameter)] = block = em.scratch(size)
            blocks.append(block)
            em.call(node, "part of a shared gradient", (block,), _cleared(em, block, size))
    yield
    for call in em.calls[start:]:
        call.touches += tuple(blocks)


def _cleared(em: Emitter, block: Scratch, size: int):  # type: ignore[no-untyped-def]  # a bind function
    def bind(b: Binder) -> None:
        from ..kernels import elementwise

        rows = _rows(em, size)
        b.row(elementwise, "clear", rows["SLICES"], Y=b.arena + block.offset, Y0=rows["L"] * em.item, **rows)

    return bind


def sums(em: Emitter, shared: Uses) -> None:
    """Add the parts of every shared gradient, in the order of the nodes."""
    for several in shared.values():
        made = [(node, p) for node, p in several if id(p) in em.shared]
        if made:
            node, parameter = made[0]
            blocks = [em.shared[id(p)] for _, p in made]
            size = em.layout(node, parameter).size
            em.call(node, "shared gradient", blocks, _summed(em, parameter, blocks, size))


def _summed(em: Emitter, parameter: ops.Parameter, blocks: list[Scratch], size: int):  # type: ignore[no-untyped-def]
    def bind(b: Binder) -> None:
        from ..kernels import elementwise

        rows, to = _rows(em, size), b.gradient_at(parameter)
        step = rows["L"] * em.item
        first, *rest = (b.arena + block.offset for block in blocks)
        rows |= {"Y": to, "Y0": step, "A0": step, "B0": step}
        b.row(elementwise, "copy", rows["SLICES"], A=first, **rows)
        for more in rest:
            b.row(elementwise, "add", rows["SLICES"], A=to, B=more, **rows)

    return bind
