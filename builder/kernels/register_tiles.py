"""Register tiles: the sums over taps and pixels of convolution, its gradients and Affine (see tiles.py)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from llvmlite import ir

from .cpu import VECTOR_BYTES
from .memory import I32
from .simd import LINE, Emit, emitted, prefetch

Ask = Callable[[Any, Any], None]
"""Asks memory at row j of a tap (its byte offset, j) for what is needed soon."""

LONG = 32
"""Rows of a tap from which on LLVM adds two at a time: with fewer, what is left over takes longer (from one channel to
30, 5 x 5, on Zen 3: a tenth of the whole pass)."""

SMALL = 12
"""Sums of the largest tile that LLVM would do this for."""


def add_taps(e: Emit, acc: list[Any], xs: list[Any], a: list[Any], vectors: int, ask: Ask | None = None) -> None:
    """acc[i] += sum over t, j of xs[i][taps[t] + j] * w[t, j, :]. Arguments (taps, T, J, w)."""
    taps, n_taps, n_j, w = a
    b, width = e.b, VECTOR_BYTES * vectors

    def add(loop: Callable[[Any], AbstractContextManager[Any]]) -> None:
        with e.loop(n_taps) as t:
            row = e.add(w, e.mul(e.mul(t.index, n_j), width))
            offset = e.table(taps, t.index)
            at = [e.add(p, offset) for p in xs]
            with loop(n_j) as j:
                here = e.add(row, e.mul(j.index, width))
                ws = [e.load(e.add(here, VECTOR_BYTES * q)) for q in range(vectors)]
                if ask is not None:
                    ask(offset, j.index)
                step = e.mul(j.index, e.size)
                for i, place in enumerate(at):
                    xv = e.broadcast(e.add(place, step))
                    for q in range(vectors):
                        p = acc[i * vectors + q]
                        b.store(e.fma(xv, ws[q], b.load(p)), p)

    if len(acc) > SMALL:
        add(e.loop)
        return
    with b.if_else(b.icmp_signed("<", n_j, e.count(LONG))) as (short, long):
        with short:
            add(e.plain_loop)
        with long:
            add(e.loop)


def conv_tile(pixels: int, vectors: int, half: bool = False, asks: int = 0) -> Any:
    """Make y[p, :] = start + sum over t, j of x[p + taps[t] + j] * w[t, j, :] for `pixels` pixels, `vectors` vectors.

    Arguments (x, xo, taps, T, J, w, y, yo, start, lanes, floor, soon, later): w is packed [T][J][vectors * lanes];
    start is 0 for zero, 1 to accumulate into y, else the address of a bias; `lanes` of the last vector are stored; what
    is below the value at address `floor` is stored as that value (0 for ReLU, -inf for none). `half` (of one vector)
    computes the first half of the lanes alone.

    Memory is asked for what is written `later` bytes further on, and at each row for what is read soon: the pixels
    behind the tile's last, `soon` bytes further on than at the row before. With `asks` it is asked for so many of the
    cache lines from address `soon` on instead.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, xo, _, _, _, _, y, yo, start, lanes, floor, soon, later = a
        b, acc = e.b, e.accumulators(pixels * vectors)
        xs = [e.add(x, e.table(xo, i)) for i in range(pixels)]
        written = e.add(y, later)
        for i in range(pixels):
            for o in range(0, VECTOR_BYTES * vectors, max(LINE, VECTOR_BYTES)):
                prefetch(e, e.add(e.add(written, e.table(yo, i)), o), write=True)
        with b.if_then(b.icmp_unsigned(">", start, e.count(1))):
            for q in range(vectors):
                v = e.load(e.add(start, VECTOR_BYTES * q))
                for i in range(pixels):
                    b.store(v, acc[i * vectors + q])
        with b.if_then(b.icmp_signed("==", start, e.count(1))):
            for i in range(pixels):
                before = e.add(y, e.table(yo, i))
                for q in range(vectors):
                    b.store(e.load(e.add(before, VECTOR_BYTES * q)), acc[i * vectors + q])

        def ask(tap: Any, j: Any) -> None:
            if not asks:
                prefetch(e, e.add(e.add(xs[-1], tap), b.mul(j, soon)))
            for q in range(asks):
                prefetch(e, e.add(e.add(soon, e.mul(j, LINE * asks)), LINE * q))

        add_taps(e, acc, xs, a[2:6], vectors, ask)
        last = vectors - 1
        ys = [e.add(y, e.table(yo, i)) for i in range(pixels)]
        least = e.broadcast(floor)
        result = [e.at_least(b.load(v), least) for v in acc]
        for i in range(pixels):
            for q in range(last):
                e.store(result[i * vectors + q], e.add(ys[i], VECTOR_BYTES * q))
        with b.if_else(b.icmp_signed("==", lanes, e.count(e.lanes))) as (whole, partial):
            with whole:
                for i in range(pixels):
                    e.store(result[i * vectors + last], e.add(ys[i], VECTOR_BYTES * last))
            with partial:
                mask = e.first(lanes)
                for i in range(pixels):
                    e.store_masked(result[i * vectors + last], e.add(ys[i], VECTOR_BYTES * last), mask)

    return emitted(13, generate, half)


