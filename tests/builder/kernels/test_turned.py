"""The input's gradient whose units turn the weights themselves, against NumPy."""

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.compile.rules import folded, turned


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Take this form for small convolutions too."""
    monkeypatch.setattr(turned, "MANY", 0)
    monkeypatch.setattr(turned, "UNITS", 1)
    monkeypatch.setattr(turned, "BLOCKS", 99)
    monkeypatch.setattr(folded, "better", lambda *_: False)


def gradient(shape, layer, batch, dtype=np.float64, threads=1):
    """Return the kernels' names, the gradient of the input, and what NumPy gives."""
    names, found, expected = engine.convolution(shape, layer, batch, dtype, threads, seed=batch, exact=True)
    return names, found[1], expected[1]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_shape(data):
    kernel = [data.draw(st.integers(1, 4), "taps") for _ in "hw"]
    groups = data.draw(st.sampled_from([1, 1, 2, 3]), "groups")
    dilation = data.draw(st.integers(1, 2), "dilation")
    sizes = [data.draw(st.integers((k - 1) * dilation + 1, 14), "size") for k in kernel]
    layer = engine.conv(
        groups * data.draw(st.integers(2, 40), "filters"),
        kernel,
        padding=data.draw(st.integers(0, 2), "padding"),
        stride=data.draw(st.integers(1, 3), "stride"),
        dilation=dilation,
        groups=groups,
    )
    channels = groups * data.draw(st.integers(13, 60), "channels")
    names, found, expected = gradient((channels, *sizes), layer, data.draw(st.integers(1, 5), "batch"))
    assert "turned_forward" in names and "flip_weights" not in names
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


CASES = {
    "many column tiles and filters": ((200, 4, 4), engine.conv(150, padding=1), 9),
    "phases of a stride": ((70, 9, 7), engine.conv(40, stride=2, padding=1), 6),
    "several blocks": ((60, 13, 17), engine.conv(33, padding=1), 5),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chosen_shapes(case, dtype):
    names, found, expected = gradient(*case, dtype)
    assert "turned_forward" in names
    near_by = 1e-12 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(found, expected, rtol=0, atol=near_by * np.abs(expected).max())
    _, same, _ = gradient(*case, dtype, threads=3)
    assert np.array_equal(found, same), "the same bits with more threads"


def test_the_form_does_not_change_the_bits(monkeypatch):
    case = (70, 5, 6), engine.conv(40, padding=1), 3
    _, found, _ = gradient(*case, np.float32)
    monkeypatch.setattr(turned, "BLOCKS", 0)
    names, same, _ = gradient(*case, np.float32)
    assert "flip_weights" in names and "turned_forward" not in names
    assert np.array_equal(found, same)
