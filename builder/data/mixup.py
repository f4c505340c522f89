"""Mixup (Zhang et al. 2018): each sample of a batch with another, in shares that (seed, epoch, batch) alone decide."""

from __future__ import annotations

import math

import numpy as np

from builder.targets import Mixed

from .random import permutation, uniform

MIXUP = 0x6D69787570
"""Keeps these random numbers apart from those of order and augmentation."""

_SHARE, _PARTNERS = 0, 1


def mixed(x: np.ndarray, t: np.ndarray, alpha: float, seed: int, epoch: int, batch: int) -> tuple[np.ndarray, Mixed]:
    """Return a batch (n, ...) mixed with itself in another order, and both targets with the share of the first."""
    share = beta(alpha, MIXUP, seed, epoch, batch, _SHARE)
    partners = permutation(len(x), MIXUP, seed, epoch, batch, _PARTNERS)
    both = np.float32(share) * x + np.float32(1 - share) * x[partners]
    return both.astype(x.dtype, copy=False), Mixed(t, t[partners], share)


def beta(alpha: float, *key: int) -> float:
    """Return a number between 0 and 1 from the Beta(alpha, alpha) distribution, which the key alone decides."""
    apart = _log_gamma_draw(alpha, *key, 1) - _log_gamma_draw(alpha, *key, 0)
    return 1 / (1 + math.exp(apart)) if apart < 700 else 0.0


def _log_gamma_draw(alpha: float, *key: int) -> float:
    """Return the logarithm of a number from the Gamma(alpha) distribution.

    Marsaglia and Tsang 2000. Below 1 it is a draw of alpha + 1 times U^(1 / alpha), whose logarithm never underflows.
    """
    shape, boost = alpha, 0.0
    if alpha < 1:
        shape, boost = alpha + 1, math.log(1 - _draw(*key, 0)) / alpha
    d = shape - 1 / 3
    for turn in range(1, 1000):
        u, angle, keep = (1 - _draw(*key, turn, use) for use in range(3))
        normal = math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * angle)
        v = (1 + normal / math.sqrt(9 * d)) ** 3
        if v > 0 and math.log(keep) < normal * normal / 2 + d * (1 - v + math.log(v)):
            return math.log(d * v) + boost
    raise AssertionError("each turn is accepted with a probability above 0.95")


def _draw(*key: int) -> float:
    return float(uniform(*key)[0])
