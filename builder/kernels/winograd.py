"""Winograd's convolution F(m x m, r x r) for stride 1: fewer multiplications, somewhat less exact than the direct form.

A tile of 6 x 6 pixels d and a filter g of r x r taps give m x m outputs, m = 7 - r (Lavin and Gray 2016):

    y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A

So for each of the 36 positions of a transformed tile, all tiles of a block, channels and filters make one matrix
product, done by the register tiles of `tiles.py`. F(4, 3) needs 36 multiplications for 16 outputs of 9 taps (4 times
fewer), F(2, 5) 36 for 4 outputs of 25 taps (2.8 times). The gradient of the weights is the adjoint,

    dg = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G,

and the gradient of the input is the same convolution with the filters turned round.

The last tile of an image's row or column is moved back so that it ends with the image; a bit per output says which
outputs belong to a tile, so that no output is computed into twice and none outside of the image. Channels need not be
whole vectors: lanes behind the last channel may hold anything, they are never mixed into other lanes nor stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from . import simd
from .cpu import VECTOR_BYTES
from .fused import block_sums
from .jit import njit
from .machine import arguments, array, claim, ints, kernel, slots
from .simd import LINE, Emit, emitted
from .tiles import GRADIENT, HALF, P1, P2, P3, gradient1, gradient2, gradient3, gradient_half, turn

EDGE = 6
"""Pixels along one side of a transformed tile, m + r - 1, for both forms."""

POINTS = EDGE * EDGE
SOON = 4096
"""Bytes ahead of which memory is asked for transformed weights: where a block has few tiles they come too late."""

CENTRE = EDGE + 1
"""Where both interpolation points are 1: A^T M A is 1 everywhere if M is 1 there and 0 elsewhere."""


def matrices(taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (A^T [m, 6], G [6, r], B^T [6, 6]) of Cook and Toom for the points 0, 1, -1, 2, -2 and infinity.

    >>> at, g, bt = matrices(3)
    >>> x, w = np.arange(6.0), np.array([1.0, 2.0, 3.0])
    >>> at @ ((g @ w) * (bt @ x))
    array([ 8., 14., 20., 26.])
    """
    points = [0.0, 1.0, -1.0, 2.0, -2.0]
    g, at, bt = np.zeros((EDGE, taps)), np.zeros((EDGE + 1 - taps, EDGE)), np.zeros((EDGE, EDGE))
    for i, x in enumerate(points):
        others = [p for p in points if p != x]
        g[i] = x ** np.arange(taps) / np.prod([x - p for p in others])
        at[:, i] = x ** np.arange(len(at))
        bt[i, : EDGE - 1] = np.poly(others)[::-1]
    g[-1, -1] = at[-1, -1] = 1
    bt[-1] = np.poly(points)[::-1]
    return at, g, bt


