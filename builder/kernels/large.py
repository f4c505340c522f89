"""Affine whose weights are too many for the caches: their way from memory is what takes time.

Forward, each weight comes from memory once, for all samples, while memory is asked for those that follow. Backward, it
comes once for both gradients and for its own update: a unit takes some rows of the weights, RUN at a time and one
column tile after the other, adds what they give to the gradient of the input and takes the optimizer's step on them.
The gradient of the weights is never written to memory.

The NumPy twins are those of Affine in tiles.py, and of the optimizers.
"""

from __future__ import annotations

import math

from . import simd
from .cpu import VECTOR_BYTES
from .machine import arguments, array, floats, ints, kernel, slots
from .optimizers import apply
from .tiles import GRADIENT, P1, P2, P3, TABLE_PAD, conv1, conv2, conv3, gradient1, gradient2, gradient3

RUN = 96
"""Rows of a column tile that are taken at once: they stay in the first-level cache. A multiple of every P."""

FORWARD = {1: P1, 2: min(P2, 8), 3: P3}
F1, F2, F3 = FORWARD[1], FORWARD[2], FORWARD[3]
first1, first2, first3 = (simd.conv_tile(FORWARD[v], v, asks=True) for v in (1, 2, 3))
more2 = simd.conv_tile(F2, 2)
R1, R2, R3 = GRADIENT[1][1], GRADIENT[2][1], GRADIENT[3][1]

(
    X, Y, W, START, FLOOR, NOTHING,  # addresses; the least value stored, and that of a sum that is not finished
    XO, YO, COUNT,                   # byte offsets of the samples, their number
    ROWS, COLUMNS, TILES, NTILES, LANES,
    OVER, NOVER, DYT, WIDE,          # column tiles over samples, dy turned into them, its rows
    DX, STEP,                        # dx turned: address, bytes from row to row
    TABLES,                          # offsets of RUN pixels: rows of w of 1, 2, 3 vectors, and of dx; then of fewer
    PART, SIZE,                      # memory for the gradient of one tile: address, bytes from unit to unit
    FIRST, SECOND, KIND, HYPER, DECAY, LOSS, ZERO,
) = slots(30)  # fmt: skip

TABLE = RUN + TABLE_PAD
"""Entries of one of TABLES."""


@kernel
def large_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = act(start + x W). Units: column tiles."""
    d = arguments(row)
    tiles, size = ints(d[TILES], 2 * d[NTILES]), array(real, d[X], 1).itemsize
    vectors, column = tiles[2 * unit], tiles[2 * unit + 1]
    width, w, y = vectors * VECTOR_BYTES, d[W] + d[ROWS] * column * size, d[Y] + column * size
    lanes = d[LANES] if unit == d[NTILES] - 1 else VECTOR_BYTES // size
    step = F1 if vectors == 1 else F2 if vectors == 2 else F3
    for r in range(0, d[ROWS], RUN):
        n = min(RUN, d[ROWS] - r)
        start = 1 if r else d[START] + column * size if d[START] else 0
        floor = d[FLOOR] if r + n == d[ROWS] else d[NOTHING]
        for t in range(0, d[COUNT], step):
            x, xo, yo, here = d[X] + r * size, d[XO] + 8 * t, d[YO] + 8 * t, w + r * width
            if t == 0:
                v = (x, xo, d[ZERO], 1, n, here, y, yo, start, lanes, floor, RUN * width)
                if vectors == 1:
                    first1(real, v)
                elif vectors == 2:
                    first2(real, v)
                else:
                    first3(real, v)
            else:
                a = (x, xo, d[ZERO], 1, n, here, y, yo, start, lanes, floor)
                if vectors == 1:
                    conv1(real, a)
                elif vectors == 2:
                    more2(real, a)
                else:
                    conv3(real, a)


@kernel
def large_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx^T += W dy^T, and the optimizer's step on W. Units: RUN rows of W."""
    d = arguments(row)
    tiles, over, size = ints(d[TILES], 2 * d[NTILES]), ints(d[OVER], 2 * d[NOVER]), array(real, d[X], 1).itemsize
    lanes = VECTOR_BYTES // size
    r = unit * RUN
    n = min(RUN, d[ROWS] - r)
    tables = d[TABLES] if n == RUN else d[TABLES] + 32 * TABLE
    own, zero, x = d[PART] + unit * d[SIZE], d[ZERO], d[X] + r * size
    finite = math.isfinite(floats(d[LOSS], 1)[0])
    for k in range(d[NTILES]):
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        width, at = vectors * VECTOR_BYTES, (d[ROWS] * column + r * vectors * lanes) * size
        following = at
        if k + 1 < d[NTILES]:
            following = (d[ROWS] * tiles[2 * k + 3] + r * tiles[2 * k + 2] * lanes) * size
        xo, yo, start = tables + 8 * (vectors - 1) * TABLE, tables + 24 * TABLE, 1 if k else 0
        columns = min(vectors * lanes, d[COLUMNS] - column)
        for s in range(d[NOVER]):
            wide, sample = over[2 * s], over[2 * s + 1]
            dy = d[DYT] + (d[WIDE] * sample + column * wide * lanes) * size
            dx = d[DX] + r * d[STEP] + sample * size
            step = P1 if wide == 1 else P2 if wide == 2 else P3
            for t in range(0, n, step):
                a = (d[W] + at, xo + 8 * t, zero, 1, columns, dy, dx, yo + 8 * t, start, lanes, d[NOTHING])
                if wide == 1:
                    conv1(real, a)
                elif wide == 2:
                    conv2(real, a)
                else:
                    conv3(real, a)
        step = R1 if vectors == 1 else R2 if vectors == 2 else R3
        for i in range(0, n, step):
            valid = min(step, n - i)
            count, ahead = valid * width // size, following + i * width
            # Memory brings the next tile's while this one is computed.
            simd.ahead(real, (d[W] + ahead, valid * width))
            simd.ahead(real, (d[FIRST] + ahead, valid * width))
            if d[SECOND] != d[FIRST]:
                simd.ahead(real, (d[SECOND] + ahead, valid * width))
            v = (x + i * size, d[XO], d[COUNT], d[Y] + column * size, d[YO], zero, own, 0, width, valid, 0)
            if vectors == 1:
                gradient1(real, v)
            elif vectors == 2:
                gradient2(real, v)
            else:
                gradient3(real, v)
            if finite:
                o = at + i * width
                first, second = array(real, d[FIRST] + o, count), array(real, d[SECOND] + o, count)
                w, g = array(real, d[W] + o, count), array(real, own, count)
                apply(d[KIND], w, g, first, second, d[HYPER], d[DECAY] != 0, count)
