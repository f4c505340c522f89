"""Affine whose weights are too many for the caches, and convolution of few pixels: the weights' way takes the time.

Forward, each weight comes from memory once, for all samples or pixels, while memory is asked for those that follow. A
convolution is the same with several taps (compile/rules/streamed.py). Backward, it
comes once for both gradients and for its own update: a unit takes some rows of the weights, RUN at a time and one
column tile after the other, adds what they give to the gradient of the input and takes the optimizer's step on them.
The gradient of the weights is never written to memory.
What they read is packed first, and the gradient of the input put in its order last.

The NumPy twins are those of Affine in tiles.py, and of the optimizers.
"""

from __future__ import annotations

import math

from . import simd
from .cpu import VECTOR_BYTES
from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, ints, size_of
from .optimizers import apply
from .register_tiles import conv_tile
from .simd import LINE
from .tiles import GRADIENT, P1, P2, P3, TABLE_PAD, conv1, conv2, conv3, gradient1, gradient2, gradient3, turn

RUN = 96
"""Rows of a column tile that are taken at once: they stay in the first-level cache. A multiple of every P."""

FORWARD = {1: P1, 2: min(P2, 8), 3: P3}
F1, F2, F3 = FORWARD[1], FORWARD[2], FORWARD[3]
asking11 = conv_tile(F1, 1, asks=1)
asking21, asking22 = (conv_tile(F2, 2, asks=k) for k in (1, 2))
asking31, asking32, asking33 = (conv_tile(F3, 3, asks=k) for k in (1, 2, 3))
more2 = conv_tile(F2, 2)
R1, R2, R3 = GRADIENT[1][1], GRADIENT[2][1], GRADIENT[3][1]

(
    X, Y, W, START, FLOOR, NOTHING,  # addresses; the least value stored, and that of a sum that is not finished
    XO, YO, COUNT,                   # byte offsets of the samples or pixels, their number
    BLOCK, TAPS, NT, NJ,             # forward: those of a unit; byte offsets of taps, their number, values of each
    ROWS, COLUMNS, TILES, NTILES, LANES,
    OVER, NOVER, DYT, WIDE,          # column tiles over samples, dy turned into them, its rows
    DX, STEP,                        # dx turned: address, bytes from row to row
    TABLES,                          # offsets of RUN pixels: rows of w of 1, 2, 3 vectors, and of dx; then of fewer
    PART, SIZE,                      # memory for the gradient of one tile: address, bytes from unit to unit
    FIRST, SECOND, KIND, HYPER, DECAY, LOSS, ZERO,
) = slots(34)  # fmt: skip

TABLE = RUN + TABLE_PAD
"""Entries of one of TABLES."""


@njit
def _tile(real, vectors, asks, a, soon):  # type: ignore[no-untyped-def]  # Numba
    """A tile of pixels at which memory is asked for `asks` cache lines per row, from `soon` on."""
    v = (a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], soon if asks else 0, 0)
    if vectors == 1:
        if asks == 0:
            conv1(real, v)
        else:
            asking11(real, v)
    elif vectors == 2:
        if asks == 0:
            more2(real, v)
        elif asks == 1:
            asking21(real, v)
        else:
            asking22(real, v)
    elif asks == 0:
        conv3(real, v)
    elif asks == 1:
        asking31(real, v)
    elif asks == 2:
        asking32(real, v)
    else:
        asking33(real, v)


