"""Random numbers that depend on what they are for, not on when they are drawn.

SplitMix64's mixing function (Steele, Lea and Flood 2014) hashes (seed, epoch, sample, use) to 64 bits, so a sample's
augmentation needs no state, is the same in every batch, thread and process, and after a resume.
"""

from __future__ import annotations

import numpy as np


def mix(*parts: np.ndarray | np.uint64 | int) -> np.ndarray:
    """Return 64-bit hashes of the parts, broadcast against each other.

    >>> mix(1, np.arange(2)).dtype, bool(mix(1, 2) == mix(2, 1))
    (dtype('uint64'), False)
    """
    state = np.zeros(1, dtype=np.uint64)  # an array, since NumPy warns of wrap-around in scalars only
    for part in parts:
        word = np.atleast_1d(np.asarray(part)).astype(np.uint64)
        z = (state ^ word) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = z ^ (z >> np.uint64(31))
    return state


def uniform(*parts: np.ndarray | np.uint64 | int) -> np.ndarray:
    """Return numbers in [0, 1) as float64, from the upper 53 bits of `mix`."""
    return (mix(*parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(n: int, *parts: int) -> np.ndarray:
    """Return an order of range(n) that depends on the parts alone, int64."""
    return np.argsort(mix(*parts, np.arange(n)), kind="stable")
