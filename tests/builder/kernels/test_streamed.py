"""Convolution of few pixels, whose weights come from memory once, gives what its twin gives."""

import engine_harness as engine
import numpy as np
import pytest

from builder.compile.rules import streamed

# (input, convolution, samples): from one pixel to several blocks of them, one to several column tiles.
CASES = {
    "one pixel": ((70, 3, 3), engine.conv(150), 1),
    "pixels as few samples": ((17, 2, 2), engine.conv(130, padding=1), 1),
    "fewer than a tile": ((33, 3, 3), engine.conv(50, padding=1), 1),
    "two samples": ((40, 4, 4), engine.conv(96, padding=1, bias=False), 2),
    "stride and dilation": ((21, 11, 9), engine.conv(37, stride=(2, 1), dilation=(1, 2), padding=2), 3),
    "pixels in two units": ((7, 14, 14), engine.conv(5, 5, padding=2), 1),
    "rows longer than a run": ((131, 5, 4), engine.conv(49, (2, 3)), 1),
}


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(streamed, "MANY", 0)
    monkeypatch.setattr("builder.compile.rules.winograd.possible", lambda op: False)


def convolved(case, dtype, threads=1, relu=True, value=None):
    """Return the network's value, and the twin's."""
    shape, layer, samples = CASES[case]
    act, spoilt = engine.layers("ReLU") if relu else [], None if value is None else ((0, 0, 1, 1), value)
    found, y, kernels = engine.convolved(shape, layer, act, samples, dtype, threads, seed=5, spoilt=spoilt)
    assert {"large_forward", "affine_few"} & kernels
    return found, np.maximum(y, 0) if relu else y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_few_pixels_are_convolved_as_the_twin_does(case, dtype):
    found, wanted = convolved(case, dtype)
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_any_number_of_threads_gives_the_same_bits(case, monkeypatch):
    monkeypatch.setattr("builder.compile.program.ALONE", 0)
    assert len({convolved(case, "float32", threads)[0].tobytes() for threads in (1, 2, 3)}) == 1


@pytest.mark.parametrize("case", ["pixels as few samples", "two samples"])
def test_not_a_number_reaches_what_reads_it(case):
    found, wanted = convolved(case, "float32", relu=False, value=np.nan)
    assert np.isnan(found).any()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted).reshape(found.shape))


def test_training_keeps_the_form_that_gives_sums():
    shape, layer, samples = CASES["two samples"]
    _, made = engine.program(shape, [layer, *engine.layers("BatchNormalization"), *engine.SQUARED], samples)
    assert "large_forward" not in made.binder.names


def test_pixels_of_a_unit_fill_whole_tiles():
    net = engine.network((7, 14, 14), [engine.conv(5, 5, padding=2), *engine.SQUARED])
    made = net.program(1, "predict")
    _, units, fields = next(s[1:] for s in made.binder.stated if s[1] == "large_forward")
    assert (units, fields["BLOCK"] % 24) == (2 * fields["NTILES"], 0)
