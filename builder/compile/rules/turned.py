"""The input's gradient of a convolution with few pixels and many weights: when, and its row. See kernels/turned.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..layouts import Matrix, column_tiles
from ..tensors import Scratch, Tensor, rounded
from .sweep import block_count

if TYPE_CHECKING:
    from ..bind import Binder

MANY = 4 << 20
"""Bytes of weights whose way to memory and back is worth saving: more than a second-level cache holds."""

BLOCKS, UNITS, WORKERS = 4, 8, 16
"""Blocks of pixels at most; units, which are column tiles, at least; those that can be at work at once."""


@dataclass(frozen=True, eq=False)
class Space:
    """Memory for units at work: all of it, the bytes of one, and their number."""

    memory: Scratch
    slice: int
    pieces: int


def space(em: Emitter, op: ops.Conv2d | ops.Deconv2d, dx: Tensor, rows: int) -> Space | None:
    """Return memory for units that turn `rows` rows of weights each, or None where they are turned beforehand."""
    tiles = column_tiles(op.filters[1], em.lanes)
    units = op.groups * len(tiles)
    many = int(np.prod(op.filters)) * em.item >= MANY
    if not many or units < UNITS or block_count(dx.n, dx.h, dx.w) > BLOCKS:
        return None
    pieces, slice_ = min(units, WORKERS), rounded(rows * max(v for v, _ in tiles) * em.lanes * em.item)
    return Space(em.scratch(pieces * slice_, 1), slice_, pieces)


def row(
    b: Binder, op: ops.Conv2d | ops.Deconv2d, layout: Matrix, taps: Sequence[int], own: Space, fields: Mapping[str, int]
) -> None:
    """Add the row for a product with the turned weights. `taps`: of each turned tap that of the weights; `fields`:
    those of `tiles_forward` but for the weights."""
    from ...kernels import turned

    b.row(
        turned,
        "turned_forward",
        op.groups * fields["NTILES"],
        **fields,
        W=b.value_of(op.weight),
        WG=layout.group * b.parameters.dtype.itemsize,
        FLOOR=b.floor(False),
        SOURCES=b.keep(layout.tiles),
        NSOURCES=len(layout.tiles),
        HEIGHT=layout.rows,
        TURNS=b.keep(taps or [0]),
        IN=op.filters[1],
        OUT=layout.columns,
        **b.room(b.arena + own.memory.offset, own.slice, own.pieces),
    )
