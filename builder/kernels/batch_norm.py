"""Batch normalisation (Ioffe and Szegedy 2015). Rows are (image, image row) pairs of W pixels with C channels.

Statistics: each block of rows gives its mean and its sum of squared deviations in two passes over data that are in
cache; blocks are combined in float64 by Chan's formula, in order, so the bits do not depend on threads.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats

(
    X, XN, XH, XW, Y, YN, YH, YW, DY, DYN, DYH, DYW, DX, DXN, DXH, DXW,
    N, H, W, C, BLOCKS,
    PART,                                  # per block: two rows of C sums
    GAMMA, BETA, MEAN, VARIANCE,           # parameters and running statistics
    COEF,                                  # [4][C]: mean, 1 / std, and two coefficients of the backward pass
    DGAMMA, DBETA, HYPER,                  # gradients or 0; [momentum, epsilon] in float64
) = slots(30)  # fmt: skip


@njit
def _pixel(d, real, base, r, w):  # type: ignore[no-untyped-def]  # Numba
    n, h = r // d[H], r % d[H]
    return array(real, d[base] + n * d[base + 1] + h * d[base + 2] + w * d[base + 3], d[C])


@kernel
def batch_norm_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = mean and sum of squared deviations of this block of rows. Units: blocks."""
    d = arguments(row)
    c, rows = d[C], d[N] * d[H]
    part = array(real, d[PART], (unit + 1) * 2 * c)[2 * c * unit :]
    mean, square = part[:c], part[c : 2 * c]
    first, last = unit * rows // d[BLOCKS], (unit + 1) * rows // d[BLOCKS]
    for k in range(c):
        mean[k] = 0
        square[k] = 0
    for r in range(first, last):
        for w in range(d[W]):
            x = _pixel(d, real, X, r, w)
            for k in range(c):
                mean[k] += x[k]
    count = mean.dtype.type((last - first) * d[W])
    for k in range(c):
        mean[k] /= count
    for r in range(first, last):
        for w in range(d[W]):
            x = _pixel(d, real, X, r, w)
            for k in range(c):
                v = x[k] - mean[k]
                square[k] += v * v


