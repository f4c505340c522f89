"""Worked examples of the mission's documents, computed by networks through the public API."""

from typing import Any

import numpy as np
import pytest

import builder


def network(shape: list[int], *layers: dict[str, Any], task: str = "regression", **options: Any) -> Any:
    """Compile a stack whose prediction is the value of its last layer."""
    loss = {"regression": ["SquaredError"], "classification": ["CategoricalCrossEntropy"]}[task]
    stack = [*layers, *({"type": kind} for kind in loss)]
    return builder.compile({"format": 1, "task": task, "model": {"input": shape, "layers": stack}}, seed=0, **options)


def convolution(filters: int, size: int, **fields: Any) -> dict[str, Any]:
    return {"type": "Convolution", "out_channels": filters, "kernel_size": size, **fields}


@pytest.mark.parametrize(
    ("size", "fields", "expected"),
    [(4, {}, 2), (4, {"padding": 1}, 4), (7, {"stride": 2}, 3)],
    ids=["plain", "padded", "strided"],
)
def test_fact_1_output_size(size, fields, expected):
    net = network([1, size, size], convolution(1, 3, **fields))
    x = np.arange(size * size, dtype=float).reshape(1, 1, size, size)
    net.params["Convolution_1/weight"] = np.ones((1, 1, 3, 3))
    y = net.predict(x)
    assert y.shape == (1, 1, expected, expected)
    # With a filter of ones each value is the sum of its window.
    padded = np.pad(x[0, 0], fields.get("padding", 0))
    step = fields.get("stride", 1)
    sums = [
        [padded[i * step : i * step + 3, j * step : j * step + 3].sum() for j in range(expected)]
        for i in range(expected)
    ]
    np.testing.assert_allclose(y[0, 0], sums, rtol=1e-6)


@pytest.mark.parametrize("filter_size", [1, 3, 5, 7])
@pytest.mark.parametrize("size", [7, 8])
def test_fact_4_half_the_filter_as_padding_keeps_the_size(filter_size, size):
    net = network([2, size, size], convolution(3, filter_size, padding=filter_size // 2))
    x = np.random.default_rng(0).standard_normal((2, 2, size, size))
    assert net.predict(x).shape == (2, 3, size, size)
    same = network([2, size, size], convolution(3, filter_size, padding="same"))
    same.params["Convolution_1/weight"] = net.params["Convolution_1/weight"]
    np.testing.assert_array_equal(same.predict(x), net.predict(x))


def test_fact_6_a_shift_by_one_pixel_leaves_most_of_a_pooled_one_unchanged():
    image = np.zeros((28, 28))
    image[4:24, 12:16] = 1  # an upright stroke, as in a handwritten 1
    shifted = np.roll(image, 1, axis=1)
    net = network([1, 28, 28], {"type": "MaxPooling", "kernel_size": 4, "stride": 2})
    assert len(net.params) == 0
    before, after = (net.predict(x[None, None]) for x in (image, shifted))
    assert before.shape == (1, 1, 13, 13)
    assert (before == after).mean() > 0.9
    touched = (image != shifted).any(axis=0)
    assert touched.sum() == 2


PICTURE = [
    [10, 12, 11, 4, 15, 14],
    [9, 6, 8, 1, 17, 12],
    [7, 5, 3, 1, 20, 5],
    [2, 3, 1, 1, 4, 0],
    [5, 4, 2, 2, 5, 6],
    [6, 8, 3, 2, 3, 3],
]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("MaxPooling", [[12, 20], [8, 6]]), ("AveragePooling", [[71 / 9, 89 / 9], [34 / 9, 26 / 9]])],
)
def test_fact_7_pooling_of_a_6_by_6_picture(kind, expected):
    net = network([1, 6, 6], {"type": kind, "kernel_size": 3, "stride": 3})
    np.testing.assert_allclose(net.predict(np.array([[PICTURE]], float))[0, 0], expected, rtol=1e-6)


