"""Convolution, its gradients and Affine: all are one sum over taps, done by register tiles.

    y[p, k] = start[k] + sum over taps t and values j of x[p + tap[t] + j] * w[t, j, k]

`p` runs over blocks of pixels, whose byte offsets stand in tables; padding is a border of zeros in the buffer. A
weight array is packed by column tiles of 1 to 3 vectors: [tile][row][lanes], rows in (height, width, channel) order.
The NumPy twins are at the end of this file.
"""

from __future__ import annotations

import numpy as np

from . import simd
from .cpu import HALF, REGISTERS, VECTOR_BYTES
from .fused import block_sums
from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import ints, size_of
from .register_tiles import conv_tile, gradient_tile, sum_of_parts, turned
from .simd import LINE

# Pixels by number of column vectors; the accumulators must fit in the registers and 12 pixel pointers in the integer
# registers (13 and more spill: measured 89 against 114 GFLOP/s). Gradient tiles: taps x rows x vectors.
if REGISTERS == 32:
    PIXELS = {1: 12, 2: 12, 3: 8}
    GRADIENT = {1: (1, 16, 1), 2: (1, 8, 2), 3: (1, 8, 3), 4: (3, 3, 1), 5: (5, 5, 1), 9: (1, 9, 1), 10: (1, 9, 2)}
else:
    PIXELS = {1: 12, 2: 6, 3: 4}
    GRADIENT = {1: (1, 8, 1), 2: (1, 6, 2), 3: (1, 4, 3), 4: (3, 3, 1), 5: (5, 1, 1), 9: (1, 9, 1), 10: (1, 5, 2)}
GRADIENT[11] = (1, 4, 2)
P1, P2, P3 = PIXELS[1], PIXELS[2], PIXELS[3]
NINES = {1: 9, 2: 10}
"""Vectors -> the kind of gradient tile for taps of 9 values: three pixels of three channels."""

HALVES = {1: 6, 4: 7, 5: 8} if HALF else {}
"""Kind of gradient tile -> the kind that computes half a vector."""

SHORT = {2: 11}
"""Vectors -> the kind of gradient tile for few rows that are left: 16 channels are 6 + 6 + 4."""

FEW = GRADIENT[11][1]
"""Rows of that tile."""

SHORT_SUM, EARLIER = 32, 4
"""Values of a sum below which memory is slower than a tile, and how many tiles earlier it is asked then for what is
written."""

TABLE_PAD = 24
"""Tables end with this many repeats of the last pixel; a multiple of every entry of PIXELS."""

add_parts, turn = simd.emitted(5, sum_of_parts), simd.emitted(5, turned)
conv1, conv2, conv3 = conv_tile(P1, 1), conv_tile(P2, 2), conv_tile(P3, 3)
gradient1, gradient2, gradient3 = (gradient_tile(*GRADIENT[n]) for n in (1, 2, 3))
conv_half, gradient_half = conv_tile(P1, 1, HALF), gradient_tile(*GRADIENT[1], HALF)
gradient33_half, gradient55_half = (gradient_tile(*GRADIENT[n], HALF) for n in (4, 5))
gradient91, gradient92 = gradient_tile(*GRADIENT[9]), gradient_tile(*GRADIENT[10])
gradient_few = gradient_tile(*GRADIENT[11])
gradient33, gradient55 = gradient_tile(*GRADIENT[4]), gradient_tile(*GRADIENT[5])

TILES_SLOTS = 32
"""Slots of a row that are the same for all kernels with these tiles (pooled.py adds its own behind them)."""

