"""The input's gradient of a convolution of stride 1 with few input channels, where a vector would stay half empty.

    t[i, q, (s, c)] = sum over r, k of dy[i + top - r, q, k] * w[k, c, r, s]
    dx[i, j, c]     = sum over s of t[i, j + left - s, (s, c)]

The first line is a product whose columns are the taps and channels of a filter's row: 5 taps of 6 channels fill
two vectors, where 6 channels alone take one for each tap. Both lines are done for a band of rows while t is in cache.

The NumPy twin is that of the convolution.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .machine import arguments, array, claim, kernel, release, slots
from .memory import ints, size_of
from .simd import Emit
from .tiles import (  # noqa: F401  # the compiler takes the slots of convolution from here
    BLOCKS,
    COUNT,
    FLOOR,
    LANES,
    NJ,
    NT,
    NTILES,
    ROWS,
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
    tile_row,
)

(
    BANDS,                         # per block: first image, images, first row, rows
    DX, DXN, DXH, WIDE, C,         # gradient, byte strides of image and row; its width and channels
    WIDTH, LEFT,                   # taps of a filter's row; pixels of padding to the left
    BEFORE, BEHIND, INNER,         # pixels of zeros before and behind a row of t, and between them
    LINE, PIXEL,                   # bytes of a row of t with its zeros, and of a pixel
    SPACE, SLICE, FLAGS, NSPACE,   # memory for units at work: address, bytes of one, flags, number
) = slots(TILES_SLOTS + 17)[TILES_SLOTS:]  # fmt: skip


def _fold(e: Emit, a: list[Any]) -> None:
    """dx[j, :] = sum over s of t[j + left - s, s, :] for n pixels. Arguments (t, its pixel, dx, n, c, width, left)."""
    t, step, dx, n, c, width, left = a
    b, pixel = e.b, e.mul(c, e.size)
    back = b.sub(pixel, step)  # from a tap to the next: one pixel back in t, and on to that tap's channels

    def body(o: Any, load: Any, store: Any) -> None:
        (total,) = e.accumulators(1)
        with e.loop(n) as j:
            here = e.add(e.add(t, e.mul(b.add(j.index, left), step)), o)
            b.store(load(here), total)
            with e.loop(e.add(width, -1)) as s:
                v = load(e.add(here, b.mul(e.add(s.index, 1), back)))
                b.store(b.fadd(b.load(total), v), total)
            store(b.load(total), e.add(e.add(dx, b.mul(j.index, pixel)), o))

    e.over(c, body)


fold = simd.emitted(7, _fold)


@kernel
def input_folded(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx of a convolution with few input channels. Units: bands of rows."""
    d = arguments(row)
    own = claim(d[FLAGS], d[NSPACE])
    t, band = d[SPACE] + own * d[SLICE], ints(d[BANDS] + 32 * unit)
    size = size_of(real)
    pixel, inner = d[PIXEL], d[INNER]
    for i in range(band[1] * band[3]):
        before = array(real, t + i * d[LINE], d[BEFORE] * pixel // size)
        behind = array(real, t + i * d[LINE] + (d[BEFORE] + inner) * pixel, d[BEHIND] * pixel // size)
        for k in range(len(before)):
            before[k] = 0
        for k in range(len(behind)):
            behind[k] = 0
    first = t + d[BEFORE] * pixel
    x, count = d[X] + ints(d[XB])[unit], ints(d[COUNT])[unit]
    table = ints(d[TABLE])[unit]
    tile_row(d, real, x, first, (d[W], 0), d[START], count, d[XO] + table, d[YO] + table, 0, d[NTILES])
    for i in range(band[1]):
        for r in range(band[3]):
            dx = d[DX] + (band[0] + i) * d[DXN] + (band[2] + r) * d[DXH]
            fold(real, (first + (i * band[3] + r) * d[LINE], pixel, dx, d[WIDE], d[C], d[WIDTH], d[LEFT]))
    release(d[FLAGS], own)
