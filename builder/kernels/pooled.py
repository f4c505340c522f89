"""Convolution and the 2 x 2 max pooling behind it, band by band: what lies between them stays in cache.

A band is some images, or some rows of one image, seen as its pooled outputs. Forward, the convolution of a band goes
into memory of the unit's own and is pooled from there. Backward, a band's gradient is spread there from the pooled one,
through ReLU and normalisation, and goes straight into the weights' gradient: for a first layer, whose input needs none.

The NumPy twins are those of the two operations.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .jit import njit
from .machine import arguments, array, claim, kernel, release, slots
from .maxpool import pair_backward_scaled, pair_forward
from .memory import ints, size_of
from .simd import Emit
from .tiles import (  # noqa: F401  # the compiler takes the slots of convolution from here
    BLOCKS,
    CHUNKS,
    COUNT,
    FLOOR,
    LANES,
    LIST,
    NJ,
    NLIST,
    NT,
    NTILES,
    PART,
    ROWS,
    SIZE,
    START,
    TABLE,
    TAPS,
    TILES,
    TILES_SLOTS,
    XB,
    XO,
    YO,
    W,
    X,
    gradient_of_listed,
    tile_row,
)

(
    P, PN, PH, WIN,                # pooled value (forward) or its gradient, byte strides of image and row; the winners
    BANDS,                         # per block: first image, images, first row, rows, all pooled
    OH, OW, K,                     # pooled size, channels
    DOWN, ACT,                     # bytes of a row of the unit's own memory; least value that is pooled
    Y, YN, YH, COEF,               # the convolution's value and normalisation's coefficients, or 0
    BIAS,                          # partial sums of the bias's gradient
    SPACE, SLICE, FLAGS, NSPACE,   # memory for units at work: address, bytes of one, flags, number
) = slots(TILES_SLOTS + 19)[TILES_SLOTS:]  # fmt: skip


def _spread(e: Emit, a: list[Any]) -> None:
    """Both input rows of n 2 x 2 windows: the gradient where a tap won, else 0; sums[:] += the gradients that passed.

    Arguments (dy, its row stride, dp, win, n, c, sums)."""
    dy, down, dp, win, n, c, sums = a
    b = e.b
    pixel = e.mul(c, e.size)

    def body(o: Any, load: Any, store: Any) -> None:
        (total,) = e.accumulators(1)
        b.store(load(e.add(sums, o)), total)
        with e.loop(n) as i:
            out = e.add(e.mul(i.index, pixel), o)
            at = e.add(e.add(dy, e.mul(e.mul(i.index, pixel), 2)), o)
            won, g = load.bytes(e.add(win, e.counted(out))), load(e.add(dp, out))
            passed = b.select(b.icmp_signed(">=", won, e.number(0)), g, e.zero)
            b.store(b.fadd(b.load(total), passed), total)
            for tap in range(4):
                mine = b.icmp_signed("==", won, e.number(tap))
                v = b.select(mine, g, e.zero)
                store(v, e.add(e.add(at, e.mul(pixel, tap % 2)), e.mul(down, tap // 2)))
        store(b.load(total), e.add(sums, o))

    e.over(c, body)


spread = simd.emitted(7, _spread)


@kernel
def convolution_pooled(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """p = the largest of 2 x 2 values of a convolution, at least ACT; win = its tap, or -1. Units: bands."""
    d = arguments(row)
    own = claim(d[FLAGS], d[NSPACE])
    y, band = d[SPACE] + own * d[SLICE], ints(d[BANDS] + 32 * unit)
    x, count = d[X] + ints(d[XB])[unit], ints(d[COUNT])[unit]
    table = ints(d[TABLE])[unit]
    tile_row(d, real, x, y, (d[W], 0), d[START], count, d[XO] + table, d[YO] + table, 0, d[NTILES])
    for i in range(band[1]):
        for r in range(band[3]):
            n, oh = band[0] + i, band[2] + r
            p, win = d[P] + n * d[PN] + oh * d[PH], d[WIN] + (n * d[OH] + oh) * d[OW] * d[K]
            here = y + (i * band[3] + r) * 2 * d[DOWN]
            pair_forward(real, (here, d[DOWN], p, win, d[OW], d[K], 0, d[ACT]))
    release(d[FLAGS], own)


@njit
def _gradient_of(d, real, band, dy, sums):  # type: ignore[no-untyped-def]  # Numba
    """dy = the gradient of a band of the convolution's value."""
    for i in range(band[1]):
        for r in range(band[3]):
            n, oh = band[0] + i, band[2] + r
            dp, win = d[P] + n * d[PN] + oh * d[PH], d[WIN] + (n * d[OH] + oh) * d[OW] * d[K]
            here = dy + (i * band[3] + r) * 2 * d[DOWN]
            if d[COEF]:
                y = d[Y] + n * d[YN] + 2 * oh * d[YH]
                pair_backward_scaled(real, (y, d[YH], here, d[DOWN], dp, win, d[OW], d[K], d[COEF]))
            else:
                spread(real, (here, d[DOWN], dp, win, d[OW], d[K], sums))


@kernel
def pooled_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Partial sums of the weights' gradient, and of the bias's where there is no normalisation. Units: chunks of
    bands."""
    d = arguments(row)
    own = claim(d[FLAGS], d[NSPACE])
    dy = d[SPACE] + own * d[SLICE]
    size = size_of(real)
    xb, counts, tables = ints(d[XB]), ints(d[COUNT]), ints(d[TABLE])
    listed, part = ints(d[LIST]), d[PART] + unit * d[SIZE] * size
    sums = array(real, d[BIAS] + unit * d[K] * size, d[K])
    for k in range(d[K]):
        sums[k] = 0
    first = unit * d[BLOCKS] // d[CHUNKS]
    for b in range(first, (unit + 1) * d[BLOCKS] // d[CHUNKS]):
        _gradient_of(d, real, ints(d[BANDS] + 32 * b), dy, d[BIAS] + unit * d[K] * size)
        xo, yo, n, more = d[XO] + tables[b], d[YO] + tables[b], counts[b], int(b > first)
        for t in range(d[NLIST]):
            # dy is the unit's own and in cache: nothing is asked of memory.
            gradient_of_listed(listed, 8 * t, real, d[X] + xb[b], xo, n, dy, yo, part, more, dy)
    release(d[FLAGS], own)
