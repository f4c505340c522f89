"""Max pooling of a normalised image in windows of 3 x 3 with stride 2 (AlexNet's, ResNet's stem): see maxpool.py.

Neighbouring windows share a row or a column of pixels. Forward, whole windows go along a row with all taps unrolled.
Backward, two rows and two columns of pixels at a time gather from the four windows that cover them. What windows at the
border cover is done pixel by pixel, by the functions of maxpool.py. Fields as there.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .fused import coefficient
from .machine import arguments, kernel
from .maxpool import (  # the compiler takes the slots of max pooling from here
    COEF,
    DP,
    DPH,
    DPN,
    DY,
    DYH,
    DYN,
    FLOOR,
    IH,
    IW,
    LEFT,
    OH,
    OW,
    PH,
    PN,
    TOP,
    WIN,
    YH,
    YN,
    C,
    P,
    Y,
    backward_row,
    forward_row,
    largest,
)
from .memory import size_of
from .simd import Emit

COVERING = {
    (0, 0): ((-1, -1, 8), (-1, 0, 6), (0, -1, 2), (0, 0, 0)),
    (0, 1): ((-1, 0, 7), (0, 0, 1)),
    (1, 0): ((0, -1, 5), (0, 0, 3)),
    (1, 1): ((0, 0, 4),),
}
"""Pixel of a square -> the windows that cover it, beside the one that begins with the square, and its tap in each."""


def _forward(e: Emit, a: list[Any], scaled: bool) -> None:
    """n outputs of a row: (y, row stride, p, win, n, c, coef, floor)."""
    y, down, p, win, n, c, coef, floor = a
    least, pixel = e.broadcast(floor), e.mul(c, e.size)

    def body(o: Any, load: simd.Load, store: simd.Store, pixels: simd.Pixels) -> None:
        constants = [load(e.add(coefficient(e, coef, c, i), o)) for i in ((0, 2, 3) if scaled else ())]
        with pixels() as place:
            out, here = e.add(place, o), e.add(e.add(y, e.mul(place, 2)), o)
            taps = [e.add(e.add(here, e.mul(down, i)), e.mul(pixel, j)) for i in range(3) for j in range(3)]
            largest(e, [load(at) for at in taps], constants, least, store, e.add(p, out), e.add(win, e.counted(out)))

    below = [e.add(y, e.mul(down, i)) for i in (1, 2)]
    simd.in_runs(e, n, c, body, written=[p], doubled=below, winners=[win])


def _backward(e: Emit, a: list[Any], scaled: bool) -> None:
    """n squares of 2 x 2 pixels of two rows: (y, row stride, dy, row stride, dp, row stride, win, row stride, n, c,
    coef); dp and win of the windows that begin with the squares."""
    y, y_down, dy, dy_down, dp, dp_down, win, win_down, n, c, coef = a
    b, pixel = e.b, e.mul(c, e.size)

    def body(o: Any, load: simd.Load, store: simd.Store, pixels: simd.Pixels) -> None:
        constants = [load(e.add(coefficient(e, coef, c, i), o)) for i in ((0, 4, 5, 6) if scaled else ())]
        with pixels() as place:
            out, at = e.add(place, o), e.add(e.mul(place, 2), o)
            windows = {}
            for r, q in ((-1, -1), (-1, 0), (0, -1), (0, 0)):
                won = e.add(e.add(win, e.counted(out)), e.add(e.mul(win_down, r), e.mul(c, q)))
                g = e.add(e.add(dp, out), e.add(e.mul(dp_down, r), e.mul(pixel, q)))
                windows[r, q] = load.bytes(won), load(g)
            for (i, j), covering in COVERING.items():
                total = None
                for r, q, tap in covering:
                    won, g = windows[r, q]
                    mine = b.select(b.icmp_signed("==", won, e.number(tap)), g, e.zero)
                    total = mine if total is None else b.fadd(total, mine)
                right = e.mul(pixel, j)
                if scaled:
                    u, k0, k1, k2 = constants
                    value = load(e.add(e.add(e.add(y, at), right), e.mul(y_down, i)))
                    total = e.fma(k0, total, e.fma(k2, b.fsub(value, u), k1))
                store(total, e.add(e.add(e.add(dy, at), right), e.mul(dy_down, i)))

    wide = [y, e.add(y, y_down)] if scaled else [dy, e.add(dy, dy_down)]
    simd.in_runs(e, n, c, body, read=[dp], doubled=wide, winners=[win])


row_forward = simd.emitted(8, lambda e, a: _forward(e, a, False))
row_forward_scaled = simd.emitted(8, lambda e, a: _forward(e, a, True))
rows_backward = simd.emitted(11, lambda e, a: _backward(e, a, False))
rows_backward_scaled = simd.emitted(11, lambda e, a: _backward(e, a, True))


@kernel
def triple_max_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """max_forward for such windows. Units: output rows."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    top, first, last = 2 * oh - d[TOP], (d[LEFT] + 1) // 2, min(d[OW], (d[IW] + d[LEFT] - 3) // 2 + 1)
    if top < 0 or top + 3 > d[IH] or last <= first:
        forward_row(d, real, n, oh, 0, d[OW])
        return
    pixel = c * size_of(real)
    y = d[Y] + n * d[YN] + top * d[YH] + (2 * first - d[LEFT]) * pixel
    p = d[P] + n * d[PN] + oh * d[PH] + first * pixel
    win = d[WIN] + ((n * d[OH] + oh) * d[OW] + first) * c
    a = (y, d[YH], p, win, last - first, c, d[COEF], d[FLOOR])
    if d[COEF]:
        row_forward_scaled(real, a)
    else:
        row_forward(real, a)
    forward_row(d, real, n, oh, 0, first)
    forward_row(d, real, n, oh, last, d[OW])


@kernel
def triple_max_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """max_backward for such windows. Units: output rows, each with the two input rows that its windows begin with; the
    first takes those above along, the last those below."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    top = 2 * oh - d[TOP]
    for ih in range(top if oh == 0 else 0):
        backward_row(d, real, n, ih, 0, d[IW])
    end = min(top + 2, d[IH])
    first, last = 1, min(d[OW], (d[IW] + d[LEFT]) // 2)
    if oh == 0 or top + 2 > d[IH] or last <= first:
        for ih in range(max(top, 0), end):
            backward_row(d, real, n, ih, 0, d[IW])
    else:
        pixel = c * size_of(real)
        left, right = 2 * first - d[LEFT], 2 * last - d[LEFT]
        y, dy = d[Y] + n * d[YN] + top * d[YH] + left * pixel, d[DY] + n * d[DYN] + top * d[DYH] + left * pixel
        dp = d[DP] + n * d[DPN] + oh * d[DPH] + first * pixel
        win = d[WIN] + ((n * d[OH] + oh) * d[OW] + first) * c
        a = (y, d[YH], dy, d[DYH], dp, d[DPH], win, d[OW] * c, last - first, c, d[COEF])
        if d[COEF]:
            rows_backward_scaled(real, a)
        else:
            rows_backward(real, a)
        for ih in range(top, top + 2):
            backward_row(d, real, n, ih, 0, left)
            backward_row(d, real, n, ih, right, d[IW])
    for ih in range(end if oh == d[OH] - 1 else d[IH], d[IH]):
        backward_row(d, real, n, ih, 0, d[IW])