@kernel
def batch_norm_statistics(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Combine the blocks into mean and 1/std of the batch and move the running statistics. One unit."""
    d = arguments(row)
    c, rows, blocks = d[C], d[N] * d[H], d[BLOCKS]
    part, coef, hyper = array(real, d[PART], blocks * 2 * c), array(real, d[COEF], 4 * c), floats(d[HYPER])
    running_mean, running_variance = array(real, d[MEAN], c), array(real, d[VARIANCE], c)
    total = rows * d[W]
    for k in range(c):
        mean, square, seen = 0.0, 0.0, 0
        for b in range(blocks):
            count = ((b + 1) * rows // blocks - b * rows // blocks) * d[W]
            if count:
                delta = part[2 * b * c + k] - mean
                seen += count
                mean += delta * count / seen
                square += part[2 * b * c + c + k] + delta * delta * (seen - count) * count / seen
        variance = square / total
        coef[k] = mean
        coef[c + k] = 1.0 / math.sqrt(variance + hyper[1])
        if hyper[0] < 1:  # 1 keeps them as they are; 0 * NaN would not
            running_mean[k] = hyper[0] * running_mean[k] + (1 - hyper[0]) * mean
            running_variance[k] = hyper[0] * running_variance[k] + (1 - hyper[0]) * variance


@kernel
def batch_norm_running(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Take mean and 1/std from the running statistics (in use, and for a frozen layer). One unit."""
    d = arguments(row)
    c = d[C]
    coef, hyper = array(real, d[COEF], 4 * c), floats(d[HYPER])
    mean, variance = array(real, d[MEAN], c), array(real, d[VARIANCE], c)
    for k in range(c):
        coef[k] = mean[k]
        coef[c + k] = 1.0 / math.sqrt(variance[k] + hyper[1])
        coef[2 * c + k] = 0
        coef[3 * c + k] = 0


@kernel
def batch_norm_apply(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = (x - mean) / std * gamma + beta. Units: blocks."""
    d = arguments(row)
    c, rows = d[C], d[N] * d[H]
    coef, gamma, beta = array(real, d[COEF], 2 * c), array(real, d[GAMMA], c), array(real, d[BETA], c)
    for r in range(unit * rows // d[BLOCKS], (unit + 1) * rows // d[BLOCKS]):
        for w in range(d[W]):
            x, y = _pixel(d, real, X, r, w), _pixel(d, real, Y, r, w)
            for k in range(c):
                y[k] = (x[k] - coef[k]) * (coef[c + k] * gamma[k]) + beta[k]


@kernel
def batch_norm_gradient_sums(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = sums of dy and of dy * (x - mean) / std over this block. Units: blocks."""
    d = arguments(row)
    c, rows = d[C], d[N] * d[H]
    part = array(real, d[PART], (unit + 1) * 2 * c)[2 * c * unit :]
    plain, scaled = part[:c], part[c : 2 * c]
    coef = array(real, d[COEF], 2 * c)
    for k in range(c):
        plain[k] = 0
        scaled[k] = 0
    for r in range(unit * rows // d[BLOCKS], (unit + 1) * rows // d[BLOCKS]):
        for w in range(d[W]):
            x, dy = _pixel(d, real, X, r, w), _pixel(d, real, DY, r, w)
            for k in range(c):
                plain[k] += dy[k]
                scaled[k] += dy[k] * ((x[k] - coef[k]) * coef[c + k])


@kernel
def batch_norm_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dgamma, dbeta, and the means that the input gradient subtracts. One unit. HYPER[0] < 0: frozen statistics."""
    d = arguments(row)
    c, blocks, total = d[C], d[BLOCKS], d[N] * d[H] * d[W]
    part, coef, hyper = array(real, d[PART], blocks * 2 * c), array(real, d[COEF], 4 * c), floats(d[HYPER])
    for k in range(c):
        plain, scaled = 0.0, 0.0
        for b in range(blocks):
            plain += part[2 * b * c + k]
            scaled += part[2 * b * c + c + k]
        if d[DGAMMA]:
            array(real, d[DGAMMA], c)[k] = scaled
            array(real, d[DBETA], c)[k] = plain
        coef[2 * c + k] = plain / total if hyper[0] >= 0 else 0.0
        coef[3 * c + k] = scaled / total if hyper[0] >= 0 else 0.0


@kernel
def batch_norm_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = gamma / std * (dy - mean(dy) - xhat * mean(dy * xhat)). Units: blocks."""
    d = arguments(row)
    c, rows = d[C], d[N] * d[H]
    coef, gamma = array(real, d[COEF], 4 * c), array(real, d[GAMMA], c)
    for r in range(unit * rows // d[BLOCKS], (unit + 1) * rows // d[BLOCKS]):
        for w in range(d[W]):
            x, dy, dx = _pixel(d, real, X, r, w), _pixel(d, real, DY, r, w), _pixel(d, real, DX, r, w)
            for k in range(c):
                hat = (x[k] - coef[k]) * coef[c + k]
                dx[k] = gamma[k] * coef[c + k] * (dy[k] - coef[2 * c + k] - hat * coef[3 * c + k])


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


Pair = tuple[np.ndarray, np.ndarray]
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def _per_channel(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Give (C,) the axes of `like`, so that it works on each channel."""
    return values.reshape(1, -1, *[1] * (like.ndim - 2))


def _but_channels(x: np.ndarray) -> tuple[int, ...]:
    return tuple(a for a in range(x.ndim) if a != 1)


def twin_batch_norm_forward(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, epsilon: float, running: Pair | None = None
) -> Triple:
    """Return (y, mean, variance); with `running` = (mean, variance) these take the place of the batch's."""
    mean, variance = running if running is not None else (x.mean(_but_channels(x)), x.var(_but_channels(x)))
    normal = (x - _per_channel(mean, x)) / np.sqrt(_per_channel(variance, x) + epsilon)
    return normal * _per_channel(gamma, x) + _per_channel(beta, x), mean, variance


def twin_batch_norm_backward(
    x: np.ndarray, gamma: np.ndarray, dy: np.ndarray, epsilon: float, running: Pair | None = None
) -> Triple:
    """Return (dx, dgamma, dbeta). The batch's mean and variance depend on x; running ones do not."""
    axes, count = _but_channels(x), x.size // x.shape[1]
    normal, _, variance = twin_batch_norm_forward(x, np.ones(len(gamma)), np.zeros(len(gamma)), epsilon, running)
    dgamma, dbeta = (dy * normal).sum(axes), dy.sum(axes)
    scale = _per_channel(gamma, x) / np.sqrt(_per_channel(variance, x) + epsilon)
    if running is not None:
        return dy * scale, dgamma, dbeta
    dx = scale * (dy - _per_channel(dbeta / count, x) - normal * _per_channel(dgamma / count, x))
    return dx, dgamma, dbeta


def twin_running_forward(running: np.ndarray, batch: np.ndarray, momentum: float) -> np.ndarray:
    """Return the running statistic after a training step."""
    return momentum * running + (1 - momentum) * batch
