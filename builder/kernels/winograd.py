"""Winograd's convolution F(m x m, r x r) for stride 1: fewer multiplications, somewhat less exact than the direct form.

A tile of n x n pixels d, n = m + r - 1, and a filter g of r x r taps give m x m outputs (Lavin and Gray 2016):

    y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A

So for each of the n x n points of a transformed tile, all tiles of a block, channels and filters make one matrix
product, done by the register tiles of `tiles.py`. F(4, 3) needs 36 multiplications for 16 outputs of 9 taps (4 times
fewer), F(5, 3) 49 for 25 (4.6 times), F(4, 5) 64 for 16 outputs of 25 taps (6.25 times). The gradient of the weights
is the adjoint,

    dg = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G,

and the gradient of the input is the same convolution with the filters turned round.

The last tile of an image's row or column is moved back so that it ends with the image; a bit per output says which
outputs belong to a tile, so that no output is computed into twice and none outside of the image. Channels need not be
whole vectors: lanes behind the last channel may hold anything, they are never mixed into other lanes nor stored.
"""

from __future__ import annotations

from typing import Any

from . import simd
from .cpu import HALF, VECTOR_BYTES
from .fused import block_sums
from .jit import njit
from .machine import arguments, claim, kernel, release, slots
from .memory import ints, size_of
from .simd import LINE, Emit, emitted
from .tiles import GRADIENT, P1, P2, P3, gradient_rows, soon_of, turn
from .transforms import back, outputs, pixels, slopes, weights

SOON = 4096
"""Bytes ahead of which memory is asked for transformed weights: where a block has few tiles they come too late."""


def product_tile(pixels: int, vectors: int, half: bool = False, asks: bool = False) -> Any:
    """Make y[p, :] = start + sum over j of x[p, j] * w[j, :] for `pixels` pixels and `vectors` vectors.

    Arguments (x, bytes per pixel, J, w, y, bytes per pixel, start, soon): start is 0 for zero, 1 to accumulate into y,
    else the address of a vector for every pixel. Strides in place of tables and whole vectors: short sums need short
    ends. `half` (of one vector) computes the first half of the lanes alone. At each j memory is asked for one cache
    line from address `soon` on; with `asks` for the weights SOON bytes further on too.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, x_step, n_j, w, y, y_step, start, soon = a
        b, acc = e.b, e.accumulators(pixels * vectors)
        xs = [e.add(x, e.mul(x_step, i)) for i in range(pixels)]
        ys = [e.add(y, e.mul(y_step, i)) for i in range(pixels)]
        with b.if_then(b.icmp_unsigned(">", start, e.count(1))):
            for q in range(vectors):
                v = e.load(e.add(start, VECTOR_BYTES * q))
                for i in range(pixels):
                    b.store(v, acc[i * vectors + q])
        with b.if_then(b.icmp_signed("==", start, e.count(1))):
            for i in range(pixels):
                for q in range(vectors):
                    b.store(e.load(e.add(ys[i], VECTOR_BYTES * q)), acc[i * vectors + q])
        with e.loop(n_j) as j:
            here = e.add(w, e.mul(j.index, VECTOR_BYTES * vectors))
            ws = [e.load(e.add(here, VECTOR_BYTES * q)) for q in range(vectors)]
            for o in range(0, VECTOR_BYTES * vectors if asks else 0, LINE):
                simd.prefetch(e, e.add(here, SOON + o))
            simd.prefetch(e, e.add(soon, e.mul(j.index, LINE)))
            step = e.mul(j.index, e.size)
            for i in range(pixels):
                xv = e.broadcast(e.add(xs[i], step))
                for q in range(vectors):
                    p = acc[i * vectors + q]
                    b.store(e.fma(xv, ws[q], b.load(p)), p)
        for i in range(pixels):
            for q in range(vectors):
                e.store(b.load(acc[i * vectors + q]), e.add(ys[i], VECTOR_BYTES * q))

    return emitted(8, generate, half)


product1, product2, product3 = product_tile(P1, 1), product_tile(P2, 2), product_tile(P3, 3)
asking2, asking3 = product_tile(P2, 2, asks=True), product_tile(P3, 3, asks=True)
product_half = product_tile(P1, 1, HALF)

R1, R2, R3 = (GRADIENT[n][1] for n in (1, 2, 3))

(
    TAPS, SIDE,                # r, the taps along one side, and n, a tile's pixels; SIDE says which form it is
    X, XR, XP,                 # source of the tiles: address of the first tap of output (0, 0), byte strides
    Y, YR, YP,                 # outputs (or their gradient)
    XT, YT, OWNED,             # byte offsets of every tile; per tile of an image the bits of its valid outputs
    PER, COUNT, BLOCK, BLOCKS, # tiles of an image, of all images, of a block; number of blocks
    C, PANEL,                  # input channels; how many are transformed at a time
    TILES, NTILES, SPLIT,      # column tiles (vectors, first column), their number, ranges of them that are units
    LANES,                     # lanes of the last vector of the outputs that count
    W, TURN, ROWS,             # packed weights; 1 to turn them for backward; rows of one of their tiles
    WTILES, NWTILES,           # column tiles of the weights as they are packed (before they are turned)
    U, UPLANE,                 # transformed weights and bytes per point; U = 0: every unit makes its own
    START, FLOOR, ADDS,        # bias or 0; address of the least value stored; 1: outputs are added to what is there
    VPLANE, MPLANE,            # bytes per point of a block's tiles, before and after the products
    VSTEP, MSTEP, VO, MO,      # bytes from tile to tile, and tables of these for the gradient
    MAT, UAT, TAT,             # where a unit's memory holds products, own weights, turned taps
    SPACE, SLICE, FLAGS, NSPACE,  # memory for units at work: address, bytes of one, flags, number
    ZERO,                      # table of one zero: the products have a single tap
    STAT, SUMS,                # block statistics of y or 0; per block: image's offset, table of pixels, their number
    PART, CHUNKS, SIZE,        # gradient: partial sums, their number and length in values
) = slots(50)  # fmt: skip


@njit
def _inputs(d, real, to, first, count, channel, channels, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, tile, :] = B^T d B for `channels` channels from `channel` of tiles first .. first + count."""
    offsets, plane = ints(d[XT]), d[VPLANE]
    vectors = (channels * size + VECTOR_BYTES - 1) // VECTOR_BYTES
    for t in range(count):
        src, dst = d[X] + offsets[first + t] + channel * size, to + t * d[VSTEP]
        for q in range(vectors):
            a = (src + q * VECTOR_BYTES, d[XR], d[XP], dst + q * VECTOR_BYTES, d[SIDE] * plane, plane)
            pixels(d[SIDE], real, a)


