"""Copies, sums and products of values under any strides: Broadcast, Transpose, Slice, Pad, sums over axes, MatMul.

Operands have four axes, (N, H, W, C) for most; strides count values, and 0 repeats a value along its axis.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats

(
    X, X0, X1, X2, X3, Y, Y0, Y1, Y2, Y3, DY, DY0, DY1, DY2, DY3, DX, DX0, DX1, DX2, DX3,
    D0, D1, D2, D3,          # axes that are kept
    R0, R1, R2, R3,          # axes that are summed, with the strides of X (S) and DX (T) along them
    S0, S1, S2, S3, T0, T1, T2, T3,
    SLICES, FACTOR,
) = slots(38)  # fmt: skip

ALL = 1 << 40
"""Length of views whose real length nobody asks for."""


@njit
def _share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    rows = d[D0] * d[D1]
    return unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]


@kernel
def strided_copy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = factor * x. Units: slices of the two outer axes."""
    d = arguments(row)
    first, last = _share(d, unit)
    x, y, factor = array(real, d[X], ALL), array(real, d[Y], ALL), floats(d[FACTOR])[0]
    for r in range(first, last):
        i, j = r // d[D1], r % d[D1]
        for k in range(d[D2]):
            a = i * d[X0] + j * d[X1] + k * d[X2]
            b = i * d[Y0] + j * d[Y1] + k * d[Y2]
            for c in range(d[D3]):
                y[b + c * d[Y3]] = x[a + c * d[X3]] * factor