def test_fact_11_the_article_s_network_runs():
    stage = [{"type": "BatchNormalization"}, {"type": "ReLU"}, {"type": "MaxPooling"}]
    net = network(
        [1, 100, 248], convolution(16, 3, padding=1), *stage, convolution(32, 3, padding=1), *stage,
        {"type": "Affine", "out_features": 73}, {"type": "Softmax"}, task="classification",
    )  # fmt: skip
    assert net.params["Affine_1/weight"].shape == (49_600, 73)
    assert net.params["Affine_1/weight"].size == 3_620_800
    assert net.params["Affine_1/bias"].shape == (73,)
    assert net.params["Convolution_1/weight"].shape == (16, 1, 3, 3)
    assert net.params["Convolution_1/weight"][0].size == 9, "a 3×3 kernel on one channel shares 9 weights"
    x, t = np.random.default_rng(0).standard_normal((3, 1, 100, 248)), [0, 72, 5]
    p = net.predict(x)
    assert p.shape == (3, 73)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    assert net.gradient(x, t)["Affine_1/weight"].shape == (49_600, 73)


@pytest.fixture(scope="module")
def simple_conv_net():
    """SimpleConvNet: convolution, ReLU, pooling, Affine, ReLU, Affine, softmax with loss."""
    small = {"weight_initializer": {"type": "gaussian", "std": 0.01}}
    return network(
        [1, 28, 28],
        {**convolution(30, 5, padding=0, stride=1), **small}, {"type": "ReLU"}, {"type": "MaxPooling"},
        {"type": "Affine", "out_features": 100, **small}, {"type": "ReLU"},
        {"type": "Affine", "out_features": 10, **small}, {"type": "Softmax"}, task="classification", dtype="float64",
    )  # fmt: skip


def test_fact_13_simple_conv_net_has_the_book_s_parameters(simple_conv_net):
    shapes = {key: simple_conv_net.params[key].shape for key in simple_conv_net.params}
    assert shapes == {
        "Convolution_1/weight": (30, 1, 5, 5), "Convolution_1/bias": (30,),
        "Affine_1/weight": (4320, 100), "Affine_1/bias": (100,),
        "Affine_2/weight": (100, 10), "Affine_2/bias": (10,),
    }  # fmt: skip
    for key in shapes:
        values = simple_conv_net.params[key]
        assert values.std() == pytest.approx(0.01, rel=0.15) if key.endswith("weight") else not values.any()


def test_fact_13_simple_conv_net_predicts_and_is_judged(simple_conv_net):
    net, rng = simple_conv_net, np.random.default_rng(1)
    x, t = rng.random((10, 1, 28, 28)), rng.integers(0, 10, 10)
    # Small weights say nothing yet: every class has about the same probability, and the loss is log 10.
    np.testing.assert_allclose(net.predict(x), 0.1, atol=0.01)
    assert net.loss(x, t) == pytest.approx(np.log(10), abs=0.02)
    assert net.accuracy(x, t) == (net.predict(x).argmax(1) == t).mean()


def test_fact_13_simple_conv_net_s_gradient_is_the_numeric_one(simple_conv_net):
    net, rng = simple_conv_net, np.random.default_rng(1)
    x, t = rng.random((4, 1, 28, 28)), rng.integers(0, 10, 4)
    found = net.gradient(x, t)
    assert found.keys() == net.params.keys()
    for key, gradient in found.items():
        values = net.params[key]
        for i in rng.choice(values.size, 2, replace=False):
            slopes = []
            for step in (1e-4, -1e-4):
                changed = values.copy()
                changed.reshape(-1)[i] += step
                net.params[key] = changed
                slopes.append(net.loss(x, t) / 2e-4)
            net.params[key] = values
            assert gradient.reshape(-1)[i] == pytest.approx(slopes[0] - slopes[1], rel=1e-3, abs=1e-5)
