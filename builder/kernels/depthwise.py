"""Depthwise convolution: each channel has one filter of its own. Vectors hold channels; nothing is summed across them.

    y[p, c] = start[c] + sum over taps t of x[p + tap[t], c] * w[row[t], c]

Pixels and taps are reached through tables of byte offsets, as in tiles.py; the gradient of the input is the same sum
over dy with the taps of one phase of the stride. A weight is packed [tap][channels], channels padded to whole vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import simd
from .machine import arguments, kernel, slots
from .memory import ints, size_of
from .tiles import twin_conv2d_backward, twin_conv2d_forward

PIXELS = 6
"""Pixels of a tile: as many sums as hide the latency of an addition, and no more pointers than there are registers."""

TAPS = (9, 3, 1)
"""Taps of a gradient tile, the largest that fits first: a 3 x 3 filter is one tile, a 5 x 5 filter is five."""


def _tile(e: simd.Emit, a: list[Any]) -> None:
    """Emit y for PIXELS pixels and all channels. Arguments (x, xo, taps, rows, T, channels, w, y, yo, start, floor)."""
    x, xo, taps, rows, n_taps, channels, w, y, yo, start, floor = a
    b = e.b
    xs, ys = ([e.add(base, e.table(table, i)) for i in range(PIXELS)] for base, table in ((x, xo), (y, yo)))
    least = e.broadcast(floor)

    def vector(offset: Any, load: simd.Load, store: simd.Store) -> None:
        sums = e.accumulators(PIXELS)
        for s in sums:
            b.store(e.zero, s)
        with b.if_then(b.icmp_unsigned(">", start, e.count(0))):
            first = load(e.add(start, offset))
            for s in sums:
                b.store(first, s)
        with e.loop(n_taps) as t:
            weight = load(e.add(e.add(w, e.table(rows, t.index)), offset))
            shift = e.add(e.table(taps, t.index), offset)
            for pixel, s in zip(xs, sums, strict=True):
                b.store(e.fma(load(e.add(pixel, shift)), weight, b.load(s)), s)
        for pixel, s in zip(ys, sums, strict=True):
            store(e.at_least(b.load(s), least), e.add(pixel, offset))

    e.over(channels, vector)


def _gradient_tile(taps: int) -> Any:
    """Make dst[h, :] (+)= sum over P pixels of x[p + tap[h], :] * dy[p, :] for `taps` taps and all channels.

    Arguments (x, xo, P, dy, yo, tap, dst, stride, channels, accumulate); stride: bytes between taps of dst.
    """

    def generate(e: simd.Emit, a: list[Any]) -> None:
        x, xo, count, dy, yo, tap, dst, stride, channels, accumulate = a
        b = e.b
        shifts = [e.add(x, e.table(tap, h)) for h in range(taps)]
        more = b.icmp_signed("==", accumulate, e.count(1))

        def vector(offset: Any, load: simd.Load, store: simd.Store) -> None:
            sums = e.accumulators(taps)
            places = [e.add(e.add(dst, e.mul(stride, h)), offset) for h in range(taps)]
            for s in sums:
                b.store(e.zero, s)
            with b.if_then(more):
                for place, s in zip(places, sums, strict=True):
                    b.store(load(place), s)
            with e.loop(count) as p:
                px = e.add(e.table(xo, p.index), offset)
                d = load(e.add(e.add(dy, e.table(yo, p.index)), offset))
                for shift, s in zip(shifts, sums, strict=True):
                    b.store(e.fma(load(e.add(shift, px)), d, b.load(s)), s)
            for place, s in zip(places, sums, strict=True):
                store(b.load(s), place)

        e.over(channels, vector)

    return simd.emitted(10, generate)


depthwise_tile = simd.emitted(11, _tile)
gradient9, gradient3, gradient1 = (_gradient_tile(n) for n in TAPS)

(
    X, W, Y, START,            # addresses; START is a bias or 0
    XB, YB, COUNT, TABLE,      # per block: byte offsets of x and y, number of pixels, byte offset of its table
    XO, YO, BLOCKS,            # per pixel: byte offsets; number of blocks
    TAPS_AT, ROWS_AT, NT, C,   # per tap: byte offset in x and in w; number of taps; channels
    FLOOR,                     # address of the least value stored
    PART, CHUNKS, SIZE, WIDE,  # gradient: partial sums, their number, length in values, bytes between taps
) = slots(20)  # fmt: skip


@kernel
def depthwise_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: pixel blocks."""
    d = arguments(row)
    x, y = d[X] + ints(d[XB])[unit], d[Y] + ints(d[YB])[unit]
    table, count = ints(d[TABLE])[unit], ints(d[COUNT])[unit]
    for t in range(0, count, PIXELS):
        xo, yo = d[XO] + table + 8 * t, d[YO] + table + 8 * t
        depthwise_tile(real, (x, xo, d[TAPS_AT], d[ROWS_AT], d[NT], d[C], d[W], y, yo, d[START], d[FLOOR]))


@kernel
def depthwise_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dw in partial sums. Units: chunks of pixel blocks."""
    d = arguments(row)
    blocks, wide = d[BLOCKS], d[WIDE]
    xb, yb, counts, tables = ints(d[XB]), ints(d[YB]), ints(d[COUNT]), ints(d[TABLE])
    part = d[PART] + unit * d[SIZE] * size_of(real)
    first = unit * blocks // d[CHUNKS]
    for b in range(first, (unit + 1) * blocks // d[CHUNKS]):
        x, y, n, more = d[X] + xb[b], d[Y] + yb[b], counts[b], int(b > first)
        xo, yo, t = d[XO] + tables[b], d[YO] + tables[b], 0
        while t < d[NT]:
            a = (x, xo, n, y, yo, d[TAPS_AT] + 8 * t, part + t * wide, wide, d[C], more)
            if d[NT] - t >= 9:
                gradient9(real, a)
                t += 9
            elif d[NT] - t >= 3:
                gradient3(real, a)
                t += 3
            else:
                gradient1(real, a)
                t += 1


# --- NumPy twins: a depthwise convolution is one with as many groups as channels ---


def twin_depthwise_forward(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, stride: Any, padding: Any, dilation: Any
) -> np.ndarray:
    """Return y for weight (C, 1, FH, FW)."""
    return twin_conv2d_forward(x, weight, bias, stride, padding, dilation, len(weight))


def twin_depthwise_backward(
    x: np.ndarray, weight: np.ndarray, dy: np.ndarray, stride: Any, padding: Any, dilation: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dx, dweight, dbias)."""
    return twin_conv2d_backward(x, weight, dy, stride, padding, dilation, len(weight))
