"""Filters before and after training, and what they look for; histograms and dead units."""

import numpy as np
import pytest

import builder
from builder.report.explain.filters import apply_filter, describe, filters
from builder.report.explain.maps import feature_maps
from builder.report.explain.statistics import dead_units, histogram, layer_statistics
from schemas.errors import UsageError

STACK = [
    {"type": "Convolution", "name": "c", "out_channels": 3, "kernel_size": 3, "padding": 1, "stride": 2},
    {"type": "ReLU", "name": "r"},
    {"type": "Affine", "name": "a", "out_features": 2},
]


def test_the_first_filters_are_those_that_training_began_with(run) -> None:
    opened = builder.Run(run)
    found = filters(opened.network)
    fresh = builder.compile(opened.document)
    np.testing.assert_array_equal(fresh.params["Convolution_1/weight"], found.before)
    np.testing.assert_array_equal(opened.network.params["Convolution_1/weight"], found.after)
    assert ("Convolution_1", (16,)) == (found.layer, found.change.shape)
    assert found.change.min() > 0
    second = filters(opened.network, "Convolution_2")
    np.testing.assert_array_equal(fresh.params["Convolution_2/weight"], second.before)
    with pytest.raises(UsageError, match="'ReLU_1' is no convolution: Convolution_1, Convolution_2 are"):
        filters(opened.network, "ReLU_1")


def test_a_network_without_filters_says_so(make) -> None:
    with pytest.raises(UsageError, match="no convolution"):
        filters(make((4,), [{"type": "Affine", "out_features": 2}]))


@pytest.mark.parametrize(
    ("weight", "name"),
    [
        ([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "vertical edge"),
        ([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], "horizontal edge"),
        ([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], "blob"),
        ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], "brightness"),
        ([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]], "diagonal edge, \\"),
        ([[1, -1, 1], [-1, 1, -1], [1, -1, 1]], "mixed"),
        ([[0, 0], [0, 0]], "empty"),
        ([[np.nan]], "not finite"),
    ],
)
def test_filters_are_called_by_what_they_look_for(weight, name) -> None:
    found, share = describe(np.array(weight, np.float64))
    assert name == found
    assert 0 <= share <= 1 + 1e-12
    if name not in ("mixed", "not finite"):
        assert name == describe(np.stack([-3.0 * np.array(weight)] * 2))[0]


def test_a_filter_on_an_image_is_the_engines_convolution(make) -> None:
    net = make((2, 7, 8), STACK)
    x = np.random.default_rng(0).standard_normal((1, 2, 7, 8))
    maps = feature_maps(net, x, "c")[0]
    for k in range(3):
        answer = apply_filter(x[0], net.params["c/weight"][k], (2, 2), ((1, 1), (1, 1)))
        np.testing.assert_allclose(maps[k] - net.params["c/bias"][k], answer, rtol=1e-9, atol=1e-12)
    for image, weight in (((3, 7, 8), (2, 3, 3)), ((2, 2, 2), (2, 3, 3)), ((7, 8), (3, 3))):
        with pytest.raises(UsageError):
            apply_filter(np.zeros(image), np.zeros(weight))


def test_histograms_of_odd_numbers() -> None:
    found = histogram(np.array([1.0, np.nan, np.inf, 3.0, 0.0]), bins=3)
    assert ([1, 1, 1], 2, 3.0) == (found["counts"].tolist(), found["not_finite"], found["max"])
    assert found["zeros"] == pytest.approx(1 / 3)
    assert 5 == histogram(np.full(5, 7.0))["counts"].sum()
    assert 2 == histogram(np.array([1e30, 1e30 * (1 + 1e-15)]))["counts"].sum()
    empty = histogram(np.array([np.nan]))
    assert (None, 1) == (empty["mean"], empty["not_finite"])


def test_dead_units_give_nothing_for_any_sample(make) -> None:
    net = make((2, 7, 8), STACK)
    net.params["c/bias"] = [0, -1000, 0]
    x = np.random.default_rng(0).standard_normal((9, 2, 7, 8))
    t = np.arange(9) % 2
    rows = {row["layer"]: row for row in layer_statistics(net, x, t)}
    assert ([1], 1 / 3) == (rows["r"]["dead"]["dead"].tolist(), rows["r"]["dead"]["share"])
    assert rows["c"]["dead"] is None
    assert net.params["c/weight"].size + 3 == rows["c"]["weight"]["counts"].sum()
    slope = net.gradient(x, t)
    np.testing.assert_allclose(rows["a"]["gradient"]["max"], max(slope["a/weight"].max(), slope["a/bias"].max()))
    assert rows["r"]["activation"]["zeros"] > 1 / 3
    assert rows["r"]["weight"] is None
    assert layer_statistics(net, x)[0]["gradient"] is None
    assert 1.0 == dead_units(np.zeros((2, 4)))["share"]
