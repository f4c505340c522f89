"""A convolution and its pooling in use, whose windows lie in register tiles, give what one after the other gives."""

import engine_harness as engine
import numpy as np
import pytest

# (input, convolution, samples): odd sizes whose last row or column no window covers, half vectors, many columns.
CASES = {
    "one channel": ((1, 12, 12), engine.conv(30, 5), 3),
    "half a vector": ((2, 9, 11), engine.conv(6, padding=1), 5),
    "many columns": ((5, 6, 7), engine.conv(70, 3, padding=1, stride=(1, 2)), 2),
    "whole vectors": ((3, 7, 5), engine.conv(48, (1, 2), bias=False), 1),
    "many windows": ((1, 40, 38), engine.conv(17, 3, dilation=2), 2),
}


def pooled(case, dtype, threads=1, value=None):
    """Return the network's value, and the twins'."""
    shape, layer, samples = CASES[case]
    act, spoilt = engine.layers("ReLU", "MaxPooling"), None if value is None else ((0, 0, 2, 2), value)
    found, y, kernels = engine.convolved(shape, layer, act, samples, dtype, threads, seed=3, spoilt=spoilt)
    assert "convolution_largest" in kernels
    y = np.maximum(y, 0)
    n, c, h, w = y.shape
    windows = y[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2)
    return found, windows.max((3, 5))


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    monkeypatch.setattr("builder.compile.rules.winograd.possible", lambda op: False)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_the_largest_of_each_window_is_what_the_twins_give(case, dtype):
    found, wanted = pooled(case, dtype)
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_gives_the_same_bits(case, monkeypatch):
    monkeypatch.setattr("builder.compile.program.ALONE", 0)
    assert len({pooled(case, "float32", threads)[0].tobytes() for threads in (1, 2, 3)}) == 1


def test_not_a_number_is_the_largest_wherever_it_lies():
    found, wanted = pooled("half a vector", "float32", value=np.nan)
    assert np.isnan(wanted).any()
    np.testing.assert_array_equal(np.isnan(found).reshape(wanted.shape), np.isnan(wanted))


def test_training_keeps_the_winners():
    shape, layer, samples = CASES["one channel"]
    _, made = engine.program(shape, [layer, *engine.layers("ReLU", "MaxPooling"), *engine.SQUARED], samples)
    assert "convolution_largest" not in made.binder.names
