"""Affine with many weights: kernels/large.py, and when it is the better form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..fuse import AffineReLU
from ..layouts import Matrix, column_tiles
from ..tensors import Scratch, Tensor, rounded
from .sweep import columns_of

if TYPE_CHECKING:
    from ..bind import Binder

MANY = 4 << 20
"""Bytes of weights that no second-level cache holds."""

RUN = 96
"""Rows of a unit: kernels/large.RUN."""

TILE = 32
"""Vectors of the largest gradient tile, with room to spare."""


def many(layout: Matrix, item: int, x: Tensor) -> bool:
    """Say whether the weights' way from memory decides; samples must be dense."""
    return layout.size * item >= MANY and not x.bordered


def _padded(offsets: np.ndarray, pad: int) -> np.ndarray:
    """Return the offsets with the last repeated behind the end, so that tiles need no edge code."""
    return np.concatenate([offsets, np.full(pad, offsets[-1])])


def forward(em: Emitter, b: Binder, op: ops.Affine, x: Tensor, y: Tensor, layout: Matrix) -> None:
    """Add the row for y = x W + b."""
    from ...kernels import large
    from ...kernels.tiles import TABLE_PAD

    samples = np.arange(x.n)
    b.row(
        large,
        "large_forward",
        len(layout.tiles),
        X=b.at(x),
        Y=b.at(y),
        W=b.value_of(op.weight),
        START=b.value_of(op.bias) if op.bias is not None else 0,
        FLOOR=b.floor(isinstance(op, AffineReLU)),
        NOTHING=b.floor(False),
        XO=b.keep(_padded(samples * x.image, TABLE_PAD)),
        YO=b.keep(_padded(samples * y.image, TABLE_PAD)),
        COUNT=x.n,
        ROWS=layout.rows,
        ZERO=b.keep([0]),
        **columns_of(b, layout.tiles, layout.columns, em.lanes),
    )


def room(layout: Matrix) -> int:
    """Return the vectors of memory for gradient tiles that `backward` takes."""
    return -(-layout.rows // RUN) * TILE


def backward(
    em: Emitter,
    b: Binder,
    op: ops.Affine,
    x: Tensor,
    layout: Matrix,
    dy: tuple[int, int, int],
    dx: int,
    tile: Scratch,
) -> None:
    """Add the row for dx^T = W dy^T and the update of W. `dy`: addresses of dy with whole vectors and of dy turned,
    values of a row; `dx`: where dx^T goes."""
    from ...kernels import large
    from ...kernels.tiles import TABLE_PAD

    samples, padded = np.arange(x.n), rounded(x.n, em.lanes)
    over = column_tiles(x.n, em.lanes)
    vector, step = em.lanes * x.item, padded * x.item
    rest = layout.rows % RUN or RUN
    tables = []
    for count in (RUN, rest):
        pixels = np.minimum(np.arange(large.TABLE), count - 1)
        tables += [pixels * stride for stride in (vector, 2 * vector, 3 * vector, step)]
    b.row(
        large,
        "large_backward",
        -(-layout.rows // RUN),
        X=b.at(x),
        Y=dy[0],
        XO=b.keep(_padded(samples * x.image, TABLE_PAD)),
        YO=b.keep(_padded(samples * dy[2] * x.item, TABLE_PAD)),
        COUNT=x.n,
        ROWS=layout.rows,
        COLUMNS=layout.columns,
        OVER=b.keep(over),
        NOVER=len(over),
        DYT=dy[1],
        WIDE=dy[2],
        DX=dx,
        STEP=step,
        TABLES=b.keep(np.concatenate(tables)),
        PART=b.arena + tile.offset,
        SIZE=TILE * vector,
        NOTHING=b.floor(False),
        ZERO=b.keep([0]),
        **b.update_of(op.weight),
        **columns_of(b, layout.tiles, layout.columns, em.lanes),
    )
