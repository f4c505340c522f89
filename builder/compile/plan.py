"""What a program will do and where every tensor lies: one arena, in which blocks never alive together share memory.

Pure arithmetic: nothing is allocated and no kernel is loaded, so that the peak memory is known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .emit import Emitter, Mode, emit
from .fuse import fuse
from .lower import Lowered
from .tensors import Block, Scratch, rounded

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
    # One column for each block that has its place, in order of offsets: first and last call, offset, end.
    placed = np.zeros((4, len(blocks) + 1), np.int64)
    total = 0
    for count, block in enumerate(sorted(blocks, key=lambda b: (-b.bytes, b.first))):
        size, until = rounded(block.bytes), last if id(block) in kept else block.last
        meets = (placed[0, :count] <= until) & (placed[1, :count] >= block.first)
        offsets = placed[2, :count][meets]
        free = np.concatenate(([0], np.maximum.accumulate(placed[3, :count][meets])))
        gaps = np.flatnonzero(offsets - free[:-1] >= size)
        block.offset = int(free[gaps[0] if len(gaps) else -1])
        total = max(total, block.offset + size)
        at = int(np.searchsorted(placed[2, :count], block.offset, side="right"))
        placed[:, at + 1 : count + 1] = placed[:, at:count].copy()
        placed[:, at] = block.first, until, block.offset, block.offset + size
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
    fused = fuse(graph, mode == "train", without, loss=mode != "predict")
    emitted = emit(fused, batch, mode, item, vector_bytes, input_gradient, exact, winograd)
    blocks = lifetimes([call.touches for call in emitted.calls])
    lasting: list[Block] = [block for block in blocks if isinstance(block, Scratch) and block.lasting]
    for block in lasting:
        block.first = 0
    keep: list[Block] = list(blocks) if keep_all else [emitted.prediction] if emitted.prediction else []
    keep += lasting
    if input_gradient:
        keep.append(emitted.gradients[id(fused.input)])
    return Planned(emitted, blocks, place(blocks, keep))
