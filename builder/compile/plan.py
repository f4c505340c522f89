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
from .tensors import ALIGNMENT, SLACK, Block, Scratch, Tensor, rounded


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


def homes(blocks: Sequence[Block], keep: Sequence[Block] = ()) -> dict[int, Scratch]:
    """Return memory for the tensors with a border, by the tensor's id; it lives from the first call to the last.

    Only tensors of equal geometry that never live together share one. So the zeros of a border are written once, when
    a program is made, and no step has to write them again.
    """
    kept, last = {id(b) for b in keep}, max((b.last for b in blocks), default=0)
    found: dict[int, Scratch] = {}
    rooms: dict[tuple[int, ...], list[tuple[int, Scratch]]] = {}
    for t in sorted((b for b in blocks if isinstance(b, Tensor) and b.bordered), key=lambda b: b.first):
        same = rooms.setdefault((t.n, t.h, t.w, t.c, t.top, t.bottom, t.left, t.right), [])
        # The room that was left last is most likely still in a cache.
        free = max((i for i, (until, _) in enumerate(same) if until < t.first), key=lambda i: same[i][0], default=None)
        room = Scratch(t.bytes) if free is None else same.pop(free)[1]
        room.first, room.last = 0, last
        same.append((last if id(t) in kept else t.last, room))
        found[id(t)] = room
    return found


def lay_out(blocks: Sequence[Block], keep: Sequence[Block] = ()) -> int:
    """Give every block its place, those with a border in homes; return the arena's size in bytes."""
    rooms = homes(blocks, keep)
    size = place([*{id(r): r for r in rooms.values()}.values(), *(b for b in blocks if id(b) not in rooms)], keep)
    for block in blocks:
        if id(block) in rooms:
            block.offset = rooms[id(block)].offset
    return size


GUARD = 256
"""Bytes between two blocks that are spread out."""


def spread(blocks: Sequence[Block], keep: Sequence[Block] = ()) -> int:
    """Give every block memory of its own, with a guard on both sides; return the arena's size in bytes."""
    at = GUARD
    for block in blocks:
        block.offset = at
        at += rounded(block.bytes, ALIGNMENT) + GUARD
    return at + SLACK


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
    apart: bool = False,
) -> Planned:
    """Fuse, emit and lay out. `keep_all` gives every value memory of its own, for looking inside; `exact` and
    `winograd` choose the form of convolutions (see emit); `apart` lays out for the checked mode (see checked)."""
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
    return Planned(emitted, blocks, (spread if apart else lay_out)(blocks, keep))
