"""Winograd's gradient of the weights in three passes, for many channels: transforms, products, transform back.

The units of `winograd.winograd_gradient` transform what they need themselves, which stays in their cache. With many
channels there are many units for the same tiles, each transforms them again, and a unit's sums over few tiles at a time
go to and from its cache. Here every tile is transformed once; a product of one point then takes all tiles of a chunk
and adds in registers. The fields are those of winograd.py.
"""

from __future__ import annotations

from .cpu import HALF, VECTOR_BYTES
from .machine import arguments, kernel
from .memory import ints, size_of
from .tiles import gradient_rows
from .transforms import back
from .winograd import (
    BLOCK,
    COUNT,
    LANES,
    MO,
    MPLANE,
    MSTEP,
    NTILES,
    PANEL,
    PART,
    R1,
    R2,
    R3,
    SIDE,
    SPACE,
    SPLIT,
    START,
    TAPS,
    TILES,
    UPLANE,
    VO,
    VPLANE,
    VSTEP,
    ZERO,
    C,
    U,
    _inputs,
    _slopes,
)  # fmt: skip

RUN = 6144 // VECTOR_BYTES
"""Tiles that are summed at a time: their columns and what is read beside them stay in a first-level cache."""


@kernel
def winograd_spread(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """B^T d B at SPACE and A dy A^T at U as [point][tile][channel], of COUNT tiles. Units: BLOCK tiles each."""
    d = arguments(row)
    size = size_of(real)
    tiles, lanes = ints(d[TILES]), VECTOR_BYTES // size
    last = tiles[2 * d[NTILES] - 1] + (tiles[2 * d[NTILES] - 2] - 1) * lanes + d[LANES]
    first = unit * d[BLOCK]
    count = min(d[BLOCK], d[COUNT] - first)
    _inputs(d, real, d[SPACE] + first * d[VSTEP], first, count, 0, d[C], size)
    _slopes(d, real, d[U] + first * d[MSTEP], first, count, 0, last, size)


@kernel
def winograd_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """PART (+)= sum over COUNT tiles of V * M, as [point][column tile][row][lanes]; START: whether to add to what is
    there. Units: the points x SPLIT ranges of column tiles."""
    d = arguments(row)
    size = size_of(real)
    tiles = ints(d[TILES])
    s, e = unit % d[SPLIT], unit // d[SPLIT]
    v, m, to = d[SPACE] + e * d[VPLANE], d[U] + e * d[MPLANE], d[PART] + e * d[UPLANE]
    half = HALF and 2 * d[LANES] * size <= VECTOR_BYTES
    for k in range(s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]):
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        width, y = vectors * VECTOR_BYTES, m + size * column
        rows = R1 if vectors == 1 else R2 if vectors == 2 else R3
        for first in range(0, d[COUNT], RUN):
            x, dy, some = v + first * d[VSTEP], y + first * d[MSTEP], min(RUN, d[COUNT] - first)
            start = 1 if first else d[START]
            for c in range(0, d[C], rows):
                dst, valid = to + size * d[C] * column + c * width, min(rows, d[C] - c)
                a = (x + size * c, d[VO], some, dy, d[MO], d[ZERO], dst, 0, width, valid, start, dy)
                gradient_rows(vectors, half and k == d[NTILES] - 1, real, a)


@kernel
def winograd_back(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """PART = G^T U G, packed as weights are. Units: column tiles x PANEL rows."""
    d = arguments(row)
    size, r = size_of(real), d[TAPS]
    tiles, panels = ints(d[TILES]), (d[C] + d[PANEL] - 1) // d[PANEL]
    k, first = unit // panels, unit % panels * d[PANEL]
    width, column = tiles[2 * k] * VECTOR_BYTES, tiles[2 * k + 1]
    source, to = d[U] + size * d[C] * column, d[PART] + size * r * r * d[C] * column
    for o in range(first * width, min(first + d[PANEL], d[C]) * width, VECTOR_BYTES):
        here = (source + o, d[SIDE] * d[UPLANE], d[UPLANE], to + o, r * d[C] * width, d[C] * width)
        back(d[SIDE], real, here)
