"""Local response normalisation (Krizhevsky, Sutskever and Hinton 2012): a channel is held down by its neighbours.

s[i] = k + alpha * sum over channels j near i of x[j]^2        y[i] = x[i] * s[i]^-beta
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats

(
    X, X0, X1, X2, Y, Y0, Y1, Y2, DY, DY0, DY1, DY2, DX, DX0, DX1, DX2,
    D0, D1, D2, C, SLICES,
    REACH, HYPER,              # channels to either side; address of [alpha, beta, k] in float64
) = slots(23)  # fmt: skip


@njit
def _pixel(d, real, base, r):  # type: ignore[no-untyped-def]  # Numba
    i, j, k = r // (d[D1] * d[D2]), r // d[D2] % d[D1], r % d[D2]
    return array(real, d[base] + i * d[base + 1] + j * d[base + 2] + k * d[base + 3], d[C])


@njit
def _near(values, reach, to):  # type: ignore[no-untyped-def]  # Numba
    """to[i] = sum of values[i - reach .. i + reach], those beyond the ends left out."""
    c = len(values)
    for i in range(c):
        to[i] = values[i]
    for shift in range(1, min(reach, c - 1) + 1):
        # Slices, so that no index can be negative: Numba would ask at each value, and no vector could be used.
        first, behind, before, last = to[: c - shift], values[shift:], values[: c - shift], to[shift:]
        for i in range(c - shift):
            first[i] += behind[i]
        for i in range(c - shift):
            last[i] += before[i]


@njit
def _powers(s, beta, to):  # type: ignore[no-untyped-def]  # Numba
    """to = s^-beta. AlexNet's 3/4 by square roots, which the processor has: a general power is ten times slower."""
    if beta == 0.75:
        for i in range(len(s)):
            root = np.sqrt(s[i])
            to[i] = 1 / (root * np.sqrt(root))
    elif beta == 0.5:
        for i in range(len(s)):
            to[i] = 1 / np.sqrt(s[i])
    else:
        for i in range(len(s)):
            to[i] = s[i] ** -beta


@njit
def _scales(x, reach, hyper, work, s):  # type: ignore[no-untyped-def]  # Numba
    """s = k + alpha * sum of squares nearby."""
    alpha, k = x.dtype.type(hyper[0]), x.dtype.type(hyper[2])
    for i in range(len(x)):
        work[i] = x[i] * x[i]
    _near(work, reach, s)
    for i in range(len(x)):
        s[i] = k + alpha * s[i]


@kernel
def lrn_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = x * s^-beta. Units: slices of pixels."""
    d = arguments(row)
    pixels, c, hyper = d[D0] * d[D1] * d[D2], d[C], floats(d[HYPER])
    one = array(real, d[X], 1)
    work, s, power = np.empty(c, one.dtype), np.empty(c, one.dtype), np.empty(c, one.dtype)
    for r in range(unit * pixels // d[SLICES], (unit + 1) * pixels // d[SLICES]):
        x, y = _pixel(d, real, X, r), _pixel(d, real, Y, r)
        _scales(x, d[REACH], hyper, work, s)
        _powers(s, one.dtype.type(hyper[1]), power)
        for i in range(c):
            y[i] = x[i] * power[i]


@kernel
def lrn_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx[i] = dy[i] s[i]^-beta - 2 alpha beta x[i] * sum over j near i of dy[j] x[j] s[j]^(-beta - 1)."""
    d = arguments(row)
    pixels, c, hyper = d[D0] * d[D1] * d[D2], d[C], floats(d[HYPER])
    one = array(real, d[X], 1)
    work, s, power = np.empty(c, one.dtype), np.empty(c, one.dtype), np.empty(c, one.dtype)
    factor = one.dtype.type(2 * hyper[0] * hyper[1])
    for r in range(unit * pixels // d[SLICES], (unit + 1) * pixels // d[SLICES]):
        x, dy, dx = _pixel(d, real, X, r), _pixel(d, real, DY, r), _pixel(d, real, DX, r)
        _scales(x, d[REACH], hyper, work, s)
        _powers(s, one.dtype.type(hyper[1]), power)
        for i in range(c):
            work[i] = dy[i] * x[i] * power[i] / s[i]
        _near(work, d[REACH], s)
        for i in range(c):
            dx[i] = dy[i] * power[i] - factor * x[i] * s[i]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, ...) and float64 ---


def _twin_near(values: np.ndarray, size: int) -> np.ndarray:
    reach, count = size // 2, values.shape[1]
    return np.stack([values[:, max(0, i - reach) : i + reach + 1].sum(1) for i in range(count)], 1)


def twin_lrn_forward(x: np.ndarray, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
    """Return x / (k + alpha * sum of squares over `size` channels)^beta."""
    return x * (k + alpha * _twin_near(x**2, size)) ** -beta


def twin_lrn_backward(x: np.ndarray, dy: np.ndarray, size: int, alpha: float, beta: float, k: float) -> np.ndarray:
    """Return dx."""
    s = k + alpha * _twin_near(x**2, size)
    return dy * s**-beta - 2 * alpha * beta * x * _twin_near(dy * x * s ** (-beta - 1), size)
