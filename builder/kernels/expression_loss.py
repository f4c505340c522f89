"""Losses that are formulas of prediction and target: S(R_1, R_2, …), each R a sum or a mean of e(y, t) over one sample.

The formulas are stack programs (see pointwise.py) that know the prediction as x and the target as y. The outer one, S,
finds the R in its first constants. The loss is the mean of S over the batch, each sample times its weight.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, ints
from .pointwise import BLOCK, evaluate

(
    X, X0, X1, X2, DX, DX0, DX1, DX2, D0, D1, D2, C, SLICES,
    TARGET, WEIGHT, PART, GAIN, TOTAL,      # as in losses.py
    COUNT, PARTS, SLOPES, OUTER,            # number of R, and addresses of their programs
    DEPTH, CONSTANTS,                       # deepest stack, most constants of an outer program
) = slots(24)  # fmt: skip

ENTRY = 5
"""A program in a table: address of its code, operations, address of its constants, their number, 1 for a mean."""


@njit
def _row(d, real, base, i, r):  # type: ignore[no-untyped-def]  # Numba
    j, k = r // d[D2], r % d[D2]
    return array(real, d[base] + i * d[base + 1] + j * d[base + 2] + k * d[base + 3], d[C])


@njit
def _outer(table, k, found, x, stack, constants):  # type: ignore[no-untyped-def]  # Numba
    """Return the value of outer program k, whose first constants are the R."""
    n = table[k * ENTRY + 3]
    held = floats(table[k * ENTRY + 2])
    for j in range(n):
        constants[j] = held[j]
    for j in range(len(found)):
        constants[j] = found[j]
    evaluate(ints(table[k * ENTRY]), table[k * ENTRY + 1], constants, x, x, stack, 1)
    return stack[0, 0]


@kernel
def expression_loss(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """loss = weight * S; dx = weight * gain * sum over k of dS/dR_k * de_k/dx. Units: slices of samples."""
    d = arguments(row)
    count, c, sites = d[COUNT], d[C], d[D1] * d[D2]
    gain, loss = floats(d[GAIN])[0], 0.0
    weights = array(real, d[WEIGHT], d[D0])
    parts, slopes = ints(d[PARTS]), ints(d[SLOPES])
    outer = ints(d[OUTER])
    stack, constants = np.empty((d[DEPTH], BLOCK)), np.empty(d[CONSTANTS])
    found, factor = np.empty(count), np.empty(count)
    values, targets = np.empty(BLOCK), array(real, d[TARGET], d[D0] * sites * c)
    for i in range(unit * d[D0] // d[SLICES], (unit + 1) * d[D0] // d[SLICES]):
        for k in range(count):
            code, steps = ints(parts[k * ENTRY]), parts[k * ENTRY + 1]
            held = floats(parts[k * ENTRY + 2])
            total = 0.0
            for r in range(sites):
                x = _row(d, real, X, i, r)
                start = (i * sites + r) * c
                for j in range(0, c, BLOCK):
                    m = min(BLOCK, c - j)
                    evaluate(code, steps, held, x[j : j + m], targets[start + j : start + j + m], stack, m)
                    for q in range(m):
                        total += stack[0, q]
            found[k] = total / (sites * c) if parts[k * ENTRY + 4] else total
        first = _row(d, real, X, i, 0)[:1]
        weight = np.float64(weights[i])
        loss += weight * _outer(outer, 0, found, first, stack, constants)
        if not d[DX]:
            continue
        for k in range(count):
            slope = _outer(outer, k + 1, found, first, stack, constants)
            factor[k] = slope * weight * gain / (sites * c if parts[k * ENTRY + 4] else 1)
        for r in range(sites):
            x, dx = _row(d, real, X, i, r), _row(d, real, DX, i, r)
            start = (i * sites + r) * c
            for j in range(0, c, BLOCK):
                m = min(BLOCK, c - j)
                values[:m] = 0
                for k in range(count):
                    code, steps = ints(slopes[k * ENTRY]), slopes[k * ENTRY + 1]
                    held = floats(slopes[k * ENTRY + 2])
                    evaluate(code, steps, held, x[j : j + m], targets[start + j : start + j + m], stack, m)
                    for q in range(m):
                        values[q] += factor[k] * stack[0, q]
                for q in range(m):
                    dx[j + q] = values[q]
    floats(d[PART])[unit] = loss


# --- NumPy twins: the losses that are formulas, in the user's layout (N, C, H, W) and float64 ---


def _mean(weights: np.ndarray | None, each: np.ndarray) -> float:
    """Return the mean over the batch of one number per sample."""
    return float((each if weights is None else each * weights).mean())


def _rows(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def twin_mean_forward(
    x: np.ndarray, t: np.ndarray, weights: np.ndarray | None, each: object, factor: float = 1.0
) -> float:
    """Return the mean over batch and values of each(x, t), a NumPy function."""
    return factor * _mean(weights, _rows(each(x, t)).mean(1))  # type: ignore[operator]  # a function


def twin_mean_backward(
    x: np.ndarray, t: np.ndarray, weights: np.ndarray | None, slope: object, factor: float = 1.0
) -> np.ndarray:
    """Return the gradient of that, from the slope of `each`."""
    given = np.ones(len(x)) if weights is None else weights
    found: np.ndarray = factor * slope(x, t) / x.size * given.reshape(-1, *[1] * (x.ndim - 1))  # type: ignore[operator]  # a function
    return found


def twin_dice_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None, smooth: float) -> float:
    """Return the mean of 1 - (2 sum(x t) + smooth) / (sum(x) + sum(t) + smooth)."""
    a, b = _rows(x), _rows(t)
    return _mean(weights, 1 - (2 * (a * b).sum(1) + smooth) / (a.sum(1) + b.sum(1) + smooth))


def twin_dice_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None, smooth: float) -> np.ndarray:
    """Return its gradient."""
    a, b = _rows(x), _rows(t)
    below = (a.sum(1) + b.sum(1) + smooth)[:, None]
    above = (2 * (a * b).sum(1) + smooth)[:, None]
    given = np.ones(len(x)) if weights is None else weights
    return ((above / below**2 - 2 * b / below) * given[:, None] / len(x)).reshape(x.shape)


def twin_cosine_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean of 1 - x t / (|x| |t|)."""
    a, b = _rows(x), _rows(t)
    return _mean(weights, 1 - (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1) + 1e-12))


def twin_cosine_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return its gradient."""
    a, b = _rows(x), _rows(t)
    ab, aa, bb = ((u * v).sum(1, keepdims=True) for u, v in ((a, b), (a, a), (b, b)))
    root = np.sqrt(aa * bb + 1e-12)
    given = np.ones(len(x)) if weights is None else weights
    return (-(b / root - ab * a * bb / root**3) * given[:, None] / len(x)).reshape(x.shape)
