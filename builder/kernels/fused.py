"""Batch normalisation, residual sum, ReLU and max pooling in as few passes as the mathematics allows.

Forward     p = pool(act((y - mean) * scale + beta + r)), one pass over y; the pooled winner is kept, a number
            per output.
Backward    sums of g and g * xhat over the batch (from the pooled values alone where possible), then one pass that
            turns y into dy in place:  dy = c0 * g + c1 + c2 * (y - mean).

COEF is [7][C]: mean, 1 / std, scale, beta, c0, c1, c2; the mean is subtracted first, as scale * y + shift would cancel
where it is large. Vectors run over channels; a last partial vector is masked.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from llvmlite import ir

from . import simd
from .jit import njit
from .machine import arguments, array, kernel, slots, turned
from .memory import floats, ints, size_of
from .simd import Emit

(
    Y, Y0, Y1, R, R0, R1, A, A0, A1, DA, DA0, DA1, DY, DY0, DY1, DR, DR0, DR1,
    D0, D1, NPIX, C, SLICES,
    COEF, PART, FLOOR,                 # coefficients; partial sums; address of the activation's least value (0 or -inf)
    GAMMA, BETA, MEAN, VARIANCE, DGAMMA, DBETA, HYPER,
    BLOCKS, COUNTS, TOTAL,             # statistics: blocks, pixels of each (int64), pixels in all
    BACK,                              # 1: the last slice comes first
) = slots(37)  # fmt: skip


CHAINS = 4
"""Sums of one vector of channels that take turns: an addition waits for the one before it in its sum."""


def _sums(e: Emit, a: list[Any]) -> None:
    """part = [mean, sum of squared deviations] of P pixels (byte offsets in a table), about the first pixel."""
    y, table, count, c, part = a
    b = e.b
    row = e.mul(c, e.size)
    n = b.sitofp(count, e.scalar)
    share = e.spread(b.fdiv(ir.Constant(e.scalar, 1.0), n), e.scalar)

    def body(o: Any, load: Any, store: Any) -> None:
        sums, squares = e.accumulators(CHAINS), e.accumulators(CHAINS)
        first = load(e.add(e.add(y, e.table(table, 0)), o))

        def add(i: Any, chain: int) -> None:
            v = b.fsub(load(e.add(e.add(y, e.table(table, i)), o)), first)
            b.store(b.fadd(b.load(sums[chain]), v), sums[chain])
            b.store(e.fma(v, v, b.load(squares[chain])), squares[chain])

        whole = b.sdiv(count, e.count(CHAINS))
        with e.loop(whole) as p:
            for u in range(CHAINS):
                add(e.add(e.mul(p.index, CHAINS), u), u)
        done = e.mul(whole, CHAINS)
        with e.loop(b.sub(count, done)) as p:
            add(e.add(done, p.index), 0)
        s, q = (functools.reduce(b.fadd, map(b.load, chains)) for chains in (sums, squares))
        mean = b.fmul(s, share)
        store(b.fadd(first, mean), e.add(part, o))
        store(b.fsub(q, b.fmul(s, mean)), e.add(e.add(part, row), o))

    e.over(c, body)


def coefficient(e: Emit, coef: Any, channels: Any, number: int) -> Any:
    """Return the address of row `number` of COEF."""
    return e.add(coef, e.mul(channels, number * e.size))


def _forward(e: Emit, a: list[Any], residual: bool) -> None:
    y, r, out, n, c, coef, floor = a
    least = e.broadcast(floor)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        m, k, d = (load(e.add(coefficient(e, coef, c, i), o)) for i in (0, 2, 3))
        with pixels() as place:
            at = e.add(place, o)
            v = e.fma(e.b.fsub(load(e.add(y, at)), m), k, d)
            if residual:
                v = e.b.fadd(v, load(e.add(r, at)))
            store(e.at_least(v, least), e.add(out, at))

    simd.in_runs(e, n, c, body, read=[y, r] if residual else [y], written=[out])


def _active(e: Emit, value: Any, gradient: Any, least: Any) -> Any:
    """The gradient where the activation passed it: value > floor; NaN passes."""
    return e.b.select(e.b.fcmp_unordered(">", value, least), gradient, e.zero)


def _gradient_sums(e: Emit, a: list[Any], residual: bool) -> None:
    """out[0] += sum g, out[1] += sum g * (y - mean) / std, g being da where the activation passed it.

    Without a residual the activation's value is computed again from y, which costs less than reading it.
    """
    y, out_value, da, n, c, coef, floor, out = a
    b = e.b
    least, pixel = e.broadcast(floor), e.mul(c, e.size)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        acc = e.accumulators(2)
        m, s, k, d = (load(e.add(coefficient(e, coef, c, i), o)) for i in (0, 1, 2, 3))
        with pixels() as place:
            at = e.add(place, o)
            centred = b.fsub(load(e.add(y, at)), m)
            value = load(e.add(out_value, at)) if residual else e.fma(centred, k, d)
            g = _active(e, value, load(e.add(da, at)), least)
            hat = b.fmul(centred, s)
            b.store(b.fadd(b.load(acc[0]), g), acc[0])
            b.store(e.fma(g, hat, b.load(acc[1])), acc[1])
        for k in range(2):
            total = e.add(e.add(out, e.mul(pixel, k)), o)
            store(b.fadd(load(total), b.load(acc[k])), total)

    simd.in_runs(e, n, c, body, read=[y, da, out_value] if residual else [y, da])


def _backward(e: Emit, a: list[Any], residual: bool) -> None:
    """dy = c0 * g + c1 + c2 * (y - mean), and dr = g."""
    y, out_value, da, dy, dr, n, c, coef, floor = a
    least = e.broadcast(floor)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        m, k, d, k0, k1, k2 = (load(e.add(coefficient(e, coef, c, i), o)) for i in (0, 2, 3, 4, 5, 6))
        with pixels() as place:
            at = e.add(place, o)
            centred = e.b.fsub(load(e.add(y, at)), m)
            value = load(e.add(out_value, at)) if residual else e.fma(centred, k, d)
            g = _active(e, value, load(e.add(da, at)), least)
            if residual:
                store(g, e.add(dr, at))
            store(e.fma(k0, g, e.fma(k2, centred, k1)), e.add(dy, at))

    read, written = ([y, da, out_value], [dy, dr]) if residual else ([y, da], [dy])
    simd.in_runs(e, n, c, body, read, written)


def _mask(e: Emit, a: list[Any]) -> None:
    """dy = da where the activation passed it; dy may be the activation's value itself."""
    value, da, dy, n, floor = a
    least = e.broadcast(floor)

    def body(o: Any, load: Any, store: Any) -> None:
        store(_active(e, load(e.add(value, o)), load(e.add(da, o)), least), e.add(dy, o))

    e.over(n, body)


