"""The transforms of Winograd's convolution, on one vector of channels: pixels, filters and outputs of a tile.

See winograd.py. Each is a small constant matrix applied from both sides, all in registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from . import simd
from .jit import njit
from .simd import Emit, emitted


def matrices(taps: int, edge: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (A^T [m, n], G [n, r], B^T [n, n]) of Cook and Toom for infinity and the first n - 1 of the points 0, 1,
    -1, 2, -2, 1/2, -1/2 (of those tried the ones with the least errors).

    >>> at, g, bt = matrices(3)
    >>> x, w = np.arange(6.0), np.array([1.0, 2.0, 3.0])
    >>> at @ ((g @ w) * (bt @ x))
    array([ 8., 14., 20., 26.])
    """
    n = edge + taps - 1
    points = [0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5][: n - 1]
    g, at, bt = np.zeros((n, taps)), np.zeros((edge, n)), np.zeros((n, n))
    for i, x in enumerate(points):
        others = [p for p in points if p != x]
        g[i] = x ** np.arange(taps) / np.prod([x - p for p in others])
        at[:, i] = x ** np.arange(len(at))
        bt[i, : n - 1] = np.poly(others)[::-1]
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

    rows, n = matrix.shape
    pairs = range(1, max(rows, n) - 2, 2)  # the points p and -p
    if rows >= n:  # rows of a pair differ in signs only
        out = [total(matrix[0], values)]
        for i in pairs:
            if (abs(matrix[i]) != abs(matrix[i + 1])).any():  # with an odd point, n = 7, the pairs have no share
                break
            alike = matrix[i] == matrix[i + 1]
            one, two = (total(np.where(which, matrix[i], 0), values) for which in (alike, ~alike))
            out += [b.fadd(one, two), b.fsub(one, two)]
        return [*out, *(total(row, values) for row in matrix[len(out) :])]
    terms = [values[0]]
    factors = [matrix[:, 0]]
    for j in pairs:  # and so do columns
        if (abs(matrix[:, j]) != abs(matrix[:, j + 1])).any():
            break
        alike = matrix[:, j] == matrix[:, j + 1]
        terms += [b.fadd(values[j], values[j + 1]), b.fsub(values[j], values[j + 1])]
        factors += [np.where(alike, matrix[:, j], 0), np.where(alike, 0, matrix[:, j])]
    for j in range(len(terms), n):
        terms.append(values[j])
        factors.append(matrix[:, j])
    return [total(row, terms) for row in np.column_stack(factors)]


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

    What is below the value at address `floor` is stored as that value; with `adds` it is added to what is there.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        src, rs, cs, dst, drs, dcs, valid, lanes, floor, adds = a
        b, m, least = e.b, len(matrix), e.broadcast(floor)
        nowhere = b.ptrtoint(e.accumulators(1)[0], simd.I64)
        found: list[tuple[Any, Any]] = []

        def keep(i: int, j: int, v: Any) -> None:
            place = e.add(dst, e.add(e.mul(drs, i), e.mul(dcs, j)))
            found.append((e.at_least(v, least), _chosen(e, valid, i * m + j, place, nowhere)))

        _transform(e, matrix, lambda i, j: e.load(e.add(src, e.add(e.mul(rs, i), e.mul(cs, j)))), keep)

        def put(adding: bool) -> None:
            with b.if_else(b.icmp_signed("==", lanes, e.count(e.lanes))) as (whole, partial):
                with whole:
                    for v, place in found:
                        e.store(b.fadd(v, e.load(place)) if adding else v, place)
                with partial:
                    mask = e.first(lanes)
                    for v, place in found:
                        e.store_masked(b.fadd(v, e.load_masked(place, mask)) if adding else v, place, mask)

        with b.if_else(b.icmp_signed("==", adds, e.count(0))) as (plain, more):
            with plain:
                put(False)
            with more:
                put(True)

    return emitted(10, generate)


(AT43, G43, BT6), (AT53, G53, BT7), (AT45, G45, BT8) = matrices(3), matrices(3, 5), matrices(5)
# Intrinsics must be module-level names, or the kernels that use them never hit Numba's cache.
pixels6, pixels7, pixels8 = transform(BT6), transform(BT7), transform(BT8)
weights6, weights7, weights8 = transform(G43), transform(G53), transform(G45)
outputs6, outputs7, outputs8 = scatter(AT43), scatter(AT53), scatter(AT45)
slopes6, slopes7, slopes8 = gather(AT43.T), gather(AT53.T), gather(AT45.T)
back6, back7, back8 = transform(G43.T), transform(G53.T), transform(G45.T)


@njit
def pixels(side, real, a):  # type: ignore[no-untyped-def]  # Numba
    """B^T d B of tiles of side x side pixels."""
    if side == 6:
        pixels6(real, a)
    elif side == 7:
        pixels7(real, a)
    else:
        pixels8(real, a)


@njit
def weights(side, real, a):  # type: ignore[no-untyped-def]  # Numba
    """G g G^T of tiles of side x side pixels."""
    if side == 6:
        weights6(real, a)
    elif side == 7:
        weights7(real, a)
    else:
        weights8(real, a)


@njit
def outputs(side, real, a):  # type: ignore[no-untyped-def]  # Numba
    """A^T m A of tiles of side x side pixels."""
    if side == 6:
        outputs6(real, a)
    elif side == 7:
        outputs7(real, a)
    else:
        outputs8(real, a)


@njit
def slopes(side, real, a):  # type: ignore[no-untyped-def]  # Numba
    """A dy A^T of tiles of side x side pixels."""
    if side == 6:
        slopes6(real, a)
    elif side == 7:
        slopes7(real, a)
    else:
        slopes8(real, a)


@njit
def back(side, real, a):  # type: ignore[no-untyped-def]  # Numba
    """G^T u G of tiles of side x side pixels."""
    if side == 6:
        back6(real, a)
    elif side == 7:
        back7(real, a)
    else:
        back8(real, a)
