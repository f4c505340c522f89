"""Convolution of few pixels with many weights: their way from memory takes the time, so each comes once.

Kernels: few.py where there are as few pixels as samples of an Affine, large.py for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..fuse import ConvolutionReLU
from ..layouts import Matrix
from ..tensors import Tensor, rounded
from .affine import FEW
from .large import padded
from .sweep import LIMIT, columns_of

if TYPE_CHECKING:
    from ..bind import Binder

MANY = 256 << 10
"""Bytes of weights that do not come by themselves as fast as they are used: half a small second-level cache."""

UNITS, BLOCK = 8, 96
"""Units wanted, and pixels of one at least where the column tiles alone are fewer: each unit reads its weights anew."""


def streamed(em: Emitter, op: ops.Op, y: Tensor) -> bool:
    """Say whether a convolution in use, of direct form, has few pixels and many weights."""
    if em.mode == "train" or not isinstance(op, ops.Conv2d) or op.groups > 1 or op.depthwise:
        return False
    return y.n * y.h * y.w <= LIMIT and int(np.prod(op.filters)) * em.item >= MANY


def _pixels(t: Tensor, y: Tensor, stride: tuple[int, int]) -> np.ndarray:
    """Return the byte offset in t of the place that each pixel of y comes from."""
    i, r, c = np.meshgrid(np.arange(y.n), np.arange(y.h), np.arange(y.w), indexing="ij")
    return (i * t.image + r * stride[0] * t.row + c * stride[1] * t.pixel).ravel()


def stream(
    em: Emitter, b: Binder, op: ops.Conv2d, x: Tensor, y: Tensor, layout: Matrix, taps: tuple[list[int], int]
) -> None:
    """Add the row for y = act(conv(x, weight) + bias). `taps`: their byte offsets, and the values of each."""
    from ...kernels import few, large
    from ...kernels.tiles import TABLE_PAD

    columns, pixels = columns_of(b, layout.tiles, layout.columns, em.lanes), y.n * y.h * y.w
    (top, _), (left, _) = op.padding
    fields = columns | {
        "X": b.at(x) - top * x.row - left * x.pixel,
        "Y": b.at(y),
        "W": b.value_of(op.weight),
        "START": b.value_of(op.bias) if op.bias is not None else 0,
        "FLOOR": b.floor(isinstance(op, ConvolutionReLU)),
        "XO": b.keep(padded(_pixels(x, y, op.stride), TABLE_PAD)),
        "YO": b.keep(padded(_pixels(y, y, (1, 1)), TABLE_PAD)),
        "TAPS": b.keep(taps[0]),
        "NT": len(taps[0]),
        "NJ": taps[1],
        "ROWS": layout.rows,
        "COUNT": pixels,
    }
    if pixels <= FEW:
        split = min(16, columns["NTILES"])
        b.row(few, "affine_few", split, SPLIT=split, **fields)
        return
    blocks = max(1, min(pixels // BLOCK, -(-UNITS // columns["NTILES"])))
    block = rounded(-(-pixels // blocks), TABLE_PAD)  # a tile's pixels are all of one unit
    fields |= {"BLOCK": block, "NOTHING": b.floor(False), "ZERO": b.keep([0])}
    b.row(large, "large_forward", -(-pixels // block) * columns["NTILES"], **fields)
