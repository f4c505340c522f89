"""Affine for a few samples: every weight is read once, by narrow tiles that compute no sample twice.

The tiles of tiles.py hold 8 or 12 pixels, repeating the last where there are fewer: twelve times the work for one
sample. Its NumPy twin is that of Affine, `tiles.twin_affine_forward`.
"""

from __future__ import annotations

from . import simd
from .cpu import VECTOR_BYTES
from .jit import njit
from .machine import arguments, array, ints, kernel, slots

one1, one2, one3 = (simd.conv_tile(1, v) for v in (1, 2, 3))
two1, two2, two3 = (simd.conv_tile(2, v) for v in (1, 2, 3))
four1, four2, four3 = (simd.conv_tile(4, v) for v in (1, 2, 3))

X, W, Y, START, XO, YO, TAPS, NT, NJ, ROWS, TILES, NTILES, SPLIT, LANES, COUNT, FLOOR = slots(16)


@njit
def _tile(real, samples, vectors, a):  # type: ignore[no-untyped-def]  # Numba
    if samples == 1:
        if vectors == 1:
            one1(real, a)
        elif vectors == 2:
            one2(real, a)
        else:
            one3(real, a)
    elif samples == 2:
        if vectors == 1:
            two1(real, a)
        elif vectors == 2:
            two2(real, a)
        else:
            two3(real, a)
    elif vectors == 1:
        four1(real, a)
    elif vectors == 2:
        four2(real, a)
    else:
        four3(real, a)


@kernel
def affine_few(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = start + x W for COUNT samples. XO, YO: byte offset of each sample; the other slots as in tiles.py.
    Units: SPLIT ranges of column tiles."""
    d = arguments(row)
    tiles, size = ints(d[TILES], 2 * d[NTILES]), array(real, d[X], 1).itemsize
    for k in range(unit * d[NTILES] // d[SPLIT], (unit + 1) * d[NTILES] // d[SPLIT]):
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        w, y = d[W] + d[ROWS] * column * size, d[Y] + size * column
        start = d[START] + size * column if d[START] > 1 else d[START]
        lanes = d[LANES] if k == d[NTILES] - 1 else VECTOR_BYTES // size
        done = 0
        while done < d[COUNT]:
            rest = d[COUNT] - done
            samples = 4 if rest >= 4 else 2 if rest >= 2 else 1
            xo, yo = d[XO] + 8 * done, d[YO] + 8 * done
            a = (d[X], xo, d[TAPS], d[NT], d[NJ], w, y, yo, start, lanes, d[FLOOR])
            _tile(real, samples, vectors, a)
            done += samples
