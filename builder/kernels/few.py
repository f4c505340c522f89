"""Affine for a few samples: every weight is read once, by narrow tiles that compute no sample twice.

The tiles of tiles.py hold 8 or 12 pixels, repeating the last where there are fewer: twelve times the work for one
sample. Its NumPy twin is that of Affine, `tiles.twin_affine_forward`.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .cpu import VECTOR_BYTES
from .jit import njit
from .machine import arguments, kernel, slots
from .memory import ints, size_of
from .simd import LINE, Emit, prefetch

AHEAD = 2048
"""Bytes ahead of which memory is asked for weights. Without it one thread got 14 GB/s, with it 25 where memory gives 27
(Emerald Rapids, 60 MB); 1 to 8 KB are alike."""


def _few(e: Emit, a: list[Any], samples: int, vectors: int, tiles: int) -> None:
    """y[s, :] = start + sum over t, j of x[s, taps[t] + j] * w[t, j, :], for some column tiles, one behind the other.

    A multiply-add waits for the one before it in its sum, so one sample's sums of a single tile are too few. The order
    of a sum is that of the rows, however many tiles and samples there are. Arguments as those of `conv_tile`, start
    being 0 or a bias, and the bytes from tile to tile.
    """
    x, xo, taps, n_taps, n_j, w, y, yo, start, lanes, floor, apart = a
    b, width, every = e.b, VECTOR_BYTES * vectors, vectors * tiles
    acc = e.accumulators(samples * every)
    xs = [e.add(x, e.table(xo, i)) for i in range(samples)]
    with b.if_then(b.icmp_unsigned(">", start, e.count(1))):
        for q in range(every):
            v = e.load(e.add(start, VECTOR_BYTES * q))
            for i in range(samples):
                b.store(v, acc[i * every + q])
    with e.loop(n_taps) as t:
        first, offset = e.mul(e.mul(t.index, n_j), width), e.table(taps, t.index)
        rows = [e.add(e.add(w, e.mul(apart, k)), first) for k in range(tiles)]
        at = [e.add(p, offset) for p in xs]
        with e.loop(n_j) as j:
            here = [e.add(row, e.mul(j.index, width)) for row in rows]
            for place in here:
                for o in range(0, width, LINE):
                    prefetch(e, e.add(place, AHEAD + o))
            ws = [e.load(e.add(place, VECTOR_BYTES * q)) for place in here for q in range(vectors)]
            for i in range(samples):
                xv = e.broadcast(e.add(at[i], e.mul(j.index, e.size)))
                for q in range(every):
                    p = acc[i * every + q]
                    b.store(e.fma(xv, ws[q], b.load(p)), p)
    mask, least = e.first(lanes), e.broadcast(floor)
    for i in range(samples):
        place = e.add(y, e.table(yo, i))
        for q in range(every):
            v, to = e.at_least(b.load(acc[i * every + q]), least), e.add(place, VECTOR_BYTES * q)
            if q < every - 1:
                e.store(v, to)
            else:
                e.store_masked(v, to, mask)


def few_tile(samples: int, vectors: int, tiles: int = 1) -> Any:
    """Make the tile `_few` for so many samples, vectors and column tiles."""
    return simd.emitted(12, lambda e, a: _few(e, a, samples, vectors, tiles))


one1, one2, one3 = (few_tile(1, v) for v in (1, 2, 3))
pair2, pair3 = (few_tile(1, v, 2) for v in (2, 3))
two1, two2, two3 = (few_tile(2, v) for v in (1, 2, 3))
four1, four2, four3 = (few_tile(4, v) for v in (1, 2, 3))

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
    tiles, size = ints(d[TILES]), size_of(real)
    k, last = unit * d[NTILES] // d[SPLIT], (unit + 1) * d[NTILES] // d[SPLIT]
    while k < last:
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        pair = d[COUNT] == 1 and vectors > 1 and k + 1 < last and tiles[2 * k + 2] == vectors
        k += 2 if pair else 1
        width = vectors * VECTOR_BYTES
        w, y = d[W] + d[ROWS] * column * size, d[Y] + size * column
        start = d[START] + size * column if d[START] > 1 else d[START]
        lanes = d[LANES] if k == d[NTILES] else VECTOR_BYTES // size
        done = 0
        while done < d[COUNT]:
            rest = d[COUNT] - done
            samples = 4 if rest >= 4 else 2 if rest >= 2 else 1
            xo, yo = d[XO] + 8 * done, d[YO] + 8 * done
            a = (d[X], xo, d[TAPS], d[NT], d[NJ], w, y, yo, start, lanes, d[FLOOR], d[ROWS] * width)
            if pair and vectors == 2:
                pair2(real, a)
            elif pair:
                pair3(real, a)
            else:
                _tile(real, samples, vectors, a)
            done += samples