def _mask_sums(e: Emit, a: list[Any]) -> None:
    """The same for n pixels of c channels, and sums[:] += the sum of dy over the pixels."""
    value, da, dy, n, c, floor, sums = a
    b, least = e.b, e.broadcast(floor)

    def body(o: Any, load: Any, store: Any, pixels: simd.Pixels) -> None:
        (acc,), total = e.accumulators(1), e.add(sums, o)
        with pixels() as place:
            at = e.add(place, o)
            g = _active(e, load(e.add(value, at)), load(e.add(da, at)), least)
            store(g, e.add(dy, at))
            b.store(b.fadd(b.load(acc), g), acc)
        store(b.fadd(load(total), b.load(acc)), total)

    simd.in_runs(e, n, c, body, read=[value, da])


relu_row = simd.emitted(5, _mask)
relu_row_sums = simd.emitted(7, _mask_sums)
block_sums = simd.emitted(5, _sums)
row_forward = simd.emitted(7, lambda e, a: _forward(e, a, False))
row_forward_residual = simd.emitted(7, lambda e, a: _forward(e, a, True))
row_gradient_sums = simd.emitted(8, lambda e, a: _gradient_sums(e, a, False))
row_gradient_sums_residual = simd.emitted(8, lambda e, a: _gradient_sums(e, a, True))
row_backward = simd.emitted(9, lambda e, a: _backward(e, a, False))
row_backward_residual = simd.emitted(9, lambda e, a: _backward(e, a, True))