@kernel
def strided_fill(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = factor."""
    d = arguments(row)
    first, last = _share(d, unit)
    y, factor = array(real, d[Y], ALL), floats(d[FACTOR])[0]
    for r in range(first, last):
        i, j = r // d[D1], r % d[D1]
        for k in range(d[D2]):
            b = i * d[Y0] + j * d[Y1] + k * d[Y2]
            for c in range(d[D3]):
                y[b + c * d[Y3]] = factor


@kernel
def strided_sum(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = factor * sum of x over the axes R, in float64 and always in the same order."""
    d = arguments(row)
    first, last = _share(d, unit)
    x, y, factor, n = array(real, d[X], ALL), array(real, d[Y], ALL), floats(d[FACTOR])[0], d[D3]
    total = np.empty(n)
    for r in range(first, last):
        i, j = r // d[D1], r % d[D1]
        for k in range(d[D2]):
            total[:] = 0
            for p in range(d[R0]):
                for q in range(d[R1]):
                    for s in range(d[R2]):
                        a = i * d[X0] + j * d[X1] + k * d[X2] + p * d[S0] + q * d[S1] + s * d[S2]
                        for t in range(d[R3]):
                            for c in range(n):
                                total[c] += x[a + t * d[S3] + c * d[X3]]
            b = i * d[Y0] + j * d[Y1] + k * d[Y2]
            for c in range(n):
                y[b + c * d[Y3]] = total[c] * factor


@kernel
def strided_extreme(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = largest x over the axes R where factor is 1, smallest where it is -1; NaN wins."""
    d = arguments(row)
    first, last = _share(d, unit)
    x, y, sign = array(real, d[X], ALL), array(real, d[Y], ALL), floats(d[FACTOR])[0]
    for r in range(first, last):
        i, j = r // d[D1], r % d[D1]
        for k in range(d[D2]):
            for c in range(d[D3]):
                a = i * d[X0] + j * d[X1] + k * d[X2] + c * d[X3]
                best = x[a]
                for p in range(d[R0]):
                    for q in range(d[R1]):
                        for s in range(d[R2]):
                            for t in range(d[R3]):
                                v = x[a + p * d[S0] + q * d[S1] + s * d[S2] + t * d[S3]]
                                if sign * v > sign * best or v != v:
                                    best = v
                y[i * d[Y0] + j * d[Y1] + k * d[Y2] + c * d[Y3]] = best


@kernel
def strided_extreme_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = dy shared equally among the values that equal y, else 0."""
    d = arguments(row)
    first, last = _share(d, unit)
    x, y, dy, dx = array(real, d[X], ALL), array(real, d[Y], ALL), array(real, d[DY], ALL), array(real, d[DX], ALL)
    for r in range(first, last):
        i, j = r // d[D1], r % d[D1]
        for k in range(d[D2]):
            for c in range(d[D3]):
                a = i * d[X0] + j * d[X1] + k * d[X2] + c * d[X3]
                to = i * d[DX0] + j * d[DX1] + k * d[DX2] + c * d[DX3]
                best = y[i * d[Y0] + j * d[Y1] + k * d[Y2] + c * d[Y3]]
                given = dy[i * d[DY0] + j * d[DY1] + k * d[DY2] + c * d[DY3]]
                count = 0
                for p in range(d[R0]):
                    for q in range(d[R1]):
                        for s in range(d[R2]):
                            for t in range(d[R3]):
                                count += x[a + p * d[S0] + q * d[S1] + s * d[S2] + t * d[S3]] == best
                share = np.float64(given) / np.float64(count)
                for p in range(d[R0]):
                    for q in range(d[R1]):
                        for s in range(d[R2]):
                            for t in range(d[R3]):
                                same = x[a + p * d[S0] + q * d[S1] + s * d[S2] + t * d[S3]] == best
                                place = to + p * d[T0] + q * d[T1] + s * d[T2] + t * d[T3]
                                # Without a winner, which NaN makes so, the share is not finite and must be seen.
                                dx[place] = share if same or count == 0 else 0.0


@kernel
def strided_matmul(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx[i, j, k, c] = sum over r of x[i, j, k, r] * y[i, j, r, c], in float64. Axes: D0, D1, D2 = rows, D3 = columns,
    R3 the shared one, which has stride S3 in x and T3 in y. Units: slices of D0 * D1 * D2."""
    d = arguments(row)
    rows, n = d[D0] * d[D1] * d[D2], d[D3]
    x, y, z = array(real, d[X], ALL), array(real, d[Y], ALL), array(real, d[DX], ALL)
    total = np.empty(n)
    for r in range(unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]):
        i, j, k = r // (d[D1] * d[D2]), r // d[D2] % d[D1], r % d[D2]
        a = i * d[X0] + j * d[X1] + k * d[X2]
        b = i * d[Y0] + j * d[Y1]
        total[:] = 0
        for t in range(d[R3]):
            v = np.float64(x[a + t * d[S3]])
            for c in range(n):
                total[c] += v * y[b + t * d[T3] + c * d[Y3]]
        to = i * d[DX0] + j * d[DX1] + k * d[DX2]
        for c in range(n):
            z[to + c * d[DX3]] = total[c]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def _over(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return NumPy's axes of a batch for those of a sample."""
    return tuple(axis + 1 for axis in axes)


def twin_broadcast_forward(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return x repeated along its axes of size 1."""
    return np.broadcast_to(x.reshape(len(x), *[1] * (len(shape) - x.ndim + 1), *x.shape[1:]), (len(x), *shape)).copy()


def twin_broadcast_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dy summed over the axes along which x was repeated."""
    shape = (len(x), *[1] * (dy.ndim - x.ndim), *x.shape[1:])
    axes = tuple(a for a in range(1, dy.ndim) if shape[a] == 1)
    return dy.sum(axis=axes, keepdims=True).reshape(x.shape)


def twin_reduce_forward(x: np.ndarray, kind: str, axes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return sum, mean, max or min over the sample's axes, in the given shape."""
    return np.asarray(getattr(np, kind)(x, axis=_over(axes))).reshape(len(x), *shape)


def twin_reduce_backward(x: np.ndarray, kind: str, axes: tuple[int, ...], dy: np.ndarray) -> np.ndarray:
    """Return dx: dy for every value (a share of it for a mean); for max and min, to those that are it, equally."""
    kept = [1 if a in _over(axes) else n for a, n in enumerate(x.shape)]
    given = dy.reshape(kept)
    if kind in ("sum", "mean"):
        count = x.size / given.size if kind == "mean" else 1
        return np.broadcast_to(given / count, x.shape).copy()
    winners = x == getattr(np, kind)(x, axis=_over(axes), keepdims=True)
    count = winners.sum(axis=_over(axes), keepdims=True)
    with np.errstate(all="ignore"):
        share = given / count
    return np.where(winners | (count == 0), share, 0.0)


def twin_transpose_forward(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return x with the sample's axes in another order."""
    return x.transpose(0, *_over(axes))


def twin_transpose_backward(dy: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return dy with its axes back in their order."""
    return dy.transpose(0, *_over(tuple(np.argsort(axes))))


def twin_slice_forward(x: np.ndarray, parts: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Return x[:, start::step, ...] with as many values as each part (start, step, count) says."""
    return x[(slice(None), *(slice(a, a + s * (n - 1) + 1, s) for a, s, n in parts))]


def twin_slice_backward(x: np.ndarray, parts: tuple[tuple[int, int, int], ...], dy: np.ndarray) -> np.ndarray:
    """Return dx: dy in its place, else 0."""
    dx = np.zeros(x.shape)
    dx[(slice(None), *(slice(a, a + s * (n - 1) + 1, s) for a, s, n in parts))] = dy
    return dx


def twin_pad_forward(x: np.ndarray, before: tuple[int, ...], shape: tuple[int, ...], value: float) -> np.ndarray:
    """Return x inside a larger array of one value."""
    y = np.full((len(x), *shape), float(value))
    y[(slice(None), *(slice(a, a + n) for a, n in zip(before, x.shape[1:], strict=True)))] = x
    return y


def twin_pad_backward(x: np.ndarray, before: tuple[int, ...], dy: np.ndarray) -> np.ndarray:
    """Return the part of dy that belongs to x."""
    return dy[(slice(None), *(slice(a, a + n) for a, n in zip(before, x.shape[1:], strict=True)))]


def twin_matmul_forward(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the matrix product of each sample."""
    return a @ b


def twin_matmul_backward(a: np.ndarray, b: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (da, db)."""
    return dy @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ dy
