"""Parameter updates, value by value. Units: slices of a parameter. The formulas are stated in schemas/training.py.

HYPER, float64: [learning rate, gradient factor, weight decay, a, b, epsilon, 1 - a^t, 1 - b^t], where a and b are the
optimizer's own decay rates (momentum; Adam's beta1, beta2; RMSprop's decay) and t counts updates.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from .machine import arguments, array, floats, kernel, slots

W, G, S, M, SIZE, SLICES, HYPER, DECAY, PART, LIMIT = slots(10)
RATE, FACTOR, WEIGHT_DECAY, ALPHA, BETA, EPSILON, CORRECT_A, CORRECT_B = range(8)
HYPERS = 8


@njit
def _share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    return unit * d[SIZE] // d[SLICES], (unit + 1) * d[SIZE] // d[SLICES]


@njit
def _gradient(g, w, h, decays):  # type: ignore[no-untyped-def]  # Numba
    """Return the scaled gradient plus the L2 penalty's."""
    return g * h[FACTOR] + (h[WEIGHT_DECAY] * w if decays else 0.0)


@kernel
def sgd(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """w -= rate * g."""
    d = arguments(row)
    w, g, h = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), floats(d[HYPER], HYPERS)
    first, last = _share(d, unit)
    for i in range(first, last):
        w[i] -= h[RATE] * _gradient(g[i], w[i], h, d[DECAY])


@kernel
def momentum(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """s = a s - rate * g; w += s (Polyak 1964, in Keras' form: a new rate does not touch the velocity)."""
    d = arguments(row)
    w, g, s = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), array(real, d[S], d[SIZE])
    h = floats(d[HYPER], HYPERS)
    first, last = _share(d, unit)
    for i in range(first, last):
        v = h[ALPHA] * s[i] - h[RATE] * _gradient(g[i], w[i], h, d[DECAY])
        s[i] = v
        w[i] += v


@kernel
def nesterov(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """s = a s - rate * g; w += a s - rate * g (Sutskever et al. 2013, in Keras' form)."""
    d = arguments(row)
    w, g, s = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), array(real, d[S], d[SIZE])
    h = floats(d[HYPER], HYPERS)
    first, last = _share(d, unit)
    for i in range(first, last):
        step = h[RATE] * _gradient(g[i], w[i], h, d[DECAY])
        v = h[ALPHA] * s[i] - step
        s[i] = v
        w[i] += h[ALPHA] * v - step


@njit
def _adam(w, g, s, m, h):  # type: ignore[no-untyped-def]  # Numba
    """Return (new first moment, new second moment, step)."""
    first = h[ALPHA] * s + (1 - h[ALPHA]) * g
    second = h[BETA] * m + (1 - h[BETA]) * g * g
    return first, second, h[RATE] * (first / h[CORRECT_A]) / (math.sqrt(second / h[CORRECT_B]) + h[EPSILON])


@kernel
def adam(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Adam (Kingma and Ba 2015); weight decay as an L2 penalty."""
    d = arguments(row)
    w, g, h = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), floats(d[HYPER], HYPERS)
    s, m = array(real, d[S], d[SIZE]), array(real, d[M], d[SIZE])
    begin, end = _share(d, unit)
    for i in range(begin, end):
        first, second, step = _adam(w[i], _gradient(g[i], w[i], h, d[DECAY]), s[i], m[i], h)
        s[i], m[i] = first, second
        w[i] -= step


@kernel
def adamw(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """AdamW (Loshchilov and Hutter 2019): the weights decay apart from the gradient."""
    d = arguments(row)
    w, g, h = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), floats(d[HYPER], HYPERS)
    s, m = array(real, d[S], d[SIZE]), array(real, d[M], d[SIZE])
    begin, end = _share(d, unit)
    for i in range(begin, end):
        first, second, step = _adam(w[i], g[i] * h[FACTOR], s[i], m[i], h)
        s[i], m[i] = first, second
        shrink = 1 - h[RATE] * h[WEIGHT_DECAY] if d[DECAY] else 1.0
        w[i] = w[i] * shrink - step


@kernel
def rmsprop(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """s = a s + (1 - a) g^2; w -= rate * g / (sqrt(s) + epsilon) (Hinton 2012)."""
    d = arguments(row)
    w, g, s = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), array(real, d[S], d[SIZE])
    h = floats(d[HYPER], HYPERS)
    first, last = _share(d, unit)
    for i in range(first, last):
        here = _gradient(g[i], w[i], h, d[DECAY])
        v = h[ALPHA] * s[i] + (1 - h[ALPHA]) * here * here
        s[i] = v
        w[i] -= h[RATE] * here / (math.sqrt(v) + h[EPSILON])


@kernel
def adagrad(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """s += g^2; w -= rate * g / (sqrt(s) + epsilon) (Duchi et al. 2011)."""
    d = arguments(row)
    w, g, s = array(real, d[W], d[SIZE]), array(real, d[G], d[SIZE]), array(real, d[S], d[SIZE])
    h = floats(d[HYPER], HYPERS)
    first, last = _share(d, unit)
    for i in range(first, last):
        here = _gradient(g[i], w[i], h, d[DECAY])
        v = s[i] + here * here
        s[i] = v
        w[i] -= h[RATE] * here / (math.sqrt(v) + h[EPSILON])


@kernel
def squares(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """part[unit] = sum of this slice's squared gradients, in float64."""
    d = arguments(row)
    g, total = array(real, d[G], d[SIZE]), 0.0
    first, last = _share(d, unit)
    for i in range(first, last):
        total += float(g[i]) * float(g[i])
    floats(d[PART], d[SLICES])[unit] = total


@kernel
def clip(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """FACTOR *= min(1, limit / norm), norm being that of all scaled gradients together. One unit."""
    d = arguments(row)
    part, h, total = floats(d[PART], d[SIZE]), floats(d[HYPER], HYPERS), 0.0
    for i in range(d[SIZE]):
        total += part[i]
    norm, limit = math.sqrt(total) * abs(h[FACTOR]), floats(d[LIMIT], 1)[0]
    if norm > limit:
        h[FACTOR] *= limit / norm


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