@njit
def _share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    """Return the unit's slice, its first row and the one behind its last."""
    rows, s = d[D0] * d[D1], turned(unit, d[SLICES], d[BACK])
    return s, s * rows // d[SLICES], (s + 1) * rows // d[SLICES]


@njit
def _place(d, base, r):  # type: ignore[no-untyped-def]  # Numba
    return d[base] + r // d[D1] * d[base + 1] + r % d[D1] * d[base + 2]


@njit
def _combined(part, counts, blocks, total, c, k):  # type: ignore[no-untyped-def]  # Numba
    """Return the means of four channels from k on, and their squared deviations, from those of the blocks: sums of one
    channel wait for each other. Behind the last channel that one is repeated."""
    k1, k2, k3 = min(k + 1, c - 1), min(k + 2, c - 1), min(k + 3, c - 1)
    m0 = m1 = m2 = m3 = s0 = s1 = s2 = s3 = 0.0
    for b in range(blocks):
        at, n = 2 * b * c, counts[b]
        m0, m1 = m0 + n * part[at + k], m1 + n * part[at + k1]
        m2, m3 = m2 + n * part[at + k2], m3 + n * part[at + k3]
    m0, m1, m2, m3 = m0 / total, m1 / total, m2 / total, m3 / total
    for b in range(blocks):
        at, n = 2 * b * c, counts[b]
        d0, d1, d2, d3 = part[at + k] - m0, part[at + k1] - m1, part[at + k2] - m2, part[at + k3] - m3
        at += c
        s0, s1 = s0 + (part[at + k] + n * d0 * d0), s1 + (part[at + k1] + n * d1 * d1)
        s2, s3 = s2 + (part[at + k2] + n * d2 * d2), s3 + (part[at + k3] + n * d3 * d3)
    return (m0, m1, m2, m3), (s0, s1, s2, s3)


