"""The kernel that draws large weights gives NumPy's bits, packed, for any layout and number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import builder
from builder.compile.initial import deviation, draw, seed_of
from builder.compile.layouts import Matrix
from builder.kernels import machine, normals, objects
from schemas import initialisers as init, ops

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, int, int] | None, int]] = {
    "affine with image": ((6 * 5 * 20, 333), (6, 5, 20), 1),
    "one column": ((70_000, 1), (1, 1, 70_000), 1),
    "filters": ((100, 24, 5, 5), None, 1),
    "filters in groups": ((96, 20, 3, 7), None, 4),
}


def packed(shape: tuple[int, ...], source: Any, groups: int, how: Any, key: str) -> tuple[np.ndarray, normals.Job]:
    """Return what NumPy draws, packed, and the job that shall come to the same."""
    layout = Matrix(shape, 16, groups, source)
    parameter = ops.Parameter("w", shape, how, fan=(40, 60))
    expected = np.zeros(layout.size, np.float32)
    layout.pack(draw(parameter, key, 5, np.float32), expected)
    std = deviation(parameter)
    assert std is not None
    return expected, normals.Job(seed_of(key, 5), std, np.zeros(layout.size, np.float32), layout.places())


@pytest.mark.parametrize("how", [init.HeNormal(), init.GlorotNormal(), init.Gaussian(std=0.01)], ids=lambda h: h.type)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_have_the_bits_of_numpy(shape: str, how: Any) -> None:
    expected, job = packed(*SHAPES[shape], how, "a/w")
    normals.draw([job], 1)
    np.testing.assert_array_equal(expected.view(np.int32), job.packed.view(np.int32))


def test_the_tail_is_reached_and_has_the_bits_of_numpy() -> None:
    expected, job = packed((1000, 2000), (1, 1, 1000), 1, init.Gaussian(std=1.0), "tail/w")
    assert np.abs(expected).max() > normals.R + 1
    normals.draw([job], 1)
    np.testing.assert_array_equal(expected.view(np.int32), job.packed.view(np.int32))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_parameters_are_drawn_side_by_side(threads: int) -> None:
    pairs = [packed(*shape, init.HeNormal(), name) for name, shape in SHAPES.items()]
    normals.draw([job for _, job in pairs], threads)
    for expected, job in pairs:
        np.testing.assert_array_equal(expected, job.packed)


NET = {
    "format": 1,
    "task": "classification",
    "model": {
        "input": [8, 9, 7],
        "layers": [
            {"type": "Convolution", "out_channels": 96, "kernel_size": 10, "padding": 5},
            {"type": "ReLU"},
            {"type": "Affine", "out_features": 40},
            {"type": "Softmax"},
            {"type": "CategoricalCrossEntropy"},
        ],
    },
}


def test_a_network_begins_alike_with_and_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    machine.load(["draw_normals"], np.float32)
    drawn: list[int] = []
    plain = normals.draw
    monkeypatch.setattr(normals, "draw", lambda jobs, threads: drawn.append(len(jobs)) or plain(jobs, threads))
    one = builder.compile(NET, seed=3)
    assert [2] == drawn and one.params.missing == ()
    monkeypatch.setattr(objects, "compiled", lambda name, dtype: False)
    other = builder.compile(NET, seed=3)
    assert [2] == drawn and other.params.missing == ("draw_normals",)
    np.testing.assert_array_equal(one.params.packed, other.params.packed)
    assert other.predict(np.zeros((1, 8, 9, 7))).shape == (1, 40)  # its program compiles what was missing


def test_float64_begins_with_the_same_numbers() -> None:
    one, two = builder.compile(NET, seed=3), builder.compile(NET, seed=3, dtype="float64")
    for key, value in one.params.items():
        np.testing.assert_array_equal(value, two.params[key].astype(np.float32))