(
    X, W, Y, START,            # addresses; START is a bias, 0 (from zero) or 1 (accumulate into y)
    XB, YB, WB,                # per block: byte offsets of x and y, first row of w
    COUNT, TABLE,              # per block: number of pixels, byte offset of its table in XO and YO
    XO, YO,                    # per pixel: byte offsets
    TAPS, NT, NJ, ROWS,        # byte offsets of taps, their number, values per tap, rows of a packed tile
    TILES, NTILES, SPLIT,      # column tiles (vectors, first column), their number, groups of them that are units
    BLOCKS, LANES,             # pixel blocks; lanes of the last vector that count
    XG, YG, WG, SG,            # byte steps of x, y, w and start from one group to the next
    PART, CHUNKS, SIZE,        # gradient: partial sums, their number and length in values
    LIST, NLIST,               # gradient: tiles (kind, taps, x, dy, dst, strides, valid rows), their number
    FLOOR, STAT, CHANNELS,     # address of the least value stored; block statistics of y or 0, and y's channels
) = slots(TILES_SLOTS)  # fmt: skip


@njit
def _soon(pixels, pixel, rows):  # type: ignore[no-untyped-def]  # Numba
    """Return the bytes by which a tile asks memory further on at each row: by half of its rows for the next tile's
    pixels, then for those behind them; never more than a line."""
    return min(LINE, 2 * (pixels + 1) * pixel // rows)


@njit
def tile_row(d, real, x, y, w, start, count, xo, yo, first, last):  # type: ignore[no-untyped-def]  # Numba
    """All tiles of one pixel block for the column tiles first..last."""
    tiles = ints(d[TILES])
    taps, n_taps, n_j, rows = d[TAPS], d[NT], d[NJ], d[ROWS]
    size = size_of(real)
    pixel = ints(xo)[1] - ints(xo)[0]
    soon1, soon2, soon3 = _soon(P1, pixel, n_j), _soon(P2, pixel, n_j), _soon(P3, pixel, n_j)
    later = 0 if n_taps * n_j >= SHORT_SUM else EARLIER * (ints(yo)[1] - ints(yo)[0])
    for k in range(first, last):
        vectors, column = tiles[2 * k], tiles[2 * k + 1]
        wk = w[0] + rows * column * size + w[1] * vectors * VECTOR_BYTES
        yk = y + size * column
        sk = start + size * column if start > 1 else start
        lanes = d[LANES] if k == d[NTILES] - 1 else VECTOR_BYTES // size
        if HALF and vectors == 1 and 2 * lanes * size <= VECTOR_BYTES:
            for t in range(0, count, P1):
                a = (x, xo + 8 * t, taps, n_taps, n_j, wk, yk, yo + 8 * t, sk, lanes, d[FLOOR], soon1, P1 * later)
                conv_half(real, a)
        elif vectors == 1:
            for t in range(0, count, P1):
                a = (x, xo + 8 * t, taps, n_taps, n_j, wk, yk, yo + 8 * t, sk, lanes, d[FLOOR], soon1, P1 * later)
                conv1(real, a)
        elif vectors == 2:
            for t in range(0, count, P2):
                a = (x, xo + 8 * t, taps, n_taps, n_j, wk, yk, yo + 8 * t, sk, lanes, d[FLOOR], soon2, P2 * later)
                conv2(real, a)
        else:
            for t in range(0, count, P3):
                a = (x, xo + 8 * t, taps, n_taps, n_j, wk, yk, yo + 8 * t, sk, lanes, d[FLOOR], soon3, P3 * later)
                conv3(real, a)


@kernel
def tiles_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: groups x pixel blocks x SPLIT ranges of column tiles."""
    d = arguments(row)
    split, blocks = d[SPLIT], d[BLOCKS]
    s, b, g = unit % split, unit // split % blocks, unit // (split * blocks)
    x = d[X] + g * d[XG] + ints(d[XB])[b]
    y = d[Y] + g * d[YG] + ints(d[YB])[b]
    start = d[START] + g * d[SG] if d[START] > 1 else d[START]
    first_row = ints(d[WB])[b] if d[WB] else 0
    table, count, n = ints(d[TABLE])[b], ints(d[COUNT])[b], d[NTILES]
    w = (d[W] + g * d[WG], first_row)
    tile_row(d, real, x, y, w, start, count, d[XO] + table, d[YO] + table, s * n // split, (s + 1) * n // split)
    if d[STAT]:
        # The block is still in cache. Statistics need all columns: SPLIT and the groups are then 1.
        size = size_of(real)
        block_sums(real, (y, d[YO] + table, count, d[CHANNELS], d[STAT] + b * 2 * d[CHANNELS] * size))


@njit
def gradient_of_tile(kind, real, a):  # type: ignore[no-untyped-def]  # Numba
    if kind == 1:
        gradient1(real, a)
    elif kind == 2:
        gradient2(real, a)
    elif kind == 3:
        gradient3(real, a)
    elif kind == 4:
        gradient33(real, a)
    elif kind == 5:
        gradient55(real, a)
    elif kind == 6:
        gradient_half(real, a)
    elif kind == 7:
        gradient33_half(real, a)
    elif kind == 8:
        gradient55_half(real, a)
    elif kind == 9:
        gradient91(real, a)
    elif kind == 10:
        gradient92(real, a)
    else:
        gradient_few(real, a)


@njit
def gradient_rows(vectors, half, real, a):  # type: ignore[no-untyped-def]  # Numba
    """The tile for rows of so many vectors; `half` of one vector."""
    if vectors == 1 and half:
        gradient_half(real, a)
    elif vectors == 1:
        gradient1(real, a)
    elif vectors == 2 and a[9] <= FEW:
        gradient_few(real, a)
    elif vectors == 2:
        gradient2(real, a)
    else:
        gradient3(real, a)


@njit
def soon_of(first, first_bytes, second, second_bytes, asked):  # type: ignore[no-untyped-def]  # Numba
    """Return from where on memory is asked for what two ranges of it hold, when so many bytes have been."""
    if asked < first_bytes:
        return first + asked
    return second + min(asked - first_bytes, second_bytes)


@njit
def gradient_of_listed(listed, o, real, x, xo, n, dy, yo, part, more, soon):  # type: ignore[no-untyped-def]  # Numba
    """The tile that LIST holds from entry `o` on, over n pixels of a block."""
    at, tap, to = x + listed[o + 2], listed[o + 1], part + listed[o + 4]
    a = (at, xo, n, dy + listed[o + 3], yo, tap, to, listed[o + 5], listed[o + 6], listed[o + 7], more, soon)
    gradient_of_tile(listed[o], real, a)


@kernel
def tiles_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: groups x chunks of pixel blocks x SPLIT ranges of tiles; each chunk has its own partial sum."""
    d = arguments(row)
    split, chunks, blocks = d[SPLIT], d[CHUNKS], d[BLOCKS]
    s, c, g = unit % split, unit // split % chunks, unit // (split * chunks)
    xb, yb, counts, tables = ints(d[XB]), ints(d[YB]), ints(d[COUNT]), ints(d[TABLE])
    listed = ints(d[LIST])
    size = size_of(real)
    part = d[PART] + c * d[SIZE] * size + g * d[WG]
    first, base_x, base_y = c * blocks // chunks, d[X] + g * d[XG], d[Y] + g * d[YG]
    for b in range(first, (c + 1) * blocks // chunks):
        x, y = base_x + xb[b], base_y + yb[b]
        xo, yo, n, more = d[XO] + tables[b], d[YO] + tables[b], counts[b], int(b > first)
        later = min(b + 1, blocks - 1)
        last = tables[later] + 8 * counts[later] - 8
        bytes_x, bytes_y = ints(d[XO] + last)[0], ints(d[YO] + last)[0]
        # A single tile reads as fast as memory gives: it would wait for its own requests.
        asked = 0 if d[NLIST] > split else bytes_x + bytes_y
        for t in range(s * d[NLIST] // split, (s + 1) * d[NLIST] // split):
            soon = soon_of(base_x + xb[later], bytes_x, base_y + yb[later], bytes_y, asked)
            gradient_of_listed(listed, 8 * t, real, x, xo, n, y, yo, part, more, soon)
            asked += n * LINE


S_PART, S_CHUNKS, S_STRIDE, S_TO, S_SIZE, S_SLICE, S_WIDTH, S_VALID, S_FROM, S_RELU = slots(10)


@kernel
def sum_parts(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """to = parts added in order. Units: slices of S_SLICE values. Values from S_FROM on, seen as rows of S_WIDTH,
    are zeroed behind the first S_VALID of each row: lanes that pad the last column tile stay zero."""
    d = arguments(row)
    first = unit * d[S_SLICE]
    last = min(first + d[S_SLICE], d[S_SIZE])
    chunks, stride = d[S_CHUNKS], d[S_STRIDE]
    to = array(real, d[S_TO], d[S_SIZE])
    size = size_of(real)
    add_parts(real, (d[S_PART] + first * size, stride * size, chunks, d[S_TO] + first * size, last - first))
    if d[S_RELU]:
        for i in range(first, last):
            v = to[i]
            to[i] = to.dtype.type(0) if v < 0 else v
    if d[S_VALID] < d[S_WIDTH]:
        for i in range(max(first, d[S_FROM]), last):
            if (i - d[S_FROM]) % d[S_WIDTH] >= d[S_VALID]:
                to[i] = 0


F_W, F_TO, F_SOURCE, F_NSOURCE, F_TILES, F_NTILES, F_TAPS, F_NT, F_IN, F_OUT, F_ROWS, F_WG, F_TG = slots(13)


@njit
def flip_tile(real, w, sources, rows, taps, shape, to, vectors, c0):  # type: ignore[no-untyped-def]  # Numba
    """Write the column tile of `vectors` from input channel c0 on of the weights for backward data to `to`.

    w: one group's packed weights of so many rows; sources: their column tiles; taps: of each tap of the result that of
    the source; shape: input and output channels of a group, numbers of sources and taps.
    """
    n_in, n_out, n_sources, n_taps = shape
    size = size_of(real)
    lanes = VECTOR_BYTES // size
    width = vectors * lanes
    valid = min(width, n_in - c0)
    whole = valid // lanes * lanes
    last = sources[2 * n_sources - 2] * lanes + sources[2 * n_sources - 1]
    packed, turned = array(real, w, rows * last), array(real, to, n_taps * n_out * width)
    for t in range(n_taps):
        for j in range(n_sources):
            swidth, k0 = sources[2 * j] * lanes, sources[2 * j + 1]
            source, base = rows * k0 + (taps[t] * n_in + c0) * swidth, (t * n_out + k0) * width
            after = w + (source + (rows * swidth if j + 1 < n_sources else 0)) * size
            for c in range(0, whole, lanes):  # a square of values at a time, turned in registers
                for k in range(0, min(swidth, n_out - k0), lanes):
                    at, here = w + (source + c * swidth + k) * size, to + (base + k * width + c) * size
                    simd.ahead(real, (after, VECTOR_BYTES * lanes))
                    after += VECTOR_BYTES * lanes
                    turn(real, (at, swidth * size, here, width * size, min(lanes, n_out - k0 - k)))
            for k in range(min(swidth, n_out - k0) if whole < width else 0):
                here = turned[base + k * width : base + (k + 1) * width]
                for c in range(whole, valid):
                    here[c] = packed[source + c * swidth + k]
                for c in range(valid, width):
                    here[c] = 0


@kernel
def flip_weights(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Repack convolution weights for backward data: [out tile][tap][in][lanes] -> [in tile][tap][out][lanes].

    F_TAPS lists, for each tap of the result, the tap of the source. F_IN, F_OUT: channels of one group. Units: groups x
    tiles of the result.
    """
    d = arguments(row)
    i, g = unit % d[F_NTILES], unit // d[F_NTILES]
    tiles = ints(d[F_TILES])
    taps, sources = ints(d[F_TAPS]), ints(d[F_SOURCE])
    w, to = d[F_W] + g * d[F_WG], d[F_TO] + g * d[F_TG]
    to += d[F_NT] * d[F_OUT] * tiles[2 * i + 1] * size_of(real)
    shape = (d[F_IN], d[F_OUT], d[F_NSOURCE], d[F_NT])
    flip_tile(real, w, sources, d[F_ROWS], taps, shape, to, tiles[2 * i], tiles[2 * i + 1])


C_X, C_TO, C_N, C_C, C_CHUNKS, C_RUN, C_WORK = slots(7)


@kernel
def column_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """to[unit, c] = sum over this unit's share of the C_N dense rows of x[row, c].

    C_RUN rows at once go into as many sums, so that few channels fill the vectors too; C_WORK is memory for those.
    """
    d = arguments(row)
    n, c, run = d[C_N], d[C_C], d[C_RUN]
    first, last = unit * n // d[C_CHUNKS], (unit + 1) * n // d[C_CHUNKS]
    wide = run * c
    work = array(real, d[C_WORK], d[C_CHUNKS] * wide)[unit * wide : (unit + 1) * wide]
    x = array(real, d[C_X], n * c)
    for k in range(wide):
        work[k] = 0
    whole = (last - first) // run
    for i in range(whole):
        here = x[first * c + i * wide : first * c + (i + 1) * wide]
        for k in range(wide):
            work[k] += here[k]
    for i in range(first + whole * run, last):
        for k in range(c):
            work[k] += x[i * c + k]
    to = array(real, d[C_TO], d[C_CHUNKS] * c)[unit * c : (unit + 1) * c]
    for k in range(c):
        to[k] = work[k]
    for i in range(1, run):
        for k in range(c):
            to[k] += work[i * c + k]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


Pair = tuple[int, int]
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def twin_conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: Pair = (1, 1),
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """Return y[n, k, i, j] = bias[k] + sum of the window at (i, j) times filter k, over the channels of k's group."""
    filters, inside, fh, fw = weight.shape
    whole = np.pad(x, ((0, 0), (0, 0), *padding))
    reach_h, reach_w = dilation[0] * (fh - 1) + 1, dilation[1] * (fw - 1) + 1
    oh, ow = (whole.shape[2] - reach_h) // stride[0] + 1, (whole.shape[3] - reach_w) // stride[1] + 1
    y = np.zeros((len(x), filters, oh, ow))
    for k in range(filters):
        first = k // (filters // groups) * inside
        for i in range(oh):
            for j in range(ow):
                h, w = i * stride[0], j * stride[1]
                window = whole[:, first : first + inside, h : h + reach_h : dilation[0], w : w + reach_w : dilation[1]]
                y[:, k, i, j] = (window * weight[k]).sum((1, 2, 3)) + (0 if bias is None else bias[k])
    return y


def twin_conv2d_backward(
    x: np.ndarray,
    weight: np.ndarray,
    dy: np.ndarray,
    stride: Pair = (1, 1),
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0)),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Triple:
    """Return (dx, dweight, dbias)."""
    filters, inside, fh, fw = weight.shape
    whole = np.pad(x, ((0, 0), (0, 0), *padding))
    reach_h, reach_w = dilation[0] * (fh - 1) + 1, dilation[1] * (fw - 1) + 1
    dwhole, dweight = np.zeros_like(whole, dtype=np.float64), np.zeros(weight.shape)
    for k in range(filters):
        first = k // (filters // groups) * inside
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                h, w = i * stride[0], j * stride[1]
                place = np.s_[:, first : first + inside, h : h + reach_h : dilation[0], w : w + reach_w : dilation[1]]
                d = dy[:, k, i, j][:, None, None, None]
                dweight[k] += (whole[place] * d).sum(0)
                dwhole[place] += weight[k] * d
    top, left = padding[0][0], padding[1][0]
    return dwhole[:, :, top : top + x.shape[2], left : left + x.shape[3]], dweight, dy.sum((0, 2, 3))


def twin_affine_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Return x W + b, each sample flattened in (C, H, W) order."""
    return x.reshape(len(x), -1) @ weight + (0 if bias is None else bias)


def twin_affine_backward(x: np.ndarray, weight: np.ndarray, dy: np.ndarray) -> Triple:
    """Return (dx, dweight, dbias)."""
    return (dy @ weight.T).reshape(x.shape), x.reshape(len(x), -1).T @ dy, dy.sum(0)
