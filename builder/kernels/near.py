"""Gradient of a convolution's weights from copies of a block's pixels that lie near each other.

A tile keeps some channels x columns of the gradient in registers and passes over all pixels of a block; the next tile
passes over the same pixels again. Where they lie in their tensors, a tile fetches a cache line per pixel for a few
channels of it, and pixels that are a power of two apart share a few sets of the first-level cache, which never holds
them. So a unit copies a block first, as a matrix product packs its operands (Goto and van de Geijn 2008): each strip of
channels that a tile reads, and the columns of a tile, without gaps. Taps are positions within a strip.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from . import simd
from .cpu import HALF, VECTOR_BYTES
from .jit import njit
from .machine import arguments, claim, kernel, release, slots
from .memory import ints, size_of
from .simd import LINE, Emit
from .tiles import GRADIENT, gradient_rows, soon_of

R1, R2, R3 = (GRADIENT[n][1] for n in (1, 2, 3))


def copy_tile(rows: int) -> Any:
    """Make to[strip, p, :] = x[p, strip] for strips of `rows` channels, zero behind the last channel.

    Arguments (x, bytes per pixel, pixels, channels, to, bytes between strips).
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, pixel, count, channels, to, between = a
        b, kind, size = e.b, ir.VectorType(e.scalar, rows), rows * e.size
        whole, rest = b.sdiv(channels, e.count(rows)), b.srem(channels, e.count(rows))

        def put(v: Any, address: Any) -> None:
            b.store(v, e.pointer(address, v.type)).align = e.size

        def get(address: Any, which: Any) -> Any:
            loaded = b.load(e.pointer(address, which))
            loaded.align = e.size
            return loaded

        with e.loop(count) as p:
            source, target = e.add(x, e.mul(p.index, pixel)), e.add(to, e.mul(p.index, size))
            with e.loop(whole) as j:
                put(get(e.add(source, e.mul(j.index, size)), kind), e.add(target, e.mul(j.index, between)))
            with b.if_then(b.icmp_signed(">", rest, e.count(0))):
                last = e.add(target, b.mul(whole, between))
                put(ir.Constant(kind, [0.0] * rows), last)
                with e.loop(rest) as i:
                    at = e.mul(i.index, e.size)
                    put(get(e.add(e.add(source, e.mul(whole, size)), at), e.scalar), e.add(last, at))

    return simd.emitted(6, generate)


def _gather(e: Emit, a: list[Any]) -> None:
    """to[p, :] = y[p], zero behind the last lane. Arguments (y, yo, pixels, to, vectors, lanes of the last vector)."""
    y, yo, count, to, vectors, lanes = a
    last, mask = e.mul(e.add(vectors, -1), VECTOR_BYTES), e.first(lanes)
    with e.loop(count) as p:
        source, target = e.add(y, e.table(yo, p.index)), e.add(to, e.mul(e.mul(p.index, vectors), VECTOR_BYTES))
        with e.loop(e.add(vectors, -1)) as q:
            o = e.mul(q.index, VECTOR_BYTES)
            e.store(e.load(e.add(source, o)), e.add(target, o))
        e.store(e.load_masked(e.add(source, last), mask), e.add(target, last))


copy1, copy2, copy3 = copy_tile(R1), copy_tile(R2), copy_tile(R3)
gather = simd.emitted(6, _gather)

(
    X, XG, XI, XR, XP,             # first pixel; byte steps of groups of channels, images, rows and pixels
    Y, YG, YO,                     # gradient of the outputs; byte offsets of a block's pixels
    LIST, BLOCKS,                  # per block: byte offsets of x and y, images, rows of x, pixels of y
    ROWS, COLUMNS, AREA,           # of the copy: room for rows of x in a block, pixels in a row, in all
    XO, NEAR, TAPS,                # byte offsets for tiles of 1, 2, 3 vectors: first taps and columns of pixels, taps
    NT, C,                         # taps; channels of a group
    TILES, NTILES, LANES,          # column tiles (vectors, first column), their number; lanes of the last that count
    SPLIT, CHUNKS, STEP,           # ranges of channels that are units, partial sums; channels of a range
    PART, SIZE, WG,                # partial sums, values of one; byte step of groups
    MAT, ROOM,                     # where a unit's memory holds columns; for so many pixels
    SPACE, SLICE, FLAGS, NSPACE,   # memory for units at work: address, bytes of one, flags, number
) = slots(33)  # fmt: skip

