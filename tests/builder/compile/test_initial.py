"""First values are the distribution's own stream, in pieces or at once, and the same in float32 but for rounding."""

import hashlib
import math
from typing import Any

import numpy as np
import pytest

from builder.compile.initial import PIECE, draw
from schemas import initialisers as init, ops

SHAPE = (3, PIECE // 2 + 5)
FAN_IN, FAN_OUT = 40, 60


def parameter(how: Any) -> ops.Parameter:
    return ops.Parameter("w", SHAPE, how, fan=(FAN_IN, FAN_OUT))


def source(key: str, seed: int) -> np.random.Generator:
    number = int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:16], "little")
    return np.random.Generator(np.random.PCG64(number))


@pytest.mark.parametrize(
    ("how", "scale"),
    [
        (init.Gaussian(std=0.3), 0.3),
        (init.HeNormal(), math.sqrt(2 / FAN_IN)),
        (init.GlorotNormal(), math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ],
)
def test_normal_values(how: Any, scale: float) -> None:
    expected = source("a/w", 5).standard_normal(SHAPE) * scale
    np.testing.assert_array_equal(expected, draw(parameter(how), "a/w", 5))
    np.testing.assert_array_equal(expected.astype("float32"), draw(parameter(how), "a/w", 5, "float32"))


@pytest.mark.parametrize(
    ("how", "limit"),
    [(init.HeUniform(), math.sqrt(6 / FAN_IN)), (init.GlorotUniform(), math.sqrt(6 / (FAN_IN + FAN_OUT)))],
)
def test_uniform_values(how: Any, limit: float) -> None:
    expected = source("a/w", 5).uniform(-limit, limit, SHAPE)
    np.testing.assert_array_equal(expected, draw(parameter(how), "a/w", 5))


def test_values_that_are_not_drawn() -> None:
    assert not draw(parameter(init.Zeros()), "a/w", 5).any()
    assert (draw(parameter(init.Constant(value=0.5)), "a/w", 5) == 0.5).all()