@kernel
def large_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = act(start + sum over taps of x W). Units: blocks of BLOCK samples or pixels x column tiles.

    The tiles of a run of rows ask memory for the run that follows, each for its share of the lines.
    """
    d = arguments(row)
    tiles, taps = ints(d[TILES]), ints(d[TAPS])
    size, k, first = size_of(real), unit % d[NTILES], unit // d[NTILES] * d[BLOCK]
    count = min(d[BLOCK], d[COUNT] - first)
    vectors, column = tiles[2 * k], tiles[2 * k + 1]
    width, w, y = vectors * VECTOR_BYTES, d[W] + d[ROWS] * column * size, d[Y] + column * size
    lanes = d[LANES] if k == d[NTILES] - 1 else VECTOR_BYTES // size
    step = F1 if vectors == 1 else F2 if vectors == 2 else F3
    lines, passes = (width + LINE - 1) // LINE, (count + step - 1) // step
    share = (lines + passes - 1) // passes
    for t in range(d[NT]):
        for r in range(0, d[NJ], RUN):
            n, at = min(RUN, d[NJ] - r), t * d[NJ] + r
            start = 1 if at else d[START] + column * size if d[START] else 0
            floor = d[FLOOR] if at + n == d[ROWS] else d[NOTHING]
            x, here = d[X] + taps[t] + r * size, w + at * width
            for p in range(passes):
                xo, yo = d[XO] + 8 * (first + p * step), d[YO] + 8 * (first + p * step)
                asks = share if p * share < lines else 0
                soon = here + n * width + p * share * n * LINE
                _tile(real, vectors, asks, (x, xo, d[ZERO], 1, n, here, y, yo, start, lanes, floor), soon)


@kernel
def large_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx^T += W dy^T, and the optimizer's step on W. Units: RUN rows of W."""
    d = arguments(row)
    tiles, over, size = ints(d[TILES]), ints(d[OVER]), size_of(real)
    lanes = VECTOR_BYTES // size
    r = unit * RUN
    n = min(RUN, d[ROWS] - r)
    tables = d[TABLES] if n == RUN else d[TABLES] + 32 * TABLE
    own, zero, x = d[PART] + unit * d[SIZE], d[ZERO], d[X] + r * size
    finite = math.isfinite(floats(d[LOSS])[0])
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
                a = (d[W] + at, xo + 8 * t, zero, 1, columns, dy, dx, yo + 8 * t, start, lanes, d[NOTHING], 0, 0)
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
            dy = d[Y] + column * size
            v = (x + i * size, d[XO], d[COUNT], dy, d[YO], zero, own, 0, width, valid, 0, dy)
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


T_X, T_TO, T_ROWS, T_COLUMNS, T_STRIDE, T_TILES, T_NTILES, T_VALID = slots(8)


@kernel
def pack_columns(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Transpose x[row, column] into packed tiles [tile over rows][column][lanes], padded with zeros.

    T_STRIDE: bytes between rows of x; T_COLUMNS includes padding lanes that x itself does not have (T_VALID count).
    """
    d = arguments(row)
    lanes = VECTOR_BYTES // size_of(real)
    tiles, rows, columns, valid = ints(d[T_TILES]), d[T_ROWS], d[T_COLUMNS], d[T_VALID]
    for i in range(d[T_NTILES]):
        width, r0 = tiles[2 * i] * lanes, tiles[2 * i + 1]
        to = array(real, d[T_TO], columns * (r0 + width))[columns * r0 :]
        to[: columns * width] = 0
        for r in range(min(width, rows - r0)):
            x = array(real, d[T_X] + (r0 + r) * d[T_STRIDE], valid)
            for k in range(valid):
                to[k * width + r] = x[k]


@kernel
def pad_rows(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Copy T_ROWS rows of T_VALID values, T_STRIDE bytes apart, into rows of T_COLUMNS values padded with zeros."""
    d = arguments(row)
    wide, valid = d[T_COLUMNS], d[T_VALID]
    to = array(real, d[T_TO], d[T_ROWS] * wide)
    for r in range(d[T_ROWS]):
        x = array(real, d[T_X] + r * d[T_STRIDE], valid)
        for k in range(valid):
            to[r * wide + k] = x[k]
        for k in range(valid, wide):
            to[r * wide + k] = 0


U_X, U_TO, U_FEATURES, U_WIDTH, U_SAMPLES, U_STRIDE, U_OFFSETS, U_SLICE = slots(8)


@kernel
def unpack_transposed(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """to[m][offsets[f]] = x[f, m]: the transposed input gradient of Affine back into samples. Units: slices of f.

    U_OFFSETS: byte offset of every feature within a sample; U_STRIDE: bytes between samples; x has rows of U_WIDTH.
    """
    d = arguments(row)
    first, last = unit * d[U_SLICE], min((unit + 1) * d[U_SLICE], d[U_FEATURES])
    width, offsets = d[U_WIDTH], ints(d[U_OFFSETS])
    x = array(real, d[U_X], d[U_FEATURES] * width)
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    for m in range(0, d[U_SAMPLES], lanes):  # a square of features and samples at a time, turned in registers
        some = min(lanes, d[U_SAMPLES] - m)
        for start in range(first, last, lanes):
            end = min(start + lanes, last)
            to = d[U_TO] + m * d[U_STRIDE]
            if end - start == lanes and offsets[end - 1] - offsets[start] == (lanes - 1) * size:
                source = d[U_X] + (start * width + m) * size
                turn(real, (source, width * size, to + offsets[start], d[U_STRIDE], some))
                continue
            for i in range(some):
                for f in range(start, end):
                    array(real, to + i * d[U_STRIDE] + offsets[f], 1)[0] = x[f * width + m + i]
