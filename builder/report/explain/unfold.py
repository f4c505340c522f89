"""im2col: every window of a convolution as one row of a matrix, so that the convolution is a matrix product.

A view for learning. The engine does not do this: its kernels read the windows where they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import Pair

from ..text import bytes_text
from .sizes import pair, sides, window_size

MOST_BYTES = 256 << 20
"""Bytes of a matrix that is still made; its memory is told for any."""


@dataclass(frozen=True)
class Window:
    """Where a row of the matrix came from: sample, output position, and corner in the unpadded image."""

    sample: int
    row: int
    column: int
    top: int
    left: int


def memory(
    shape: Sequence[int],
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair | Sequence[Pair] = 0,
    *,
    item: int = 4,
) -> dict[str, Any]:
    """Return the memory in bytes of im2col against the direct kernel's, for a batch (N, C, H, W); nothing is made.

    "matrix" is what im2col needs beside the input; "direct" what the engine's kernel needs: the zeros around the
    input, which it reads in place. "factor" is how many times larger the matrix is than the input.

    >>> memory((1, 3, 7, 7), 5)["shape"], memory((10, 3, 7, 7), 5)["shape"]
    ((9, 75), (90, 75))
    """
    n, c, h, w = _batch(shape)
    rows, columns = window_size(shape, kernel, stride, padding)
    (fh, fw), (sh, sw), ((top, _), (left, _)) = pair(kernel), pair(stride), sides(padding)
    form = (n * rows.size * columns.size, c * fh * fw)
    # The border that windows really reach; where the division leaves a remainder, they do not reach the end.
    below = max(0, (rows.size - 1) * sh + fh - top - h)
    beside = max(0, (columns.size - 1) * sw + fw - left - w)
    given = n * c * h * w * item
    return {
        "shape": form,
        "input": given,
        "matrix": math.prod(form) * item,
        "direct": n * c * (h + top + below) * (w + left + beside) * item - given,
        "factor": math.prod(form) * item / given,
    }


def im2col(
    x: np.ndarray, kernel: int | Pair, stride: int | Pair = 1, padding: int | Pair | Sequence[Pair] = 0
) -> np.ndarray:
    """Return x (N, C, H, W) as (N·OH·OW, C·FH·FW): a row per window, its values in (C, FH, FW) order.

    >>> im2col(np.zeros((1, 3, 7, 7)), 5).shape
    (9, 75)
    """
    x = np.asarray(x)
    needed = memory(x.shape, kernel, stride, padding, item=x.dtype.itemsize)
    if needed["matrix"] > MOST_BYTES:
        raise UsageError(
            say(
                "The matrix would take {size}, {factor:.0f} times its input: that is what im2col costs, and why the "
                "engine works without it. Take fewer samples to see it.",
                size=bytes_text(needed["matrix"]),
                factor=needed["factor"],
            )
        )
    padded = np.pad(x, ((0, 0), (0, 0), *sides(padding)))
    sh, sw = pair(stride)
    windows = np.lib.stride_tricks.sliding_window_view(padded, pair(kernel), axis=(2, 3))[:, :, ::sh, ::sw]
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(needed["shape"])


def window_of(
    row: int,
    shape: Sequence[int],
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair | Sequence[Pair] = 0,
) -> Window:
    """Return the window that a row of the matrix came from. Raises UsageError where there is no such row.

    >>> window_of(4, (1, 3, 7, 7), 5)
    Window(sample=0, row=1, column=1, top=1, left=1)
    """
    n = _batch(shape)[0]
    rows, columns = window_size(shape, kernel, stride, padding)
    area = rows.size * columns.size
    if not 0 <= row < n * area:
        raise UsageError(say("The matrix has the rows 0 to {last}, but received {row}.", last=n * area - 1, row=row))
    sample, place = divmod(row, area)
    r, c = divmod(place, columns.size)
    (sh, sw), ((top, _), (left, _)) = pair(stride), sides(padding)
    return Window(sample, r, c, r * sh - top, c * sw - left)


def _batch(shape: Sequence[int]) -> tuple[int, int, int, int]:
    if len(shape) != 4 or min(shape) < 1:
        raise UsageError(
            say("im2col takes a batch of images (N, C, H, W), but the shape is {shape}.", shape=tuple(shape))
        )
    return shape[0], shape[1], shape[2], shape[3]
