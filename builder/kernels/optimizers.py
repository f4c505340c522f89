"""Parameter updates, value by value. Units: slices of a parameter. The formulas are stated in schemas/training.py.

HYPER, float64: [learning rate, gradient factor, weight decay, a, b, epsilon, 1 - a^t, 1 - b^t], where a and b are the
optimizer's own decay rates (momentum; Adam's beta1, beta2; RMSprop's decay) and t counts updates. There is one such
row for all layers that learn at the same rate with the same weight decay.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, size_of

W, G, S, M, SIZE, SLICES, HYPER, DECAY, PART, LIMIT, KIND, ROWS = slots(12)
RATE, FACTOR, WEIGHT_DECAY, ALPHA, BETA, EPSILON, CORRECT_A, CORRECT_B = range(8)
HYPERS = 8
SGD, MOMENTUM, NESTEROV, ADAM, ADAMW, RMSPROP, ADAGRAD = range(7)
KINDS = {
    "SGD": SGD,
    "Momentum": MOMENTUM,
    "Nesterov": NESTEROV,
    "Adam": ADAM,
    "AdamW": ADAMW,
    "RMSprop": RMSPROP,
    "AdaGrad": ADAGRAD,
}
"""Optimizer -> KIND."""


@njit
def _share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    return unit * d[SIZE] // d[SLICES], (unit + 1) * d[SIZE] // d[SLICES]


@njit
def apply(kind, w, g, s, m, hyper, decays, n):  # type: ignore[no-untyped-def]  # Numba
    """Update n values w by their gradients g; s and m are the optimizer's own arrays. `decays`: whether weight decay
    applies. Settings are taken in the arrays' own type: arithmetic in float64 would halve the speed."""
    real = w.dtype.type
    h = floats(hyper)
    rate, factor, alpha, beta = real(h[RATE]), real(h[FACTOR]), real(h[ALPHA]), real(h[BETA])
    epsilon, one = real(h[EPSILON]), real(1)
    decay = real(h[WEIGHT_DECAY]) if decays else real(0)
    if kind == SGD:
        for i in range(n):
            w[i] -= rate * (g[i] * factor + decay * w[i])
    elif kind == MOMENTUM:  # s = a s - rate * g; w += s (Polyak 1964, in Keras' form)
        for i in range(n):
            v = alpha * s[i] - rate * (g[i] * factor + decay * w[i])
            s[i] = v
            w[i] += v
    elif kind == NESTEROV:  # s = a s - rate * g; w += a s - rate * g (Sutskever et al. 2013, in Keras' form)
        for i in range(n):
            step = rate * (g[i] * factor + decay * w[i])
            v = alpha * s[i] - step
            s[i] = v
            w[i] += alpha * v - step
    elif kind in (ADAM, ADAMW):  # Kingma and Ba 2015; Loshchilov and Hutter 2019
        correct_a, correct_b = one / real(h[CORRECT_A]), one / real(h[CORRECT_B])
        penalty = decay if kind == ADAM else real(0)
        shrink = one if kind == ADAM else one - rate * decay
        for i in range(n):
            here = g[i] * factor + penalty * w[i]
            s[i] = alpha * s[i] + (one - alpha) * here
            m[i] = beta * m[i] + (one - beta) * (here * here)
            w[i] = w[i] * shrink - rate * (s[i] * correct_a) / (np.sqrt(m[i] * correct_b) + epsilon)
    else:  # RMSprop (Hinton 2012): s = a s + (1 - a) g^2; AdaGrad (Duchi et al. 2011): s += g^2
        keep, take = (alpha, one - alpha) if kind == RMSPROP else (one, one)
        for i in range(n):
            here = g[i] * factor + decay * w[i]
            v = keep * s[i] + take * (here * here)
            s[i] = v
            w[i] -= rate * here / (np.sqrt(v) + epsilon)


