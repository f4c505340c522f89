"""The first values of parameters, which depend on the seed and the parameter's name alone."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

from schemas import initialisers as init, ops

PIECE = 1 << 15
"""Values drawn at a time: what is drawn in float64 stays in the second-level cache until it is rounded."""


def draw(parameter: ops.Parameter, key: str, seed: int, dtype: np.dtype | type = np.float64) -> np.ndarray:
    """Return the first values in the public shape.

    They are drawn in float64 and rounded, so networks in float32 and float64 begin alike.
    """
    values = np.empty(parameter.shape, dtype)
    how = parameter.initial
    if isinstance(how, init.Zeros | init.Constant):
        values[...] = 0.0 if isinstance(how, init.Zeros) else how.value
        return values
    some = _source(parameter, np.random.Generator(np.random.PCG64(seed_of(key, seed))))
    flat = values.reshape(-1)
    for start in range(0, flat.size, PIECE):
        part = flat[start : start + PIECE]
        part[:] = some(part.size)
    return values


def seed_of(key: str, seed: int) -> int:
    """Return what the generator of this parameter begins with."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:16], "little")


def deviation(parameter: ops.Parameter) -> float | None:
    """Return the standard deviation of a parameter that begins with normal numbers, None for all others."""
    how, (fan_in, fan_out) = parameter.initial, parameter.fan
    if isinstance(how, init.Gaussian):
        return how.std
    if isinstance(how, init.HeNormal | init.GlorotNormal):
        return math.sqrt(2 / (fan_in if isinstance(how, init.HeNormal) else fan_in + fan_out))
    return None


def _source(parameter: ops.Parameter, random: np.random.Generator) -> Callable[[int], np.ndarray]:
    """Return what draws so many values of the parameter's distribution."""
    how, (fan_in, fan_out) = parameter.initial, parameter.fan
    if isinstance(how, init.HeUniform | init.GlorotUniform):
        limit = math.sqrt(6 / (fan_in if isinstance(how, init.HeUniform) else fan_in + fan_out))
        return lambda count: random.uniform(-limit, limit, count)
    std = deviation(parameter)
    assert std is not None
    return lambda count: random.standard_normal(count) * std
