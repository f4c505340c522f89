"""The weights' gradient that copies its pixels, against NumPy: sizes that fill no tile, block, range or partial sum."""

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.compile.rules import near


def gradient(shape, layer, batch, dtype=np.float64, threads=1):
    """Return the kernels' names, the gradient of the weights, and what NumPy gives."""
    names, found, expected = engine.convolution(shape, layer, batch, dtype, threads, seed=batch, exact=True)
    return names, found[2], expected[2]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_shape(data):
    kernel = [data.draw(st.integers(1, 4), "taps") for _ in "hw"]
    groups = data.draw(st.sampled_from([1, 1, 2, 3]), "groups")
    least = -(-near.USES // (kernel[0] * kernel[1]))
    channels = groups * max(near.FEWEST, data.draw(st.integers(least, least + 40), "channels"))
    dilation = data.draw(st.integers(1, 2), "dilation")
    sizes = [data.draw(st.integers((k - 1) * dilation + 1, 14), "size") for k in kernel]
    layer = engine.conv(
        groups * data.draw(st.integers(1, 40), "filters"),
        kernel,
        padding=data.draw(st.integers(0, 2), "padding"),
        stride=data.draw(st.integers(1, 3), "stride"),
        dilation=dilation,
        groups=groups,
    )
    names, found, expected = gradient((channels, *sizes), layer, data.draw(st.integers(1, 9), "batch"))
    assert "near_gradient" in names and "tiles_gradient" not in names
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max())


CASES = {
    "many blocks and partial sums": ((20, 31, 29), engine.conv(17, padding=1), 6),
    "ranges of channels": ((150, 4, 4), engine.conv(300, padding=1), 9),
    "rows of one axis": ((24, 1, 500), engine.conv(9, (1, 3)), 2),
    "few channels left": ((19, 9, 9), engine.conv(34, 2), 5),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chosen_shapes(case, dtype):
    names, found, expected = gradient(*case, dtype)
    assert "near_gradient" in names
    near_by = 1e-12 if dtype == np.float64 else 2e-6
    np.testing.assert_allclose(found, expected, rtol=0, atol=near_by * np.abs(expected).max())
    _, same, _ = gradient(*case, dtype, threads=3)
    assert np.array_equal(found, same), "the same bits with more threads"


def test_pixels_that_are_used_seldom_are_not_copied():
    few, once, long = ((15, 9, 9), 3), ((48, 9, 9), 1), ((16, 3, 1030), 3)
    for shape, kernel in (few, once, long):
        names, _, _ = gradient(shape, engine.conv(8, kernel), 1)
        assert "tiles_gradient" in names and "near_gradient" not in names
