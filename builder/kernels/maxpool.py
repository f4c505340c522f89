"""Max pooling of a normalised image, with ReLU, in one pass forward and one backward; any window, stride and padding.

The forward pass keeps which tap of its window won, as a byte per output (-1 where ReLU passed nothing). Backward, each
input pixel gathers from the windows that cover it: which these are stands in tables, so there is no scatter and no
edge code. Without normalisation COEF is 0.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from . import simd
from .fused import coefficient
from .jit import cgutils, njit
from .machine import arguments, array, kernel, slots
from .memory import ints, size_of, small
from .simd import Emit

(
    Y, YN, YH, P, PN, PH, WIN, DP, DPN, DPH, DY, DYN, DYH,   # addresses, byte strides of image and row
    N, IH, IW, OH, OW, C,
    ROWS, COLUMNS, DEPTH,      # tables per output (forward) or input (backward) row and column, entries of each
    COEF, FLOOR, PART, GAMMA, BETA, SLICES, TOP, LEFT,
) = slots(30)  # fmt: skip


def _everywhere(e: Emit, number: Any) -> Any:
    """Return a vector with the int64 in every lane."""
    return e.spread(number if e.double else e.b.trunc(number, e.whole), e.whole)


def _forward(e: Emit, a: list[Any], scaled: bool) -> None:
    """One output pixel. (y, rows, columns, n_rows, n_columns, p, win, c, coef, floor): the tables hold
    (byte offset, tap number) pairs of the rows and columns of the window that lie in the image."""
    y, rows, columns, n_rows, n_columns, p, win, c, coef, floor = a
    b = e.b
    least = e.broadcast(floor)

    def body(o: Any, load: Any, store: Any) -> None:
        (best,), which = e.accumulators(1), cgutils.alloca_once(b, e.wholes)
        if scaled:
            u, k, d = (load(e.add(coefficient(e, coef, c, i), o)) for i in (0, 2, 3))
        b.store(ir.Constant(e.vector, [float("-inf")] * e.lanes), best)
        b.store(e.number(0), which)
        with e.loop(n_rows) as i:
            row = e.add(e.add(y, e.table(rows, e.mul(i.index, 2))), o)
            tap = e.table(rows, e.add(e.mul(i.index, 2), 1))
            with e.loop(n_columns) as j:
                v = load(e.add(row, e.table(columns, e.mul(j.index, 2))))
                if scaled:
                    v = e.fma(b.fsub(v, u), k, d)
                number = e.add(tap, e.table(columns, e.add(e.mul(j.index, 2), 1)))
                m = b.load(best)
                wins = b.fcmp_unordered(">", v, m)
                # A NaN that has won stays; a new NaN wins.
                wins = b.and_(wins, b.fcmp_ordered("==", m, m))
                b.store(b.select(wins, v, m), best)
                b.store(b.select(wins, _everywhere(e, number), b.load(which)), which)
        m = b.load(best)
        passed = b.fcmp_unordered(">", m, least)
        store(e.at_least(m, least), e.add(p, o))
        store.bytes(b.select(passed, b.load(which), e.number(-1)), e.add(win, e.counted(o)))

    e.over(c, body)


def _gather(e: Emit, a: list[Any], scaled: bool) -> None:
    """One input pixel: dy = c0 * g + c1 + c2 * (y - mean), g the sum of dp over the windows in which this pixel won.
    (y, dy, dp, win, rows, columns, n_rows, n_columns, c, coef)"""
    y, dy, dp, win, rows, columns, n_rows, n_columns, c, coef = a
    b = e.b

    def body(o: Any, load: Any, store: Any) -> None:
        (acc,) = e.accumulators(1)
        with e.loop(n_rows) as i:
            down = [e.table(rows, e.add(e.mul(i.index, 3), k)) for k in range(3)]
            with e.loop(n_columns) as j:
                along = [e.table(columns, e.add(e.mul(j.index, 3), k)) for k in range(3)]
                in_dp, in_win, number = (e.add(u, v) for u, v in zip(down, along, strict=True))
                won = load.bytes(e.add(e.add(win, in_win), e.counted(o)))
                mine = b.icmp_signed("==", won, _everywhere(e, number))
                b.store(b.fadd(b.load(acc), b.select(mine, load(e.add(e.add(dp, in_dp), o)), e.zero)), acc)
        g = b.load(acc)
        if scaled:
            u, k0, k1, k2 = (load(e.add(coefficient(e, coef, c, i), o)) for i in (0, 4, 5, 6))
            g = e.fma(k0, g, e.fma(k2, b.fsub(load(e.add(y, o)), u), k1))
        store(g, e.add(dy, o))

    e.over(c, body)


def _sums(e: Emit, a: list[Any]) -> None:
    """out[0] += sum of g, out[1] += sum of g * (p - beta) / gamma over n outputs, where a tap won: above the floor.
    (p, dp, n, c, gamma, beta, out, floor)"""
    p, dp, n, c, gamma, beta, out, floor = a
    b, least = e.b, e.broadcast(floor)
    pixel = e.mul(c, e.size)
    one = ir.Constant(e.vector, [1.0] * e.lanes)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        acc = e.accumulators(2)
        shift, inverse = load(e.add(beta, o)), b.fdiv(one, load(e.add(gamma, o)))
        with pixels() as place:
            at = e.add(place, o)
            value = load(e.add(p, at))
            won = b.fcmp_unordered(">", value, least)
            g = b.select(won, load(e.add(dp, at)), e.zero)
            hat = b.fmul(b.fsub(value, shift), inverse)
            b.store(b.fadd(b.load(acc[0]), g), acc[0])
            b.store(e.fma(g, b.select(won, hat, e.zero), b.load(acc[1])), acc[1])
        for k in range(2):
            total = e.add(e.add(out, e.mul(pixel, k)), o)
            store(b.fadd(load(total), b.load(acc[k])), total)

    simd.in_runs(e, n, c, body, read=[p, dp])


def largest(e: Emit, taps: list[Any], constants: list[Any], least: Any, store: simd.Store, p: Any, win: Any) -> None:
    """Store at p the largest of a window's values, normalised by (mean, scale, shift) if given, and at win its tap.

    The first of equals wins, and a NaN over all but an earlier one; -1 where none is above `least`."""
    b, best, which = e.b, None, e.number(0)
    for tap, v in enumerate(taps):
        if constants:
            v = e.fma(b.fsub(v, constants[0]), constants[1], constants[2])
        if best is None:
            best = v
            continue
        wins = b.and_(b.fcmp_unordered(">", v, best), b.fcmp_ordered("==", best, best))
        best, which = b.select(wins, v, best), b.select(wins, e.number(tap), which)
    passed = b.fcmp_unordered(">", best, least)
    store(e.at_least(best, least), p)
    store.bytes(b.select(passed, which, e.number(-1)), win)


def _pair_forward(e: Emit, a: list[Any], scaled: bool) -> None:
    """n outputs of 2 x 2 windows side by side: (y, row stride, p, win, n, c, coef, floor)."""
    y, down, p, win, n, c, coef, floor = a
    least, pixel = e.broadcast(floor), e.mul(c, e.size)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        used = (0, 2, 3) if scaled else ()
        constants = [load(e.add(coefficient(e, coef, c, i), o)) for i in used]
        with pixels() as place:
            out, here = e.add(place, o), e.add(e.add(y, e.mul(place, 2)), o)
            taps = (here, e.add(here, pixel), e.add(here, down), e.add(e.add(here, down), pixel))
            largest(e, [load(at) for at in taps], constants, least, store, e.add(p, out), e.add(win, e.counted(out)))

    simd.in_runs(e, n, c, body, written=[p], doubled=[y, e.add(y, down)], winners=[win])


def _pair_backward(e: Emit, a: list[Any], scaled: bool) -> None:
    """Both input rows of n 2 x 2 windows: (y, y row stride, dy, dy row stride, dp, win, n, c, coef)."""
    y, down, dy, dy_down, dp, win, n, c, coef = a
    b = e.b
    pixel = e.mul(c, e.size)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        used = (0, 4, 5, 6) if scaled else ()
        constants = [load(e.add(coefficient(e, coef, c, i), o)) for i in used]
        with pixels() as place:
            out, at = e.add(place, o), e.add(e.mul(place, 2), o)
            won, g = load.bytes(e.add(win, e.counted(out))), load(e.add(dp, out))
            if scaled:
                g = b.fmul(constants[1], g)
            for tap in range(4):
                mine = b.icmp_signed("==", won, e.number(tap))
                v = b.select(mine, g, e.zero)
                right = e.mul(pixel, tap % 2)
                if scaled:
                    source = e.add(e.add(e.add(y, at), right), e.mul(down, tap // 2))
                    v = b.fadd(v, e.fma(constants[3], b.fsub(load(source), constants[0]), constants[2]))
                store(v, e.add(e.add(e.add(dy, at), right), e.mul(dy_down, tap // 2)))

    wide = [y, e.add(y, down)] if scaled else [dy, e.add(dy, dy_down)]
    simd.in_runs(e, n, c, body, read=[dp], doubled=wide, winners=[win])


pair_forward = simd.emitted(8, lambda e, a: _pair_forward(e, a, False))
pair_forward_scaled = simd.emitted(8, lambda e, a: _pair_forward(e, a, True))
pair_backward = simd.emitted(9, lambda e, a: _pair_backward(e, a, False))
pair_backward_scaled = simd.emitted(9, lambda e, a: _pair_backward(e, a, True))
pixel_forward = simd.emitted(10, lambda e, a: _forward(e, a, False))
pixel_forward_scaled = simd.emitted(10, lambda e, a: _forward(e, a, True))
pixel_gather = simd.emitted(10, lambda e, a: _gather(e, a, False))
pixel_gather_scaled = simd.emitted(10, lambda e, a: _gather(e, a, True))
pooled_sums = simd.emitted(8, _sums)


@njit
def forward_row(d, real, n, oh, first, last):  # type: ignore[no-untyped-def]  # Numba
    """Outputs first .. last of row oh of image n."""
    wide, c = 1 + 2 * d[DEPTH], d[C]
    pixel = c * size_of(real)
    rows = d[ROWS] + 8 * wide * oh
    n_rows = ints(rows)[0]
    y = d[Y] + n * d[YN]
    p, win = d[P] + n * d[PN] + oh * d[PH], d[WIN] + (n * d[OH] + oh) * d[OW] * c
    for ow in range(first, last):
        columns = d[COLUMNS] + 8 * wide * ow
        to, which = p + ow * pixel, win + ow * c
        v = (y, rows + 8, columns + 8, n_rows, ints(columns)[0], to, which, c, d[COEF], d[FLOOR])
        if d[COEF]:
            pixel_forward_scaled(real, v)
        else:
            pixel_forward(real, v)


@kernel
def max_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """p = act(largest of (y - mean) * scale + beta), win = its tap. Units: output rows. Tables: per row (column) its
    count, then DEPTH (byte offset, tap) pairs."""
    d = arguments(row)
    forward_row(d, real, unit // d[OH], unit % d[OH], 0, d[OW])


@njit
def backward_row(d, real, n, ih, first, last):  # type: ignore[no-untyped-def]  # Numba
    """Input pixels first .. last of row ih of image n."""
    wide, c = 1 + 3 * d[DEPTH], d[C]
    pixel = c * size_of(real)
    rows = d[ROWS] + 8 * wide * ih
    n_rows = ints(rows)[0]
    y, dy = d[Y] + n * d[YN] + ih * d[YH], d[DY] + n * d[DYN] + ih * d[DYH]
    dp, win = d[DP] + n * d[DPN], d[WIN] + n * d[OH] * d[OW] * c
    for iw in range(first, last):
        columns = d[COLUMNS] + 8 * wide * iw
        o = iw * pixel
        v = (y + o, dy + o, dp, win, rows + 8, columns + 8, n_rows, ints(columns)[0], c, d[COEF])
        if d[COEF]:
            pixel_gather_scaled(real, v)
        else:
            pixel_gather(real, v)


@kernel
def max_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dy from the pooled gradient (dy may be y). Units: input rows. Tables: the count, then DEPTH triples of byte
    offset in dp, byte offset in win, tap."""
    d = arguments(row)
    backward_row(d, real, unit // d[IH], unit % d[IH], 0, d[IW])


@njit
def _reliable(gamma, beta, c):  # type: ignore[no-untyped-def]  # Numba
    """Say whether xhat may be found again from the pooled value: gamma is not too small beside beta."""
    reliable = True
    for k in range(c):
        reliable = reliable and abs(gamma[k]) > 0.01 * abs(beta[k]) + 1e-6
    return reliable


@kernel
def max_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = sums of g and of g * xhat, from the pooled values alone; where gamma is too small for that, from y
    at the winner. Units: slices of output rows."""
    d = arguments(row)
    c, rows = d[C], d[N] * d[OH]
    out = array(real, d[PART], d[SLICES] * 2 * c)[unit * 2 * c : (unit + 1) * 2 * c]
    for k in range(2 * c):
        out[k] = 0
    pixel = c * size_of(real)
    gamma, beta = array(real, d[GAMMA], c), array(real, d[BETA], c)
    to = d[PART] + unit * 2 * pixel
    fast = _reliable(gamma, beta, c)
    for r in range(unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]):
        n, oh = r // d[OH], r % d[OH]
        p, dp = d[P] + n * d[PN] + oh * d[PH], d[DP] + n * d[DPN] + oh * d[DPH]
        if fast:
            pooled_sums(real, (p, dp, d[OW], c, d[GAMMA], d[BETA], to, d[FLOOR]))
        else:
            _slow_sums(d, real, n, oh, d[WIN] + r * d[OW] * c, dp, out, pixel)


@njit
def _slow_sums(d, real, n, oh, wins, gradients, out, pixel):  # type: ignore[no-untyped-def]  # Numba
    c, wide = d[C], 1 + 2 * d[DEPTH]
    coef = array(real, d[COEF], 2 * c)
    rows = ints(d[ROWS] + 8 * wide * oh)
    for ow in range(d[OW]):
        columns = ints(d[COLUMNS] + 8 * wide * ow)
        win, dp = small(wins + ow * c), array(real, gradients + ow * pixel, c)
        for i in range(rows[0]):
            for j in range(columns[0]):
                number = rows[2 + 2 * i] + columns[2 + 2 * j]
                y = array(real, d[Y] + n * d[YN] + rows[1 + 2 * i] + columns[1 + 2 * j], c)
                for k in range(c):
                    if win[k] == number:
                        out[k] += dp[k]
                        out[c + k] += dp[k] * ((y[k] - coef[k]) * coef[c + k])


@kernel
def pair_max_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """max_forward for 2 x 2 windows that lie side by side. Units: output rows."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    y, p = d[Y] + n * d[YN] + 2 * oh * d[YH], d[P] + n * d[PN] + oh * d[PH]
    win = d[WIN] + (n * d[OH] + oh) * d[OW] * c
    v = (y, d[YH], p, win, d[OW], c, d[COEF], d[FLOOR])
    if d[COEF]:
        pair_forward_scaled(real, v)
    else:
        pair_forward(real, v)


@njit
def _unseen(d, real, y, dy, count, c, pixel):  # type: ignore[no-untyped-def]  # Numba
    """Pixels that no window covers: their gradient comes through the statistics alone."""
    for i in range(count):
        v = (y + i * pixel, dy + i * pixel, 0, 0, 0, 0, 0, 0, c, d[COEF])
        if d[COEF]:
            pixel_gather_scaled(real, v)
        else:
            pixel_gather(real, v)


@kernel
def pair_max_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """max_backward for 2 x 2 windows that lie side by side. Units: output rows; the last takes an odd row along."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    pixel = c * size_of(real)
    y, dy = d[Y] + n * d[YN] + 2 * oh * d[YH], d[DY] + n * d[DYN] + 2 * oh * d[DYH]
    dp, win = d[DP] + n * d[DPN] + oh * d[DPH], d[WIN] + (n * d[OH] + oh) * d[OW] * c
    v = (y, d[YH], dy, d[DYH], dp, win, d[OW], c, d[COEF])
    if d[COEF]:
        pair_backward_scaled(real, v)
    else:
        pair_backward(real, v)
    rest = d[IW] - 2 * d[OW]
    if rest:
        for i in range(2):
            _unseen(d, real, y + i * d[YH] + 2 * d[OW] * pixel, dy + i * d[DYH] + 2 * d[OW] * pixel, rest, c, pixel)
    if oh == d[OH] - 1:
        for i in range(2, d[IH] - 2 * oh):
            _unseen(d, real, y + i * d[YH], dy + i * d[DYH], d[IW], c, pixel)