def gradient_tile(taps: int, rows: int, vectors: int, half: bool = False) -> Any:
    """Make dst[h, i, :] (+)= sum over pixels p of x[p + tap[h] + i] * dy[p, :] for h < taps, i < rows.

    Arguments (x, xo, P, dy, yo, tap, dst, tap_stride, row_stride, valid, accumulate, soon): rows i >= valid are
    computed, not stored; strides are in bytes; at each pixel memory is asked for one cache line from address `soon` on.
    `half` (of one vector) computes the first half of the lanes and stores zero in the rest.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, xo, count, dy, yo, tap, dst, stride, step, valid, accumulate, soon = a
        b, acc = e.b, e.accumulators(taps * rows * vectors)
        stored = [b.icmp_signed("<", e.count(i), valid) for i in range(rows)]
        place = [[e.add(e.add(dst, e.mul(stride, h)), e.mul(step, i)) for i in range(rows)] for h in range(taps)]
        with b.if_then(b.icmp_signed("==", accumulate, e.count(1))):
            for i in range(rows):
                with b.if_then(stored[i]):
                    for h in range(taps):
                        for q in range(vectors):
                            b.store(e.load(e.add(place[h][i], VECTOR_BYTES * q)), acc[(h * rows + i) * vectors + q])
        at = [e.add(x, e.table(tap, h)) for h in range(taps)]
        with e.loop(count) as p:
            px, py = e.table(xo, p.index), e.add(dy, e.table(yo, p.index))
            ds = [e.load(e.add(py, VECTOR_BYTES * q)) for q in range(vectors)]
            prefetch(e, e.add(soon, e.mul(p.index, LINE)))
            for h in range(taps):
                here = e.add(at[h], px)
                for i in range(rows):
                    xv = e.broadcast(e.add(here, e.size * i))
                    for q in range(vectors):
                        v = acc[(h * rows + i) * vectors + q]
                        b.store(e.fma(xv, ds[q], b.load(v)), v)
        for i in range(rows):
            with b.if_then(stored[i]):
                for h in range(taps):
                    for q in range(vectors):
                        e.store(b.load(acc[(h * rows + i) * vectors + q]), e.add(place[h][i], VECTOR_BYTES * q))
                    if half:
                        e.store(e.zero, e.add(place[h][i], VECTOR_BYTES // 2))

    return emitted(12, generate, half)


def sum_of_parts(e: Emit, a: list[Any]) -> None:
    """to[i] = part[0][i] + part[1][i] + ... in this order. Arguments (part, stride, parts, to, values): bytes apart."""
    part, stride, parts, to, n = a
    b, run = e.b, 4  # four chains of additions hide their latency

    def total(offset: Any, load: Callable[[Any], Any], store: Callable[[Any, Any], None], vectors: int) -> None:
        places = [e.add(offset, VECTOR_BYTES * v) for v in range(vectors)]
        sums = e.accumulators(vectors)
        for place, s in zip(places, sums, strict=True):
            b.store(load(e.add(part, place)), s)
        with e.loop(e.add(parts, -1)) as i:
            here = e.add(part, e.mul(stride, e.add(i.index, 1)))
            for place, s in zip(places, sums, strict=True):
                b.store(b.fadd(b.load(s), load(e.add(here, place))), s)
        for place, s in zip(places, sums, strict=True):
            store(b.load(s), e.add(to, place))

    whole = b.sdiv(n, e.count(run * e.lanes))
    with e.loop(whole) as r:
        total(e.mul(r.index, run * VECTOR_BYTES), e.load, e.store, run)
    done = e.mul(whole, run * e.lanes)
    start = e.mul(done, e.size)
    e.over(b.sub(n, done), lambda o, load, store: total(e.add(start, o), load, store, 1))


def turned(e: Emit, a: list[Any]) -> None:
    """dst[i, :] = column i of the lanes x lanes values at src, for i < rows. (src, stride, dst, stride, rows)"""
    src, stride, dst, to, count = a
    rows = [e.load(e.add(src, e.mul(stride, i))) for i in range(e.lanes)]
    half = e.lanes // 2
    while half:  # swap the off-diagonal half x half blocks of every 2 half x 2 half block
        low = [(i & ~half) + (e.lanes if i & half else 0) for i in range(e.lanes)]
        high = [(i | half) + (e.lanes if i & half else 0) for i in range(e.lanes)]
        masks = [ir.Constant(ir.VectorType(I32, e.lanes), m) for m in (low, high)]
        for i in range(e.lanes):
            if not i & half:
                x, y = rows[i], rows[i + half]
                rows[i], rows[i + half] = (e.b.shuffle_vector(x, y, m) for m in masks)
        half //= 2
    for i, row in enumerate(rows):
        with e.b.if_then(e.b.icmp_signed("<", e.count(i), count)):
            e.store(row, e.add(dst, e.mul(to, i)))