@kernel
def update(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """One optimizer step on a slice of a parameter. Units: slices."""
    d = arguments(row)
    first, last = _share(d, unit)
    offset, n = first * size_of(real), last - first
    w, g = array(real, d[W] + offset, n), array(real, d[G] + offset, n)
    s, m = array(real, d[S] + offset, n), array(real, d[M] + offset, n)
    apply(d[KIND], w, g, s, m, d[HYPER], d[DECAY] != 0, n)


@kernel
def squares(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = sum of this slice's squared gradients, in float64."""
    d = arguments(row)
    g, total = array(real, d[G], d[SIZE]), 0.0
    first, last = _share(d, unit)
    for i in range(first, last):
        total += float(g[i]) * float(g[i])
    floats(d[PART])[unit] = total


@kernel
def clip(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """FACTOR *= min(1, limit / norm) in every one of ROWS rows of HYPER, norm being that of all scaled gradients
    together. One unit."""
    d = arguments(row)
    part, h, total = floats(d[PART]), floats(d[HYPER]), 0.0
    for i in range(d[SIZE]):
        total += part[i]
    norm, limit = math.sqrt(total) * abs(h[FACTOR]), floats(d[LIMIT])[0]
    if norm > limit:
        for i in range(d[ROWS]):
            h[i * HYPERS + FACTOR] *= limit / norm


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


Pair = tuple[np.ndarray, np.ndarray]
Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def twin_sgd_update(w: np.ndarray, g: np.ndarray, rate: float, decay: float = 0.0) -> tuple[np.ndarray]:
    """Return the new weights; `decay` is the factor of the L2 term, here and below."""
    return (w - rate * (g + decay * w),)


def twin_momentum_update(
    w: np.ndarray, g: np.ndarray, velocity: np.ndarray, rate: float, decay: float = 0.0, *, momentum: float
) -> Pair:
    """Return (weights, velocity)."""
    velocity = momentum * velocity - rate * (g + decay * w)
    return w + velocity, velocity


def twin_nesterov_update(
    w: np.ndarray, g: np.ndarray, velocity: np.ndarray, rate: float, decay: float = 0.0, *, momentum: float
) -> Pair:
    """Return (weights, velocity)."""
    step = rate * (g + decay * w)
    velocity = momentum * velocity - step
    return w + momentum * velocity - step, velocity


def twin_adam_update(
    w: np.ndarray,
    g: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    rate: float,
    decay: float = 0.0,
    *,
    update: int,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> Triple:
    """Return (weights, mean, square); `update` counts from 1."""
    g = g + decay * w
    mean, square = beta1 * mean + (1 - beta1) * g, beta2 * square + (1 - beta2) * g * g
    root = np.sqrt(square / (1 - beta2**update)) + epsilon
    return w - rate * (mean / (1 - beta1**update)) / root, mean, square


def twin_adamw_update(
    w: np.ndarray,
    g: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    rate: float,
    decay: float = 0.0,
    *,
    update: int,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> Triple:
    """Return (weights, mean, square): Adam on the bare gradient, and the weights shrink apart from it."""
    moved, mean, square = twin_adam_update(
        w, g, mean, square, rate, update=update, beta1=beta1, beta2=beta2, epsilon=epsilon
    )
    return moved - rate * decay * w, mean, square


def twin_rmsprop_update(
    w: np.ndarray, g: np.ndarray, square: np.ndarray, rate: float, decay: float = 0.0, *, share: float, epsilon: float
) -> Pair:
    """Return (weights, square); `share` of the old mean square is kept."""
    g = g + decay * w
    square = share * square + (1 - share) * g * g
    return w - rate * g / (np.sqrt(square) + epsilon), square


def twin_adagrad_update(
    w: np.ndarray, g: np.ndarray, square: np.ndarray, rate: float, decay: float = 0.0, *, epsilon: float
) -> Pair:
    """Return (weights, square)."""
    g = g + decay * w
    square = square + g * g
    return w - rate * g / (np.sqrt(square) + epsilon), square


def twin_clip_update(gradients: list[np.ndarray], limit: float) -> list[np.ndarray]:
    """Scale all gradients down together when their common Euclidean norm is above the limit."""
    norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
    return [g * (limit / norm) for g in gradients] if norm > limit else gradients
