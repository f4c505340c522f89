"""What a program will do and where every tensor lies: one arena, in which blocks never alive together share memory.

Pure arithmetic: nothing is allocated and no kernel is loaded, so that the peak memory is known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas import ops

from .emit import Emitter, Mode, emit
from .fuse import fuse, no_dropout_in_use
from .lower import Lowered
from .tensors import Block, rounded

SLACK = 4096
"""Bytes behind the arena; tiles may read a little past a tensor's end (what they read there is never stored)."""


def lifetimes(calls: Sequence[Sequence[Block]]) -> list[Block]:
    """Set first and last of every block that the calls touch, and return the blocks in order of first use."""
    found: dict[int, Block] = {}
    for i, touched in enumerate(calls):
        for block in touched:
            if id(block) not in found:
                found[id(block)] = block
                block.first = i
            block.last = i
    return list(found.values())


def place(blocks: Sequence[Block], keep: Sequence[Block] = ()) -> int:
    """Give every block an offset so that no two that live together overlap; return the arena's size in bytes.

    Greedy by size (Pisarchyk and Lee 2020): the largest block first, each at the lowest gap that fits. `keep` blocks
    live until the end, for whoever reads them after the last call.
    """
    kept = {id(b) for b in keep}
    last = max((b.last for b in blocks), default=0)
    spans = {id(b): (b.first, last if id(b) in kept else b.last) for b in blocks}
    placed: list[Block] = []
    total = 0
    for block in sorted(blocks, key=lambda b: (-b.bytes, b.first)):
        first, end = spans[id(block)]
        start = 0
        for other in placed:  # placed is sorted by offset
            other_first, other_end = spans[id(other)]
            if other_end < first or end < other_first:
                continue
            if start + rounded(block.bytes) <= other.offset:
                break
            start = max(start, other.offset + rounded(other.bytes))
        block.offset = start
        total = max(total, start + rounded(block.bytes))
        placed.append(block)
        placed.sort(key=lambda b: b.offset)
    return total + SLACK


@dataclass(frozen=True)
class Planned:
    """Calls with their memory laid out, and the arena's size in bytes."""

    emitted: Emitter
    blocks: list[Block]
    arena: int


def plan(
    graph: Lowered,
    batch: int,
    mode: Mode,
    item: int,
    vector_bytes: int = 64,
    *,
    without: frozenset[str] = frozenset(),
    keep_all: bool = False,
    input_gradient: bool = False,
    exact: bool = False,
    winograd: bool = False,
) -> Planned:
    """Fuse, emit and lay out. `keep_all` gives every value memory of its own, for looking inside; `exact` and
    `winograd` choose the form of convolutions (see emit)."""
    fused = fuse(graph, mode == "train", without)
    if mode == "evaluate":
        fused = _with_loss(graph, without)
    emitted = emit(fused, batch, mode, item, vector_bytes, input_gradient, exact, winograd)
    blocks = lifetimes([call.touches for call in emitted.calls])
    keep: list[Block] = list(blocks) if keep_all else [emitted.prediction] if emitted.prediction else []
    if input_gradient:
        keep.append(emitted.gradients[id(fused.input)])
    return Planned(emitted, blocks, place(blocks, keep))


def _with_loss(graph: Lowered, without: frozenset[str]) -> Lowered:
    """Return the graph in use (no Dropout), but with its loss."""
    fused = fuse(graph, True, without)
    no_dropout_in_use(fused)
    fused.nodes = [n for n in fused.nodes if not isinstance(n.op, ops.Dropout)]
    return fused