@kernel
def norm_statistics(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Combine the blocks' means and deviations into scale and shift; move the running statistics. One unit."""
    d = arguments(row)
    c, blocks = d[C], d[BLOCKS]
    part, coef, hyper = array(real, d[PART], blocks * 2 * c), array(real, d[COEF], 7 * c), floats(d[HYPER])
    running_mean, running_variance = array(real, d[MEAN], c), array(real, d[VARIANCE], c)
    gamma, beta, counts = array(real, d[GAMMA], c), array(real, d[BETA], c), ints(d[COUNTS])
    for first in range(0, c, 4):
        means, squares = _combined(part, counts, blocks, d[TOTAL], c, first)
        for j in range(min(4, c - first)):
            k, mean, variance = first + j, means[j], squares[j] / d[TOTAL]
            inverse = 1.0 / math.sqrt(variance + hyper[1])
            coef[k] = mean
            coef[c + k] = inverse
            coef[2 * c + k] = inverse * gamma[k]
            coef[3 * c + k] = beta[k]
            if hyper[0] < 1:  # 1 keeps them as they are; 0 * NaN would not
                running_mean[k] = hyper[0] * running_mean[k] + (1 - hyper[0]) * mean
                running_variance[k] = hyper[0] * running_variance[k] + (1 - hyper[0]) * variance


@kernel
def norm_running(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Scale and shift from the running statistics (in use, and for a frozen layer). One unit."""
    d = arguments(row)
    c = d[C]
    coef, hyper = array(real, d[COEF], 7 * c), floats(d[HYPER])
    mean, variance = array(real, d[MEAN], c), array(real, d[VARIANCE], c)
    gamma, beta = array(real, d[GAMMA], c), array(real, d[BETA], c)
    for k in range(c):
        inverse = 1.0 / math.sqrt(variance[k] + hyper[1])
        coef[k] = mean[k]
        coef[c + k] = inverse
        coef[2 * c + k] = inverse * gamma[k]
        coef[3 * c + k] = beta[k]


@kernel
def norm_act_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """a = act((y - mean) * scale + beta + r). Units: slices of rows."""
    d = arguments(row)
    _, first, last = _share(d, unit)
    for r in range(first, last):
        if d[R]:
            v = (_place(d, Y, r), _place(d, R, r), _place(d, A, r), d[NPIX], d[C], d[COEF], d[FLOOR])
            row_forward_residual(real, v)
        else:
            row_forward(real, (_place(d, Y, r), 0, _place(d, A, r), d[NPIX], d[C], d[COEF], d[FLOOR]))


@kernel
def norm_act_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[slice] = sums of g and of g * xhat. Units: slices of rows. R: a second input was added before ReLU."""
    d = arguments(row)
    s, first, last = _share(d, unit)
    c = d[C]
    out = array(real, d[PART], d[SLICES] * 2 * c)[s * 2 * c : (s + 1) * 2 * c]
    for k in range(2 * c):
        out[k] = 0
    to = d[PART] + s * 2 * c * size_of(real)
    for r in range(first, last):
        v = (_place(d, Y, r), _place(d, A, r), _place(d, DA, r), d[NPIX], c, d[COEF], d[FLOOR], to)
        if d[R]:
            row_gradient_sums_residual(real, v)
        else:
            row_gradient_sums(real, v)


@kernel
def norm_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dgamma, dbeta and c0, c1, c2. One unit. HYPER[0] < 0: frozen statistics."""
    d = arguments(row)
    c, blocks = d[C], d[SLICES]
    part, coef, hyper = array(real, d[PART], blocks * 2 * c), array(real, d[COEF], 7 * c), floats(d[HYPER])
    gamma = array(real, d[GAMMA], c)
    for k in range(c):
        plain, scaled = 0.0, 0.0
        for b in range(blocks):
            plain += part[2 * b * c + k]
            scaled += part[2 * b * c + c + k]
        if d[DGAMMA]:
            array(real, d[DGAMMA], c)[k] = scaled
            array(real, d[DBETA], c)[k] = plain
        c0 = gamma[k] * coef[c + k]
        c2 = -c0 * coef[c + k] * scaled / d[TOTAL] if hyper[0] >= 0 else 0.0
        coef[4 * c + k] = c0
        coef[5 * c + k] = -c0 * plain / d[TOTAL] if hyper[0] >= 0 else 0.0
        coef[6 * c + k] = c2


@kernel
def norm_act_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dy = c0 * g + c1 + c2 * (y - mean) (dy may be y), dr = g. Units: slices of rows."""
    d = arguments(row)
    _, first, last = _share(d, unit)
    for r in range(first, last):
        y, a, da, dy = _place(d, Y, r), _place(d, A, r), _place(d, DA, r), _place(d, DY, r)
        if d[DR]:
            v = (y, a, da, dy, _place(d, DR, r), d[NPIX], d[C], d[COEF], d[FLOOR])
            row_backward_residual(real, v)
        else:
            row_backward(real, (y, a, da, dy, 0, d[NPIX], d[C], d[COEF], d[FLOOR]))


S_Y, S_Y0, S_Y1, S_D1, S_C, S_PART, S_TABLE, S_FIRST = slots(8)


@kernel
def norm_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = mean and squared deviations of block `unit`: rows S_FIRST[unit] to S_FIRST[unit + 1], whose byte
    offsets pixel by pixel stand in S_TABLE (the same for every block). Units: blocks."""
    d = arguments(row)
    c = d[S_C]
    part = d[S_PART] + unit * 2 * c * size_of(real)
    first = ints(d[S_FIRST] + 16 * unit)
    block_sums(real, (d[S_Y] + first[0], d[S_TABLE], first[1], c, part))


@kernel
def relu_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dy = da where a > 0; dy may be a. part[slice] = sums of dy over pixels, if asked for. Units: slices of rows."""
    d = arguments(row)
    s, first, last = _share(d, unit)
    sums = array(real, d[PART] + s * d[C] * size_of(real), d[C])
    for k in range(d[C] if d[PART] else 0):
        sums[k] = 0
    for r in range(first, last):
        a, da, dy = _place(d, A, r), _place(d, DA, r), _place(d, DY, r)
        if d[PART]:
            relu_row_sums(real, (a, da, dy, d[NPIX], d[C], d[FLOOR], d[PART] + s * d[C] * size_of(real)))
        else:
            relu_row(real, (a, da, dy, d[NPIX] * d[C], d[FLOOR]))