LISTED = 5
"""Numbers of a block in LIST."""


@njit
def _strips(d, real, x, channels, images, rows, to, high, size):  # type: ignore[no-untyped-def]  # Numba
    """Copy the channels of a block's pixels in strips of `high`."""
    between, pixel = d[AREA] * high * size, high * size
    for i in range(images):
        for r in range(rows):
            here = to + (i * d[ROWS] + r) * d[COLUMNS] * pixel
            a = (x + i * d[XI] + r * d[XR], d[XP], d[COLUMNS], channels, here, between)
            if high == R1:
                copy1(real, a)
            elif high == R2:
                copy2(real, a)
            else:
                copy3(real, a)


@kernel
def near_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: groups x chunks of blocks x SPLIT ranges of channels; each chunk has its own partial sum."""
    d = arguments(row)
    split, chunks, blocks = d[SPLIT], d[CHUNKS], d[BLOCKS]
    s, chunk, group = unit % split, unit // split % chunks, unit // (split * chunks)
    size = size_of(real)
    c0 = s * d[STEP]
    channels, tiles = min(d[STEP], d[C] - c0), ints(d[TILES])
    own = claim(d[FLAGS], d[NSPACE])
    v = d[SPACE] + own * d[SLICE]
    dy = v + d[MAT]
    part = d[PART] + chunk * d[SIZE] * size + group * d[WG]
    half = HALF and 2 * d[LANES] * size <= VECTOR_BYTES
    base_x, base_y = d[X] + group * d[XG] + c0 * size, d[Y] + group * d[YG]
    b0 = chunk * blocks // chunks
    for b in range(b0, (chunk + 1) * blocks // chunks):
        listed = ints(d[LIST] + 8 * LISTED * b)
        count, more, copied = listed[4], int(b > b0), 0
        x, y = base_x + listed[0], base_y + listed[1]
        later = ints(d[LIST] + 8 * LISTED * min(b + 1, blocks - 1))
        bytes_x, bytes_y = (later[2] - 1) * d[XI] + later[3] * d[XR], ints(d[YO])[later[4] - 1]
        asked = 0
        for k in range(d[NTILES]):
            vectors, column = tiles[2 * k], tiles[2 * k + 1]
            rows = R1 if vectors == 1 else R2 if vectors == 2 else R3
            width, between = vectors * VECTOR_BYTES, d[AREA] * rows * size
            if rows != copied:
                _strips(d, real, x, channels, listed[2], listed[3], v, rows, size)
                copied = rows
            lanes = d[LANES] if k == d[NTILES] - 1 else VECTOR_BYTES // size
            gather(real, (y + column * size, d[YO], count, dy, vectors, lanes))
            base = part + d[NT] * d[C] * column * size + c0 * width
            xo, yo = d[XO] + 8 * d[ROOM] * (vectors - 1), d[NEAR] + 8 * d[ROOM] * (vectors - 1)
            taps = d[TAPS] + 8 * d[NT] * (vectors - 1)
            for c in range(0, channels, rows):
                here, valid = v + c // rows * between, min(rows, channels - c)
                for t in range(d[NT]):
                    to = base + (t * d[C] + c) * width
                    soon = soon_of(base_x + later[0], bytes_x, base_y + later[1], bytes_y, asked)
                    a = (here, xo, count, dy, yo, taps + 8 * t, to, 0, width, valid, more, soon)
                    asked += count * LINE
                    gradient_rows(vectors, half and k == d[NTILES] - 1, real, a)
    release(d[FLAGS], own)
