"""A convolution and the 2 x 2 max pooling behind it in use, where nobody asks which tap won.

A register tile holds the four pixels of each of its windows, so that their largest is taken in registers: the
convolution's value is never stored. In training `pooled.py` does it, band by band. The NumPy twin is that of the
convolution (tiles.py) and of the pooling (maxpool.py), one after the other.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .cpu import HALF, VECTOR_BYTES
from .machine import arguments, kernel, slots
from .memory import ints, size_of
from .register_tiles import add_taps
from .simd import Emit
from .tiles import PIXELS

TAPS_OF_WINDOW = 4
WINDOWS = {vectors: pixels // TAPS_OF_WINDOW for vectors, pixels in PIXELS.items()}
"""Windows of a tile by its vectors."""

TABLE_PAD = 6
"""Tables end with repeats of the last window, up to a multiple of this and so of every entry of WINDOWS."""

W1, W2, W3 = WINDOWS[1], WINDOWS[2], WINDOWS[3]


def _windows(e: Emit, a: list[Any], windows: int, vectors: int) -> None:
    """y[g, :] = the largest of start + sum over t, j of x[g, taps[t] + j] * w[t, j, :] over the pixels of window g, at
    least `floor`; NaN stays.

    Arguments (x, xo, taps, T, J, w, y, yo, start or 0, lanes, floor, bytes to the right and lower pixel of a window).
    """
    x, xo, _, _, _, _, y, yo, start, lanes, floor, right, down = a
    b, acc, xs = e.b, e.accumulators(TAPS_OF_WINDOW * windows * vectors), []
    for g in range(windows):
        corner = e.add(x, e.table(xo, g))
        below = e.add(corner, down)
        xs += [corner, e.add(corner, right), below, e.add(below, right)]
    with b.if_then(b.icmp_signed("!=", start, e.count(0))):
        for q in range(vectors):
            v = e.load(e.add(start, VECTOR_BYTES * q))
            for i in range(len(xs)):
                b.store(v, acc[i * vectors + q])
    add_taps(e, acc, xs, a[2:6], vectors)
    mask, least = e.first(lanes), e.broadcast(floor)
    for g in range(windows):
        place = e.add(y, e.table(yo, g))
        for q in range(vectors):
            best, *others = (b.load(acc[(TAPS_OF_WINDOW * g + i) * vectors + q]) for i in range(TAPS_OF_WINDOW))
            for v in others:
                wins = b.and_(b.fcmp_unordered(">", v, best), b.fcmp_ordered("==", best, best))
                best = b.select(wins, v, best)
            best, to = e.at_least(best, least), e.add(place, VECTOR_BYTES * q)
            if q < vectors - 1:
                e.store(best, to)
            else:
                e.store_masked(best, to, mask)


def window_tile(vectors: int, half: bool = False) -> Any:
    """Make the tile `_windows` for so many vectors."""
    return simd.emitted(13, lambda e, a: _windows(e, a, WINDOWS[vectors], vectors), half)


windows1, windows2, windows3 = (window_tile(v) for v in (1, 2, 3))
windows_half = window_tile(1, HALF)

(
    X, W, Y, START, FLOOR,         # addresses; bias or 0; the least value stored
    XB, YB, COUNT, TABLE, BLOCKS,  # per block: byte offsets of x and y, windows, byte offset of its table; their number
    XO, YO, RIGHT, DOWN,           # per window: byte offsets; bytes to the pixels on the right and below
    TAPS, NT, NJ, ROWS,            # byte offsets of taps, their number, values per tap, rows of a packed tile
    TILES, NTILES, SPLIT, LANES,   # column tiles, their number, ranges of them; lanes of the last vector that count
) = slots(22)  # fmt: skip


@kernel
def convolution_largest(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: blocks of windows x SPLIT ranges of column tiles."""
    d = arguments(row)
    s, b, size = unit % d[SPLIT], unit // d[SPLIT], size_of(real)
    tiles, count, table = ints(d[TILES]), ints(d[COUNT])[b], ints(d[TABLE])[b]
    x, y = d[X] + ints(d[XB])[b], d[Y] + ints(d[YB])[b]
    for k in range(s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]):
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        lanes = d[LANES] if k == d[NTILES] - 1 else VECTOR_BYTES // size
        w, to = d[W] + d[ROWS] * column * size, y + column * size
        start = d[START] + column * size if d[START] else 0
        half = HALF and vectors == 1 and 2 * lanes * size <= VECTOR_BYTES
        step = W1 if vectors == 1 else W2 if vectors == 2 else W3
        for t in range(0, count, step):
            xo, yo = d[XO] + table + 8 * t, d[YO] + table + 8 * t
            a = (x, xo, d[TAPS], d[NT], d[NJ], w, to, yo, start, lanes, d[FLOOR], d[RIGHT], d[DOWN])
            if half:
                windows_half(real, a)
            elif vectors == 1:
                windows1(real, a)
            elif vectors == 2:
                windows2(real, a)
            else:
                windows3(real, a)
