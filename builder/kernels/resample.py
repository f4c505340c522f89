"""Enlarging images: every output is a weighted sum of a few inputs, axis by axis.

An axis is a table of how many inputs each output reads, which ones, and with what weights; rows and columns together
give all. Backward is the same kernel with the transposed tables, so that no two units write the same pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from .machine import arguments, array, kernel, slots
from .memory import floats, ints

(
    X, XN, XH, XW, Y, YN, YH, YW,  # address and byte strides
    OH, OW, C,
    ROWS, ROW_AT, ROW_WEIGHTS,     # per output row: where its entries begin (one more at the end); inputs; weights
    COLUMNS, COLUMN_AT, COLUMN_WEIGHTS,
) = slots(17)  # fmt: skip

Mode = Literal["nearest", "bilinear"]


@kernel
def resample(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y[oh, ow] = sum over rows h and columns w of weight[oh, h] * weight[ow, w] * x[h, w]. Units: output rows."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    rows, columns = ints(d[ROWS]), ints(d[COLUMNS])
    row_at, row_weights = ints(d[ROW_AT]), floats(d[ROW_WEIGHTS])
    column_at, column_weights = ints(d[COLUMN_AT]), floats(d[COLUMN_WEIGHTS])
    for ow in range(d[OW]):
        y = array(real, d[Y] + n * d[YN] + oh * d[YH] + ow * d[YW], c)
        first = True
        for i in range(rows[oh], rows[oh + 1]):
            for j in range(columns[ow], columns[ow + 1]):
                x = array(real, d[X] + n * d[XN] + row_at[i] * d[XH] + column_at[j] * d[XW], c)
                weight = y.dtype.type(row_weights[i] * column_weights[j])
                if first:
                    for k in range(c):
                        y[k] = weight * x[k]
                    first = False
                else:
                    for k in range(c):
                        y[k] += weight * x[k]
        if first:
            for k in range(c):
                y[k] = 0


def axis_entries(
    size: int, out: int, mode: Mode, align_corners: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (outputs, inputs, weights) of one axis, in order of the outputs: each entry takes a share of an input.

    nearest takes input floor(o * size / out). bilinear lies at (o + 1/2) * size / out - 1/2, clamped to the image, or
    with `align_corners` at o * (size - 1) / (out - 1), as in PyTorch.

    >>> [part.tolist() for part in axis_entries(2, 4, "nearest")]
    [[0, 1, 2, 3], [0, 0, 1, 1], [1.0, 1.0, 1.0, 1.0]]
    >>> [part.tolist() for part in axis_entries(2, 4, "bilinear")]
    [[0, 1, 1, 2, 2, 3], [0, 0, 1, 0, 1, 1], [1.0, 0.75, 0.25, 0.25, 0.75, 1.0]]
    """
    o = np.arange(out)
    if mode == "nearest":
        return o, o * size // out, np.ones(out)
    at = o * (size - 1) / max(out - 1, 1) if align_corners else (o + 0.5) * size / out - 0.5
    at = np.clip(at, 0, size - 1)
    low = np.floor(at).astype(np.int64)
    inputs, weights = np.stack([low, low + 1], 1), np.stack([1 - (at - low), at - low], 1)
    used = weights > 0
    return np.repeat(o, 2)[used.ravel()], inputs[used], weights[used]


# --- NumPy twins: what the kernel above computes, in the user's layout (N, C, H, W) and float64 ---


def twin_axis_weights(size: int, out: int, mode: Mode, align_corners: bool = False) -> np.ndarray:
    """Return the matrix (out, size) that enlarges one axis.

    >>> twin_axis_weights(2, 4, "nearest").tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    >>> twin_axis_weights(2, 4, "bilinear").tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    made = np.zeros((out, size))
    for o in range(out):
        if mode == "nearest":
            made[o, o * size // out] = 1
            continue
        at = o * (size - 1) / max(out - 1, 1) if align_corners else (o + 0.5) * size / out - 0.5
        # A hat of width 2 around the place; beyond the first and the last pixel the image goes on as it is there.
        made[o] = np.maximum(0, 1 - np.abs(np.arange(size) - min(max(at, 0), size - 1)))
    return made


Size = tuple[int, int]


def _shares(size: Size, out: Size, mode: Mode, align_corners: bool) -> Iterator[tuple[Size, Size, float]]:
    """Yield (output pixel, input pixel, weight) for every weight that is not 0."""
    rows, columns = (twin_axis_weights(size[a], out[a], mode, align_corners) for a in (0, 1))
    for o, h in zip(*np.nonzero(rows), strict=True):
        for p, w in zip(*np.nonzero(columns), strict=True):
            yield (int(o), int(p)), (int(h), int(w)), float(rows[o, h] * columns[p, w])


def twin_resample_forward(x: np.ndarray, out: Size, mode: Mode, align_corners: bool = False) -> np.ndarray:
    """Return x (N, C, H, W) enlarged to the height and width `out`."""
    y = np.zeros((*x.shape[:2], *out))
    for (o, p), (h, w), weight in _shares((x.shape[2], x.shape[3]), out, mode, align_corners):
        y[:, :, o, p] += weight * x[:, :, h, w]
    return y


def twin_resample_backward(x: np.ndarray, dy: np.ndarray, mode: Mode, align_corners: bool = False) -> np.ndarray:
    """Return dx: every dy goes back to what it was made of, by the same weights."""
    dx = np.zeros(x.shape)
    for (o, p), (h, w), weight in _shares((x.shape[2], x.shape[3]), (dy.shape[2], dy.shape[3]), mode, align_corners):
        dx[:, :, h, w] += weight * dy[:, :, o, p]
    return dx