def combine(e: Emit, matrix: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """Emit matrix @ values. The points p and -p share their sums of even and odd terms, which halves the work."""
    b = e.b

    def total(factors: np.ndarray, terms: Sequence[Any]) -> Any:
        acc = None
        for k, x in sorted(zip(factors, terms, strict=True), key=lambda term: term[0] != 1):
            if k == 0:
                continue
            scale = ir.Constant(e.vector, [float(k)] * e.lanes)
            if acc is None:
                acc = x if k == 1 else b.fmul(scale, x)
            else:
                acc = b.fadd(acc, x) if k == 1 else b.fsub(acc, x) if k == -1 else e.fma(scale, x, acc)
        return acc

    if len(matrix) == EDGE:  # rows 1, 2 and rows 3, 4 differ in signs only
        out = [total(matrix[0], values)]
        for i in (1, 3):
            alike = matrix[i] == matrix[i + 1]
            one, two = (total(np.where(which, matrix[i], 0), values) for which in (alike, ~alike))
            out += [b.fadd(one, two), b.fsub(one, two)]
        return [*out, total(matrix[5], values)]
    terms = [values[0]]
    factors = [matrix[:, 0]]
    for j in (1, 3):  # and so do columns 1, 2 and columns 3, 4
        alike = matrix[:, j] == matrix[:, j + 1]
        terms += [b.fadd(values[j], values[j + 1]), b.fsub(values[j], values[j + 1])]
        factors += [np.where(alike, matrix[:, j], 0), np.where(alike, 0, matrix[:, j])]
    return [total(row, [*terms, values[5]]) for row in np.column_stack([*factors, matrix[:, 5]])]


def _transform(e: Emit, matrix: np.ndarray, load: Any, store: Any) -> None:
    """Emit (matrix d matrix^T)[i, j] on one vector of channels: load(i, j) gives d, store(i, j, v) takes the result."""
    size, n = matrix.shape
    columns = [combine(e, matrix, [load(i, j) for i in range(n)]) for j in range(n)]
    for i in range(size):
        for j, v in enumerate(combine(e, matrix, [column[i] for column in columns])):
            store(i, j, v)


def transform(matrix: np.ndarray) -> Any:
    """Make the transform of one vector of channels. Arguments (src, row stride, column stride, dst, row, column)."""

    def generate(e: Emit, a: list[Any]) -> None:
        src, rs, cs, dst, drs, dcs = a
        _transform(
            e,
            matrix,
            lambda i, j: e.load(e.add(src, e.add(e.mul(rs, i), e.mul(cs, j)))),
            lambda i, j, v: e.store(v, e.add(dst, e.add(e.mul(drs, i), e.mul(dcs, j)))),
        )

    return emitted(6, generate)


def _chosen(e: Emit, valid: Any, bit: int, address: Any, other: Any) -> Any:
    """Return `address` where the bit of `valid` is set, else `other`: no branch."""
    b = e.b
    is_set = b.icmp_signed("!=", b.and_(valid, e.count(1 << bit)), e.count(0))
    return b.select(is_set, address, other)


def gather(matrix: np.ndarray) -> Any:
    """Make a transform whose source pixels count as zero where their bit of the 7th argument, `valid`, is not set."""

    def generate(e: Emit, a: list[Any]) -> None:
        src, rs, cs, dst, drs, dcs, valid = a
        nothing = e.b.ptrtoint(e.accumulators(1)[0], simd.I64)
        n = matrix.shape[1]

        def load(i: int, j: int) -> Any:
            place = e.add(src, e.add(e.mul(rs, i), e.mul(cs, j)))
            return e.load(_chosen(e, valid, i * n + j, place, nothing))

        _transform(e, matrix, load, lambda i, j, v: e.store(v, e.add(dst, e.add(e.mul(drs, i), e.mul(dcs, j)))))

    return emitted(7, generate)


def scatter(matrix: np.ndarray) -> Any:
    """Make a transform that stores a pixel where its bit of `valid` is set, and of it the first `lanes` lanes.

    What is below the value at address `floor` is stored as that value.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        src, rs, cs, dst, drs, dcs, valid, lanes, floor = a
        b, m, least = e.b, len(matrix), e.broadcast(floor)
        nowhere = b.ptrtoint(e.accumulators(1)[0], simd.I64)
        found: list[tuple[Any, Any]] = []

        def keep(i: int, j: int, v: Any) -> None:
            place = e.add(dst, e.add(e.mul(drs, i), e.mul(dcs, j)))
            found.append((e.at_least(v, least), _chosen(e, valid, i * m + j, place, nowhere)))

        _transform(e, matrix, lambda i, j: e.load(e.add(src, e.add(e.mul(rs, i), e.mul(cs, j)))), keep)
        with b.if_else(b.icmp_signed("==", lanes, e.count(e.lanes))) as (whole, partial):
            with whole:
                for v, place in found:
                    e.store(v, place)
            with partial:
                mask = e.first(lanes)
                for v, place in found:
                    e.store_masked(v, place, mask)

    return emitted(9, generate)


def product_tile(pixels: int, vectors: int, half: bool = False, asks: bool = False) -> Any:
    """Make y[p, :] = start + sum over j of x[p, j] * w[j, :] for `pixels` pixels and `vectors` vectors.

    Arguments (x, bytes per pixel, J, w, y, bytes per pixel, start): start is 0 for zero, 1 to accumulate into y, else
    the address of a vector for every pixel. Strides in place of tables and whole vectors: short sums need short ends.
    `half` (of one vector) computes the first half of the lanes alone. With `asks` memory is asked for the weights SOON
    bytes further on.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, x_step, n_j, w, y, y_step, start = a
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
            step = e.mul(j.index, e.size)
            for i in range(pixels):
                xv = e.broadcast(e.add(xs[i], step))
                for q in range(vectors):
                    p = acc[i * vectors + q]
                    b.store(e.fma(xv, ws[q], b.load(p)), p)
        for i in range(pixels):
            for q in range(vectors):
                e.store(b.load(acc[i * vectors + q]), e.add(ys[i], VECTOR_BYTES * q))

    return emitted(7, generate, half)


(AT3, G3, BT), (AT5, G5, _) = matrices(3), matrices(5)
# Intrinsics must be module-level names, or the kernels that use them never hit Numba's cache.
pixels_in = transform(BT)
weights3, weights5 = transform(G3), transform(G5)
outputs3, outputs5 = scatter(AT3), scatter(AT5)
slopes3, slopes5 = gather(AT3.T), gather(AT5.T)
back3, back5 = transform(G3.T), transform(G5.T)
product1, product2, product3 = product_tile(P1, 1), product_tile(P2, 2), product_tile(P3, 3)
asking2, asking3 = product_tile(P2, 2, asks=True), product_tile(P3, 3, asks=True)
product_half = product_tile(P1, 1, HALF)

R1, R2, R3 = (GRADIENT[n][1] for n in (1, 2, 3))

(
    TAPS,                      # r, the taps along one side
    X, XR, XP,                 # source of the tiles: address of the first tap of output (0, 0), byte strides
    Y, YR, YP,                 # outputs (or their gradient)
    AHEAD,                     # 1: ask memory for the next pixels during the products
    XT, YT, OWNED,             # byte offsets of every tile; per tile of an image the bits of its valid outputs
    PER, COUNT, BLOCK, BLOCKS, # tiles of an image, of all images, of a block; number of blocks
    C, PANEL,                  # input channels; how many are transformed at a time
    TILES, NTILES, SPLIT,      # column tiles (vectors, first column), their number, ranges of them that are units
    LANES,                     # lanes of the last vector of the outputs that count
    W, TURN, ROWS,             # packed weights; 1 to turn them for backward; rows of one of their tiles
    WTILES, NWTILES,           # column tiles of the weights as they are packed (before they are turned)
    U, UPLANE,                 # transformed weights and bytes per point; U = 0: every unit makes its own
    START, FLOOR,              # bias or 0; address of the least value stored
    VPLANE, MPLANE,            # bytes per point of a block's tiles, before and after the products
    VSTEP, MSTEP, VO, MO,      # bytes from tile to tile, and tables of these for the gradient
    MAT, UAT, TAT,             # where a unit's memory holds products, own weights, turned taps
    SPACE, SLICE, FLAGS, NSPACE,  # memory for units at work: address, bytes of one, flags, number
    ZERO,                      # table of one zero: the products have a single tap
    STAT, SUMS,                # block statistics of y or 0; per block: image's offset, table of pixels, their number
    PART, CHUNKS, SIZE,        # gradient: partial sums, their number and length in values
) = slots(49)  # fmt: skip


@njit
def _inputs(d, real, to, first, count, channel, channels, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, tile, :] = B^T d B for `channels` channels from `channel` of tiles first .. first + count."""
    offsets, plane = ints(d[XT], d[COUNT]), d[VPLANE]
    vectors = (channels * size + VECTOR_BYTES - 1) // VECTOR_BYTES
    for t in range(count):
        src, dst = d[X] + offsets[first + t] + channel * size, to + t * d[VSTEP]
        for q in range(vectors):
            pixels_in(real, (src + q * VECTOR_BYTES, d[XR], d[XP], dst + q * VECTOR_BYTES, EDGE * plane, plane))


@njit
def _outputs(d, real, source, first, count, column, columns, total, size):  # type: ignore[no-untyped-def]  # Numba
    """y = A^T m A for `columns` columns from `column`, of tiles first .. first + count."""
    offsets, valid, plane = ints(d[YT], d[COUNT]), ints(d[OWNED], d[PER]), d[MPLANE]
    lanes = VECTOR_BYTES // size
    k = first % d[PER]
    for t in range(count):
        src, dst = source + t * d[MSTEP], d[Y] + offsets[first + t] + column * size
        for q in range((columns + lanes - 1) // lanes):
            o, some = q * VECTOR_BYTES, min(lanes, total - column - q * lanes)
            a = (src + o, EDGE * plane, plane, dst + o, d[YR], d[YP], valid[k], some, d[FLOOR])
            if d[TAPS] == 3:
                outputs3(real, a)
            else:
                outputs5(real, a)
        k = k + 1 if k + 1 < d[PER] else 0


@njit
def _slopes(d, real, to, first, count, column, columns, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, tile, :] = A dy A^T for `columns` columns from `column` of tiles first .. first + count."""
    offsets, valid, plane = ints(d[YT], d[COUNT]), ints(d[OWNED], d[PER]), d[MPLANE]
    k = first % d[PER]
    for t in range(count):
        src, dst = d[Y] + offsets[first + t] + column * size, to + t * d[MSTEP]
        for q in range((columns * size + VECTOR_BYTES - 1) // VECTOR_BYTES):
            o = q * VECTOR_BYTES
            a = (src + o, d[YR], d[YP], dst + o, EDGE * plane, plane, valid[k])
            if d[TAPS] == 3:
                slopes3(real, a)
            else:
                slopes5(real, a)
        k = k + 1 if k + 1 < d[PER] else 0


@njit
def _ahead(d, real, tiles, base, rows, pixel, first, share, point):  # type: ignore[no-untyped-def]  # Numba
    """Ask for the pixels of `share` tiles from `first` on, at each of the 36 points for a part of their rows: memory
    works while the products are computed. `tiles`: table of byte offsets from `base`; byte strides of rows, pixels."""
    shift = 2 if d[TAPS] == 3 else 1  # a tile has 4 rows or 2: dividing by a variable took a quarter of the time
    edge = 1 << shift
    offsets = ints(tiles, d[COUNT])
    for j in range((point * share << shift) // POINTS, ((point + 1) * share << shift) // POINTS):
        t = first + (j >> shift)
        if t < d[COUNT]:
            simd.ahead(real, (base + offsets[t] + (j & (edge - 1)) * rows, edge * pixel))


@njit
def _filter(d, real, src, row, column, to, plane):  # type: ignore[no-untyped-def]  # Numba
    if d[TAPS] == 3:
        weights3(real, (src, row, column, to, EDGE * plane, plane))
    else:
        weights5(real, (src, row, column, to, EDGE * plane, plane))


@njit
def _filters(d, real, to, plane, height, k, base, first, last, turned, size):  # type: ignore[no-untyped-def]  # Numba
    """to[point, row, :] = G g G^T of column tile k, for input channels first .. last (first: a whole vector).

    `to` holds `height` rows per tile from column `base` on. `turned` is memory for r * r * lanes vectors.
    """
    tiles, r, n = ints(d[TILES], 2 * d[NTILES]), d[TAPS], d[C]
    vectors, column = tiles[2 * k], tiles[2 * k + 1]
    width, lanes = vectors * VECTOR_BYTES, VECTOR_BYTES // size
    out = to + size * height * (column - base)
    if d[TURN] == 0:
        source = d[W] + size * r * r * n * column
        for c in range(first, last):
            for q in range(vectors):
                o = q * VECTOR_BYTES
                _filter(d, real, source + c * width + o, r * n * width, n * width, out + (c - first) * width + o, plane)
        return
    # The rows are the filters of the packed weights, which lie in lanes: turn lanes x lanes values at a time.
    packed = ints(d[WTILES], 2 * d[NWTILES])
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
                    here = out + (f - first + i) * width + q * VECTOR_BYTES
                    _filter(d, real, turned + corner + i * VECTOR_BYTES, -r * line, -line, here, plane)


@kernel
def winograd_weights(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """U = G g G^T as [point][column tile][row][lanes]. Units: column tiles x vectors of rows."""
    d = arguments(row)
    size = array(real, d[W], 1).itemsize
    lanes = VECTOR_BYTES // size
    k, first = unit % d[NTILES], unit // d[NTILES] * lanes
    tiles = ints(d[TILES], 2 * d[NTILES])
    to = d[U] + first * tiles[2 * k] * VECTOR_BYTES
    turned = d[SPACE] + unit * d[SLICE]
    _filters(d, real, to, d[UPLANE], d[C], k, 0, first, min(first + lanes, d[C]), turned, size)


@kernel
def winograd_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: blocks of tiles x SPLIT ranges of column tiles."""
    d = arguments(row)
    size = array(real, d[X], 1).itemsize
    lanes = VECTOR_BYTES // size
    s, b = unit % d[SPLIT], unit // d[SPLIT]
    tiles, c_all = ints(d[TILES], 2 * d[NTILES]), d[C]
    k0, k1 = s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]
    base, end = tiles[2 * k0 + 1], tiles[2 * k1 - 1] + tiles[2 * k1 - 2] * lanes
    first = b * d[BLOCK]
    count = min(d[BLOCK], d[COUNT] - first)
    own = claim(d[FLAGS], d[NSPACE])
    v = d[SPACE] + own * d[SLICE]
    m, u, turned = v + d[MAT], v + d[UAT], v + d[TAT]
    xs, ys = d[VSTEP], d[MSTEP]
    half, asks = HALF and 2 * d[LANES] * size <= VECTOR_BYTES, d[U] != 0
    below = d[X] + (d[TAPS] - 1) * d[XR]  # the rows that a tile does not share with the one above
    for c in range(0, c_all, d[PANEL]):
        some = min(d[PANEL], c_all - c)
        _inputs(d, real, v, first, count, c, some, size)
        if d[U] == 0:
            for k in range(k0, k1):
                _filters(d, real, u, d[UPLANE], d[PANEL], k, base, c, c + some, turned, size)
        for e in range(POINTS):
            start = 1 if c > 0 else 0
            for k in range(k0, k1):
                vectors, column = tiles[2 * k], tiles[2 * k + 1]
                if d[U] == 0:
                    w = u + e * d[UPLANE] + size * d[PANEL] * (column - base)
                else:
                    w = d[U] + e * d[UPLANE] + size * c_all * column + c * vectors * VECTOR_BYTES
                if c == 0 and e == CENTRE and d[START] != 0:
                    start = d[START] + size * column
                x, y = v + e * d[VPLANE], m + e * d[MPLANE] + size * (column - base)
                step = P1 if vectors == 1 else P2 if vectors == 2 else P3
                if d[AHEAD] and c == 0 and k == 0:
                    _ahead(d, real, d[YT], d[Y], d[YR], d[YP], first, count, e)
                    _ahead(d, real, d[XT], below, d[XR], d[XP], first + d[BLOCK], d[BLOCK], e)
                for t in range(0, count, step):
                    a = (x + t * xs, xs, some, w, y + t * ys, ys, start)
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
        o = ints(d[SUMS] + 24 * b, 3)
        block_sums(real, (d[Y] + o[0], o[1], o[2], last, d[STAT] + b * 2 * last * size))
    simd.exchange(d[FLAGS] + 64 * own, 0)


@kernel
def winograd_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: chunks of blocks of tiles x panels of channels x SPLIT ranges of column tiles."""
    d = arguments(row)
    size = array(real, d[X], 1).itemsize
    lanes = VECTOR_BYTES // size
    panels = (d[C] + d[PANEL] - 1) // d[PANEL]
    s, panel, chunk = unit % d[SPLIT], unit // d[SPLIT] % panels, unit // (d[SPLIT] * panels)
    tiles, r = ints(d[TILES], 2 * d[NTILES]), d[TAPS]
    k0, k1 = s * d[NTILES] // d[SPLIT], (s + 1) * d[NTILES] // d[SPLIT]
    base, end = tiles[2 * k0 + 1], tiles[2 * k1 - 1] + tiles[2 * k1 - 2] * lanes
    last = tiles[2 * d[NTILES] - 1] + (tiles[2 * d[NTILES] - 2] - 1) * lanes + d[LANES]
    c0 = panel * d[PANEL]
    some, columns = min(d[PANEL], d[C] - c0), min(end, last) - base
    own = claim(d[FLAGS], d[NSPACE])
    v = d[SPACE] + own * d[SLICE]
    m, u, zero = v + d[MAT], v + d[UAT], d[ZERO]
    half = HALF and 2 * d[LANES] * size <= VECTOR_BYTES
    below = d[X] + (d[TAPS] - 1) * d[XR]
    b0 = chunk * d[BLOCKS] // d[CHUNKS]
    for b in range(b0, (chunk + 1) * d[BLOCKS] // d[CHUNKS]):
        first = b * d[BLOCK]
        count, more = min(d[BLOCK], d[COUNT] - first), int(b > b0)
        _inputs(d, real, v, first, count, c0, some, size)
        _slopes(d, real, m, first, count, base, columns, size)
        for e in range(POINTS):
            for k in range(k0, k1):
                vectors, column = tiles[2 * k], tiles[2 * k + 1]
                x, y = v + e * d[VPLANE], m + e * d[MPLANE] + size * (column - base)
                to, width = u + e * d[UPLANE] + size * d[PANEL] * (column - base), vectors * VECTOR_BYTES
                rows = R1 if vectors == 1 else R2 if vectors == 2 else R3
                if d[AHEAD] and k == 0 and panel == 0:
                    _ahead(d, real, d[YT], d[Y], d[YR], d[YP], first + d[BLOCK], d[BLOCK], e)
                    _ahead(d, real, d[XT], below, d[XR], d[XP], first + d[BLOCK], d[BLOCK], e)
                for c in range(0, some, rows):
                    dst, valid = to + c * width, min(rows, some - c)
                    a = (x + size * c, d[VO], count, y, d[MO], zero, dst, 0, width, valid, more)
                    if vectors == 1 and half and k == d[NTILES] - 1:
                        gradient_half(real, a)
                    elif vectors == 1:
                        gradient1(real, a)
                    elif vectors == 2:
                        gradient2(real, a)
                    else:
                        gradient3(real, a)
    for k in range(k0, k1):
        width, column = tiles[2 * k] * VECTOR_BYTES, tiles[2 * k + 1]
        source = u + size * d[PANEL] * (column - base)
        to = d[PART] + size * (chunk * d[SIZE] + r * r * d[C] * column) + c0 * width
        for o in range(0, some * width, VECTOR_BYTES):
            here = (source + o, EDGE * d[UPLANE], d[UPLANE], to + o, r * d[C] * width, d[C] * width)
            if r == 3:
                back3(real, here)
            else:
                back5(real, here)
    simd.exchange(d[FLAGS] + 64 * own, 0)
