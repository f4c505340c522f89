"""The gradients of Affine. That of its output is brought into three forms in one pass: packed by column tiles for the
weights' gradient, turned for the input's, and summed for the bias's.

The forward product is `tiles_forward`; the NumPy twins are in tiles.py.
"""

from __future__ import annotations

import math
from typing import Any

from . import simd
from .cpu import HALF, REGISTERS, VECTOR_BYTES
from .jit import njit
from .machine import arguments, array, claim, kernel, release, slots
from .memory import floats, ints, size_of
from .optimizers import apply
from .simd import LINE, Emit, prefetch
from .tiles import P1, P2, P3, conv1, conv2, conv3, conv_half, turn

ROWS = {1: 16, 2: 12, 3: 8, 4: 16} if REGISTERS == 32 else {1: 8, 2: 6, 3: 4, 4: 8}
"""Rows of a weight-gradient tile by its kind: its vectors, or 4 for half a vector. The sums, a row of dy and one value
of x must fit in the registers."""

R1, R2, R3, R4 = ROWS[1], ROWS[2], ROWS[3], ROWS[4]

RUN = 4
"""Tiles, one below the other, whose weights are updated together."""


def _spread(e: Emit, a: list[Any], masked: bool) -> None:
    """to[p] = da[p] where act[p] is above the floor, for up to one vector of columns; sums[:] = the sum over p.

    Arguments (da, its stride, act, its stride, n, lanes, to, its stride, sums or 0, floor)."""
    da, across, act, step, n, lanes, to, along, sums, floor = a
    b, mask, least = e.b, e.first(lanes), e.broadcast(floor)
    (total,) = e.accumulators(1)
    with e.loop(n) as p:
        v = e.load_masked(e.add(da, e.mul(p.index, across)), mask)
        if masked:
            value = e.load_masked(e.add(act, e.mul(p.index, step)), mask)
            v = b.select(b.fcmp_unordered(">", value, least), v, e.zero)
        e.store(v, e.add(to, e.mul(p.index, along)))
        b.store(b.fadd(b.load(total), v), total)
    with b.if_then(b.icmp_signed("!=", sums, e.count(0))):
        e.store_masked(b.load(total), sums, mask)