@njit
def _outputs(d, real, source, first, count, column, columns, total, size):  # type: ignore[no-untyped-def]  # Numba
    """y = A^T m A for `columns` columns from `column`, of tiles first .. first + count."""
    offsets, valid, plane = ints(d[YT]), ints(d[OWNED]), d[MPLANE]
    lanes = VECTOR_BYTES // size
    k = first % d[PER]
    for t in range(count):
        src, dst = source + t * d[MSTEP], d[Y] + offsets[first + t] + column * size
        for q in range((columns + lanes - 1) // lanes):
            o, some = q * VECTOR_BYTES, min(lanes, total - column - q * lanes)
            a = (src + o, d[SIDE] * plane, plane, dst + o, d[YR], d[YP], valid[k], some, d[FLOOR], d[ADDS])
            outputs(d[SIDE], real, a)
        k = k + 1 if k + 1 < d[PER] else 0


@njit
def _slopes(d, real, to, first, count, column, columns, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, tile, :] = A dy A^T for `columns` columns from `column` of tiles first .. first + count."""
    offsets, valid, plane = ints(d[YT]), ints(d[OWNED]), d[MPLANE]
    k = first % d[PER]
    for t in range(count):
        src, dst = d[Y] + offsets[first + t] + column * size, to + t * d[MSTEP]
        for q in range((columns * size + VECTOR_BYTES - 1) // VECTOR_BYTES):
            o = q * VECTOR_BYTES
            a = (src + o, d[YR], d[YP], dst + o, d[SIDE] * plane, plane, valid[k])
            slopes(d[SIDE], real, a)
        k = k + 1 if k + 1 < d[PER] else 0


@njit
def _range(d, table, base, rows, high, first):  # type: ignore[no-untyped-def]  # Numba
    """Return address and bytes of the memory in which a block's tiles from `first` on lie, `high` pixel rows each.
    `table`: their byte offsets from `base`; bytes of a row of pixels."""
    offsets, last = ints(table), min(first + d[BLOCK], d[COUNT]) - 1
    if last < first:
        return base, 0
    return base + offsets[first], offsets[last] - offsets[first] + high * rows


@njit
def _filters(d, real, to, plane, height, k, base, first, last, turned, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, row, :] = G g G^T of column tile k, for input channels first .. last (first: a whole vector).

    `to` holds `height` rows per tile from column `base` on. `turned` is memory for r * r * lanes vectors.
    """
    tiles, r, n = ints(d[TILES]), d[TAPS], d[C]
    vectors, column = tiles[2 * k], tiles[2 * k + 1]
    width, lanes = vectors * VECTOR_BYTES, VECTOR_BYTES // size
    out, below = to + size * height * (column - base), d[SIDE] * plane
    if d[TURN] == 0:
        source = d[W] + size * r * r * n * column
        for c in range(first, last):
            for q in range(vectors):
                o = q * VECTOR_BYTES
                here = (source + c * width + o, r * n * width, n * width, out + (c - first) * width + o, below, plane)
                weights(d[SIDE], real, here)
        return
    # The rows are the filters of the packed weights, which lie in lanes: turn lanes x lanes values at a time.
    packed = ints(d[WTILES])
    rows, corner, line = d[ROWS], (r * r - 1) * lanes * VECTOR_BYTES, lanes * VECTOR_BYTES
    outs = rows // (r * r)
    for j in range(d[NWTILES]):
        wide, f0 = packed[2 * j] * VECTOR_BYTES, packed[2 * j + 1]
        for p in range(packed[2 * j]):
            f = f0 + p * lanes
            if f < first or f >= last:
                continue
            for q in range(vectors):
                source = d[W] + size * rows * f0 + (column + q * lanes) * wide + p * VECTOR_BYTES
                for t in range(r * r):
                    turn(real, (source + t * outs * wide, wide, turned + t * line, VECTOR_BYTES, lanes))
                for i in range(min(lanes, last - f)):
                    to_row = out + (f - first + i) * width + q * VECTOR_BYTES
                    here = (turned + corner + i * VECTOR_BYTES, -r * line, -line, to_row, below, plane)
                    weights(d[SIDE], real, here)


@kernel
def winograd_weights(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """U = G g G^T as [point][column tile][row][lanes]. Units: column tiles x vectors of rows."""
    d = arguments(row)
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    k, first = unit % d[NTILES], unit // d[NTILES] * lanes
    tiles = ints(d[TILES])
    to = d[U] + first * tiles[2 * k] * VECTOR_BYTES
    turned = d[SPACE] + unit * d[SLICE]
    _filters(d, real, to, d[UPLANE], d[C], k, 0, first, min(first + lanes, d[C]), turned, size)


@kernel
def winograd_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: blocks of tiles x SPLIT ranges of column tiles."""
    d = arguments(row)
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    s, b = unit % d[SPLIT], unit // d[SPLIT]
    tiles, c_all = ints(d[TILES]), d[C]
    k0, k1 = s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]
    base, end = tiles[2 * k0 + 1], tiles[2 * k1 - 1] + tiles[2 * k1 - 2] * lanes
    first = b * d[BLOCK]
    count = min(d[BLOCK], d[COUNT] - first)
    own = claim(d[FLAGS], d[NSPACE])
    v = d[SPACE] + own * d[SLICE]
    m, u, turned = v + d[MAT], v + d[UAT], v + d[TAT]
    xs, ys = d[VSTEP], d[MSTEP]
    half, asks = HALF and 2 * d[LANES] * size <= VECTOR_BYTES, d[U] != 0
    points = d[SIDE] * d[SIDE]
    centre = d[SIDE] + 1  # where both interpolation points are 1: A^T M A is 1 everywhere if M is 1 there, else 0
    edge = d[SIDE] - d[TAPS] + 1
    near, near_bytes = _range(d, d[YT], d[Y], d[YR], edge, first)
    far, far_bytes = _range(d, d[XT], d[X], d[XR], d[SIDE], first + d[BLOCK])
    asked = 0
    for c in range(0, c_all, d[PANEL]):
        some = min(d[PANEL], c_all - c)
        _inputs(d, real, v, first, count, c, some, size)
        if d[U] == 0:
            for k in range(k0, k1):
                _filters(d, real, u, d[UPLANE], d[PANEL], k, base, c, c + some, turned, size)
        for e in range(points):
            start = 1 if c > 0 else 0
            for k in range(k0, k1):
                vectors, column = tiles[2 * k], tiles[2 * k + 1]
                if d[U] == 0:
                    w = u + e * d[UPLANE] + size * d[PANEL] * (column - base)
                else:
                    w = d[U] + e * d[UPLANE] + size * c_all * column + c * vectors * VECTOR_BYTES
                if c == 0 and e == centre and d[START] != 0:
                    start = d[START] + size * column
                x, y = v + e * d[VPLANE], m + e * d[MPLANE] + size * (column - base)
                step = P1 if vectors == 1 else P2 if vectors == 2 else P3
                for t in range(0, count, step):
                    soon = soon_of(near, near_bytes, far, far_bytes, asked)
                    asked += some * LINE
                    a = (x + t * xs, xs, some, w, y + t * ys, ys, start, soon)
                    if vectors == 1 and half and k == d[NTILES] - 1:
                        product_half(real, a)
                    elif vectors == 1:
                        product1(real, a)
                    elif vectors == 2 and t == 0 and asks:
                        asking2(real, a)
                    elif vectors == 2:
                        product2(real, a)
                    elif t == 0 and asks:
                        asking3(real, a)
                    else:
                        product3(real, a)
    last = tiles[2 * d[NTILES] - 1] + (tiles[2 * d[NTILES] - 2] - 1) * lanes + d[LANES]
    _outputs(d, real, m, first, count, base, min(end, last) - base, last, size)
    if d[STAT]:
        # The block is still in cache. Statistics need all columns: SPLIT is then 1.
        o = ints(d[SUMS] + 24 * b)
        block_sums(real, (d[Y] + o[0], o[1], o[2], last, d[STAT] + b * 2 * last * size))
    release(d[FLAGS], own)


@kernel
def winograd_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: chunks of blocks of tiles x panels of channels x SPLIT ranges of column tiles."""
    d = arguments(row)
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    panels = (d[C] + d[PANEL] - 1) // d[PANEL]
    s, panel, chunk = unit % d[SPLIT], unit // d[SPLIT] % panels, unit // (d[SPLIT] * panels)
    tiles, r = ints(d[TILES]), d[TAPS]
    k0, k1 = s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]
    base, end = tiles[2 * k0 + 1], tiles[2 * k1 - 1] + tiles[2 * k1 - 2] * lanes
    last = tiles[2 * d[NTILES] - 1] + (tiles[2 * d[NTILES] - 2] - 1) * lanes + d[LANES]
    c0 = panel * d[PANEL]
    some, columns = min(d[PANEL], d[C] - c0), min(end, last) - base
    own = claim(d[FLAGS], d[NSPACE])
    v = d[SPACE] + own * d[SLICE]
    m, u, zero = v + d[MAT], v + d[UAT], d[ZERO]
    half = HALF and 2 * d[LANES] * size <= VECTOR_BYTES
    points, edge = d[SIDE] * d[SIDE], d[SIDE] - d[TAPS] + 1
    whole = d[SPLIT] * panels == 1  # else it would ask for twice the memory that it reads
    b0 = chunk * d[BLOCKS] // d[CHUNKS]
    for b in range(b0, (chunk + 1) * d[BLOCKS] // d[CHUNKS]):
        first = b * d[BLOCK]
        count, more = min(d[BLOCK], d[COUNT] - first), int(b > b0)
        _inputs(d, real, v, first, count, c0, some, size)
        _slopes(d, real, m, first, count, base, columns, size)
        near, near_bytes = _range(d, d[XT], d[X], d[XR], d[SIDE], first + d[BLOCK])
        far, far_bytes = _range(d, d[YT], d[Y], d[YR], edge, first + d[BLOCK])
        asked = 0 if whole else near_bytes + far_bytes
        for e in range(points):
            for k in range(k0, k1):
                vectors, column = tiles[2 * k], tiles[2 * k + 1]
                x, y = v + e * d[VPLANE], m + e * d[MPLANE] + size * (column - base)
                to, width = u + e * d[UPLANE] + size * d[PANEL] * (column - base), vectors * VECTOR_BYTES
                rows = R1 if vectors == 1 else R2 if vectors == 2 else R3
                for c in range(0, some, rows):
                    dst, valid = to + c * width, min(rows, some - c)
                    soon = soon_of(near, near_bytes, far, far_bytes, asked)
                    asked += count * LINE
                    a = (x + size * c, d[VO], count, y, d[MO], zero, dst, 0, width, valid, more, soon)
                    gradient_rows(vectors, half and k == d[NTILES] - 1, real, a)
    for k in range(k0, k1):
        width, column = tiles[2 * k] * VECTOR_BYTES, tiles[2 * k + 1]
        source = u + size * d[PANEL] * (column - base)
        to = d[PART] + size * (chunk * d[SIZE] + r * r * d[C] * column) + c0 * width
        for o in range(0, some * width, VECTOR_BYTES):
            here = (source + o, d[SIDE] * d[UPLANE], d[UPLANE], to + o, r * d[C] * width, d[C] * width)
            back(d[SIDE], real, here)
    release(d[FLAGS], own)
