"""im2col: its shape, its rows, its use, its price."""

import numpy as np
import pytest

from builder.compile.lower import lower
from builder.compile.plan import plan
from builder.report.explain.maps import feature_maps
from builder.report.explain.unfold import Window, im2col, memory, window_of
from schemas.errors import UsageError


def test_the_shapes_of_the_book() -> None:
    x = np.random.default_rng(0).standard_normal((10, 3, 7, 7))
    assert (9, 75) == im2col(x[:1], 5).shape
    assert (90, 75) == im2col(x, 5, 1, 0).shape
    assert {"shape": (90, 75), "input": 5880, "matrix": 27000, "direct": 0} == {
        k: v for k, v in memory(x.shape, 5).items() if k != "factor"
    }


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 0), ((2, 3), (2, 1), 1), (5, 2, ((1, 2), (2, 1)))])
def test_every_row_is_its_window(kernel, stride, padding) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    matrix = im2col(x, kernel, stride, padding)
    fh, fw = (kernel, kernel) if isinstance(kernel, int) else kernel
    for row in range(len(matrix)):
        place = window_of(row, x.shape, kernel, stride, padding)
        padded = np.pad(x[place.sample], ((0, 0), (9, 9), (9, 9)))
        window = padded[:, place.top + 9 : place.top + 9 + fh, place.left + 9 : place.left + 9 + fw]
        np.testing.assert_array_equal(window.reshape(-1), matrix[row])


def test_matrix_times_filters_is_the_convolution(make) -> None:
    layer = {"type": "Convolution", "name": "c", "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1}
    net = make((2, 9, 8), [layer, {"type": "Affine", "out_features": 2}])
    x = np.random.default_rng(0).standard_normal((3, 2, 9, 8))
    product = im2col(x, 3, 2, 1) @ net.params["c/weight"].reshape(4, -1).T + net.params["c/bias"]
    np.testing.assert_allclose(product.reshape(3, 5, 4, 4).transpose(0, 3, 1, 2), feature_maps(net, x, "c"), rtol=1e-10)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(28, 5, 1, 2), (9, 3, 2, 1), (8, 3, 2, 1), (7, 5, 1, 0)]
)
def test_the_direct_kernels_memory_is_what_the_plan_takes(make, size, kernel, stride, padding) -> None:
    layer = {"type": "Convolution", "out_channels": 4, "kernel_size": kernel, "stride": stride, "padding": padding}
    net = make((3, size, size), [layer, {"type": "Affine", "out_features": 2}])
    planned = plan(lower(net.checked), 6, "predict", 4)
    given = planned.emitted.values[id(planned.emitted.graph.input)].bytes
    price = memory((6, 3, size, size), kernel, stride, padding)
    assert given == price["input"] + price["direct"]
    assert price["matrix"] > price["direct"]


def test_mistakes_are_explained() -> None:
    with pytest.raises(UsageError, match="0 to 8"):
        window_of(9, (1, 3, 7, 7), 5)
    with pytest.raises(UsageError, match=r"\(N, C, H, W\)"):
        im2col(np.zeros((3, 7, 7)), 5)
    with pytest.raises(UsageError, match="GiB, 121 times"):
        im2col(np.broadcast_to(np.float32(0), (64, 64, 224, 224)), 11, 1, 5)
    assert Window(1, 0, 0, -1, -1) == window_of(49, (2, 3, 7, 7), 3, 1, 1)