def _gradient(e: Emit, a: list[Any], rows: int, vectors: int, half: bool) -> None:
    """dst[i, :] = sum over samples p of x[p, i] * dy[p, :] for i < valid of `rows` rows.

    Arguments (x, its stride, dy, samples, dst, valid, soon); dy and dst are dense, in rows of `vectors` vectors. At
    each sample memory is asked for one cache line from `soon` on: many at once would fill the core's few buffers for
    lines that are on their way, and everything waits.
    """
    x, stride, dy, count, dst, valid, soon = a
    b, acc, width = e.b, e.accumulators(rows * vectors), VECTOR_BYTES * vectors
    with e.loop(count) as p:
        px, py = e.add(x, e.mul(p.index, stride)), e.add(dy, e.mul(p.index, width))
        ds = [e.load(e.add(py, VECTOR_BYTES * q)) for q in range(vectors)]
        prefetch(e, e.add(soon, e.mul(p.index, LINE)))
        for i in range(rows):
            xv = e.broadcast(e.add(px, e.size * i))
            for q in range(vectors):
                v = acc[i * vectors + q]
                b.store(e.fma(xv, ds[q], b.load(v)), v)
    for i in range(rows):
        with b.if_then(b.icmp_signed("<", e.count(i), valid)):
            for q in range(vectors):
                e.store(b.load(acc[i * vectors + q]), e.add(dst, i * width + VECTOR_BYTES * q))
            if half:
                e.store(e.zero, e.add(dst, i * width + VECTOR_BYTES // 2))


spread = simd.emitted(10, lambda e, a: _spread(e, a, False))
spread_masked = simd.emitted(10, lambda e, a: _spread(e, a, True))
gradient1 = simd.emitted(7, lambda e, a: _gradient(e, a, ROWS[1], 1, False))
gradient2 = simd.emitted(7, lambda e, a: _gradient(e, a, ROWS[2], 2, False))
gradient3 = simd.emitted(7, lambda e, a: _gradient(e, a, ROWS[3], 3, False))
gradient_half = simd.emitted(7, lambda e, a: _gradient(e, a, ROWS[4], 1, HALF), half=HALF)

(
    DA, DAN, A, AN, FLOOR, N, C,   # gradient, its stride; the ReLU's value or 0, its stride; samples, columns
    PACKED, TILES, NTILES, LENGTH, # dy by column tiles [tile][sample][lanes]; samples that it has room for
    TURNED, OVER, NOVER, WIDE,     # dy by tiles of samples [tile][column][lanes], or 0; columns in whole vectors
    BIAS,                          # gradient of the bias, or 0
) = slots(16)  # fmt: skip


@kernel
def affine_spread(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dy, through ReLU where A is given, packed, turned and summed. Units: vectors of columns."""
    d = arguments(row)
    size = size_of(real)
    lanes, tiles, over = VECTOR_BYTES // size, ints(d[TILES]), ints(d[OVER])
    t = 0
    while t + 1 < d[NTILES] and tiles[2 * t + 3] <= unit * lanes:
        t += 1
    step, at = tiles[2 * t] * VECTOR_BYTES, unit * VECTOR_BYTES
    to = d[PACKED] + tiles[2 * t + 1] * size * d[LENGTH] + at - tiles[2 * t + 1] * size
    sums = d[BIAS] + at if d[BIAS] else 0
    valid = min(lanes, d[C] - unit * lanes)
    if d[A]:
        spread_masked(real, (d[DA] + at, d[DAN], d[A] + at, d[AN], d[N], valid, to, step, sums, d[FLOOR]))
    else:
        spread(real, (d[DA] + at, d[DAN], 0, 0, d[N], valid, to, step, sums, d[FLOOR]))
    for i in range(d[NOVER]):
        wide, first = over[2 * i] * VECTOR_BYTES, over[2 * i + 1]
        turned = d[TURNED] + d[WIDE] * first * size + unit * lanes * wide
        for m in range(over[2 * i]):
            turn(real, (to + (first + m * lanes) * step, step, turned + m * VECTOR_BYTES, wide, lanes))


(
    X, XN, SAMPLES, DY,            # input, its stride; samples; dy as affine_spread packs it
    LIST, NLIST, SPLIT,            # runs of tiles (kind, byte offsets of x, dy and the gradient, rows); ranges of them
    TO,                            # the gradient, or 0: with update
    PART, SIZE,                    # memory for one run per unit, their distance in values
    W, FIRST, SECOND, KIND, HYPER, DECAY, LOSS,  # the weights and their optimizer; nothing is done at a loss of NaN
) = slots(17)  # fmt: skip


@njit
def _soon(d, tile, at):  # type: ignore[no-untyped-def]  # Numba
    """Return from where on this tile of a run asks for what the run's update reads, at byte offset `at`: the tiles take
    turns with the weights and the optimizer's arrays. What a next run reads another thread may be writing."""
    if d[TO]:
        return d[DY]
    if d[SECOND] != d[FIRST]:
        k, which = tile // 3, tile % 3
    else:
        k, which = tile // 2, tile % 2
    base = d[W] if which == 0 else d[FIRST] if which == 1 else d[SECOND]
    return base + at + k * d[SAMPLES] * LINE


@kernel
def affine_weights(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dW = x^T dy; or the optimizer's step on each run of tiles while it is in cache: the gradient is never written to
    memory. Units: SPLIT ranges of runs."""
    d = arguments(row)
    updates = d[TO] == 0
    if updates and not math.isfinite(floats(d[LOSS])[0]):
        return
    listed = ints(d[LIST])
    size = size_of(real)
    for t in range(unit * d[NLIST] // d[SPLIT], (unit + 1) * d[NLIST] // d[SPLIT]):
        kind, at, rows = listed[5 * t], listed[5 * t + 3], listed[5 * t + 4]
        across = (kind if kind < 4 else 1) * VECTOR_BYTES
        n = rows * across // size
        to = d[PART] + unit * d[SIZE] * size if updates else d[TO] + at
        x, dy = d[X] + listed[5 * t + 1], d[DY] + listed[5 * t + 2]
        if kind == 1:
            for i in range(0, rows, R1):
                ask = _soon(d, i // R1, at)
                gradient1(real, (x + i * size, d[XN], dy, d[SAMPLES], to + i * across, rows - i, ask))
        elif kind == 2:
            for i in range(0, rows, R2):
                ask = _soon(d, i // R2, at)
                gradient2(real, (x + i * size, d[XN], dy, d[SAMPLES], to + i * across, rows - i, ask))
        elif kind == 3:
            for i in range(0, rows, R3):
                ask = _soon(d, i // R3, at)
                gradient3(real, (x + i * size, d[XN], dy, d[SAMPLES], to + i * across, rows - i, ask))
        else:
            for i in range(0, rows, R4):
                ask = _soon(d, i // R4, at)
                gradient_half(real, (x + i * size, d[XN], dy, d[SAMPLES], to + i * across, rows - i, ask))
        if updates:
            w, g = array(real, d[W] + at, n), array(real, to, n)
            first, second = array(real, d[FIRST] + at, n), array(real, d[SECOND] + at, n)
            apply(d[KIND], w, g, first, second, d[HYPER], d[DECAY] != 0, n)


(
    I_W, I_TURNED, I_DX, I_DXN, I_OFFSETS,  # weights, turned dy; dx, its stride, byte offset of every feature
    I_N, I_FEATURES, I_BLOCK,      # samples, features, features of a unit
    I_OVER, I_NOVER, I_WIDE,       # tiles of samples, as for affine_spread; columns of dy in whole vectors
    I_SOURCES, I_NSOURCES,         # (vectors, taps, their number, columns of each, first column): tiles of W alike
    I_XO, I_YO, I_LENGTH,          # tables of a block, I_LENGTH entries: for each source, then those of the last block
    I_FLOOR, I_ROW,                # -inf; bytes of a row of the memory
    I_SPACE, I_SLICE, I_FLAGS, I_NSPACE,  # memory for units at work: address, bytes of one, flags, number
) = slots(22)  # fmt: skip


@njit
def _product(d, real, x, xo, yo, count, source, w, y, vectors, lanes, start):  # type: ignore[no-untyped-def]  # Numba
    """One tile of samples: y[f] (+)= the sum over a source's columns of W[f, k] * dy[k]."""
    taps, n_taps, n_j = source[1], source[2], source[3]
    if HALF and vectors == 1 and 2 * lanes * size_of(real) <= VECTOR_BYTES:
        for t in range(0, count, P1):
            conv_half(real, (x, xo + 8 * t, taps, n_taps, n_j, w, y, yo + 8 * t, start, lanes, d[I_FLOOR], 0, 0))
    elif vectors == 1:
        for t in range(0, count, P1):
            conv1(real, (x, xo + 8 * t, taps, n_taps, n_j, w, y, yo + 8 * t, start, lanes, d[I_FLOOR], 0, 0))
    elif vectors == 2:
        for t in range(0, count, P2):
            conv2(real, (x, xo + 8 * t, taps, n_taps, n_j, w, y, yo + 8 * t, start, lanes, d[I_FLOOR], 0, 0))
    else:
        for t in range(0, count, P3):
            conv3(real, (x, xo + 8 * t, taps, n_taps, n_j, w, y, yo + 8 * t, start, lanes, d[I_FLOOR], 0, 0))


@kernel
def affine_input(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = dy W^T as W dy^T: the packed weights are read as pixels, and what comes out is turned while it is in cache.
    Units: blocks of features."""
    d = arguments(row)
    own = claim(d[I_FLAGS], d[I_NSPACE])
    y = d[I_SPACE] + own * d[I_SLICE]
    first = unit * d[I_BLOCK]
    count = min(d[I_BLOCK], d[I_FEATURES] - first)
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    last = d[I_NSOURCES] * (1 if count < d[I_BLOCK] else 0)
    over = ints(d[I_OVER])
    for i in range(d[I_NOVER]):
        vectors, m = over[2 * i], over[2 * i + 1]
        for s in range(d[I_NSOURCES]):
            source = ints(d[I_SOURCES] + 40 * s)
            x = d[I_W] + first * source[0] * VECTOR_BYTES
            w = d[I_TURNED] + d[I_WIDE] * m * size + source[4] * vectors * VECTOR_BYTES
            xo = d[I_XO] + 8 * d[I_LENGTH] * (last + s)
            yo = d[I_YO] + 8 * d[I_LENGTH] * (last + s)
            valid = min(lanes, d[I_N] - m - (vectors - 1) * lanes)
            _product(d, real, x, xo, yo, count, source, w, y + m * size, vectors, valid, int(s > 0))
    offsets = ints(d[I_OFFSETS] + 8 * first)
    for m in range(0, d[I_N], lanes):  # a square of features and samples at a time, turned in registers
        some, to = min(lanes, d[I_N] - m), d[I_DX] + m * d[I_DXN]
        for f in range(0, count, lanes):
            end = min(f + lanes, count)
            source = y + f * d[I_ROW] + m * size
            if end - f == lanes and offsets[end - 1] - offsets[f] == (lanes - 1) * size:
                turn(real, (source, d[I_ROW], to + offsets[f], d[I_DXN], some))
                continue
            for i in range(some):
                for k in range(f, end):
                    value = array(real, source + (k - f) * d[I_ROW] + i * size, 1)[0]
                    array(real, to + i * d[I_DXN] + offsets[k], 1)[0] = value
    release(d[I_FLAGS], own)
