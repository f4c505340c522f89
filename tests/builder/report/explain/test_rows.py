"""Looking into networks along rows, into transposed convolutions, and at answers that are images."""

from __future__ import annotations

import json

import numpy as np
import pytest

import builder
from builder.report.explain import look, pictures
from builder.report.explain.excite import most_exciting
from builder.report.explain.filters import apply_filter, convolution, filters
from builder.report.explain.gradcam import grad_cam
from builder.report.explain.maps import feature_maps, last_maps, map_layers
from builder.report.explain.occlusion import occlusion
from builder.report.explain.probe import grid, values
from builder.report.explain.receptive import box, receptive_fields

RNG = np.random.default_rng(0)
ALONG = [
    {"type": "Convolution", "name": "first", "out_channels": 4, "kernel_size": 5, "padding": 2},
    {"type": "ReLU", "name": "relu"},
    {"type": "MaxPooling", "name": "pool", "kernel_size": 2},
    {"type": "Convolution", "name": "second", "out_channels": 6, "kernel_size": 3},
    {"type": "ReLU", "name": "last"},
    {"type": "GlobalAveragePooling", "name": "mean"},
    {"type": "Affine", "name": "scores", "out_features": 3},
]
FORMS = {
    "rows": ((2, 20), []),
    "values": ((40,), [{"type": "Reshape", "shape": [2, 20]}]),
    "an image": ((1, 2, 20), [{"type": "Reshape", "shape": [2, 20]}]),
}


@pytest.fixture(params=FORMS)
def along(request, random_network):
    """The same network, whose input is a row, values, or an image that is a row first of all."""
    shape, before = FORMS[request.param]
    return random_network(shape, [*before, *ALONG])


def test_the_input_is_an_image_of_height_one(along, branched, random_network):
    assert grid(along) == (2, 1, 20)
    assert grid(branched) == (2, 6, 5)
    assert grid(random_network((7,), [{"type": "Affine", "out_features": 3}])) is None


def test_filters_along_a_row(along):
    """Applied by hand they give the layer's own values."""
    x = RNG.standard_normal((1, *along.input_shape))
    found, op = filters(along), convolution(along)[1]
    assert found.after.shape == found.before.shape == (4, 2, 1, 5) and (found.change > 0).all()
    own = values(along, x, ["first"])["first"][0]
    for k in range(4):
        answer = apply_filter(x.reshape(2, 1, 20), found.after[k], op.stride, op.padding)
        np.testing.assert_allclose(answer[0] + along.params["first/bias"][k], own[k], rtol=1e-9, atol=1e-12)


def test_maps_and_what_their_values_see(along):
    assert last_maps(along) == "last" and "pool" in map_layers(along)
    assert feature_maps(along, RNG.standard_normal((2, *along.input_shape)), "last").shape == (2, 6, 8)
    assert box(along, "first", 0, 7) == ((0, 0), (5, 9))
    assert box(along, "last", 0, 3)[1] == (3 * 2 - 2, (3 + 2) * 2 + 1 + 2)
    fields = {row["layer"]: row["field"] for row in receptive_fields(along)}
    assert fields["first"] == [1, 5] and fields["last"] == [1, 10] and fields["scores"] is None


def test_a_value_sees_what_its_box_says(along):
    """Changing what lies outside changes nothing; changing what lies inside does."""
    x = RNG.standard_normal((1, *along.input_shape))
    (_, (low, high)) = box(along, "second", 0, 4)
    own = values(along, x, ["second"])["second"][0, :, 4]
    for place in range(20):
        other = x.copy().reshape(2, 20)
        other[:, place] += 3
        changed = values(along, other.reshape(x.shape), ["second"])["second"][0, :, 4]
        if not low <= place <= high:
            np.testing.assert_array_equal(own, changed)
    assert 0 <= low and high < 20


def test_grad_cam_is_the_weighted_sum_of_the_maps(along):
    """The class score is an affine of the means of the last maps, so Grad-CAM's weights are the Affine's own."""
    x = RNG.standard_normal((3, *along.input_shape))
    found = grad_cam(along, x)
    assert found.layer == "last" and found.maps.shape == (3, 1, 8) and found.heat.shape == (3, 1, 20)
    maps = feature_maps(along, x, "last")
    weights = along.params["scores/weight"]
    for k in range(3):
        wanted = np.maximum(weights[:, found.outputs[k]] / 8 @ maps[k], 0)
        np.testing.assert_allclose(found.maps[k, 0], wanted, rtol=1e-9, atol=1e-12)


def test_occlusion_of_a_row(along):
    x = RNG.standard_normal(along.input_shape)
    found = occlusion(along, x, 1, patch=4, stride=2)
    assert found.patch == (1, 4) and found.drop.shape == (1, 9) and found.heat.shape == (1, 20)
    covered = x.copy().reshape(2, 20)
    covered[:, 6:10] = x.reshape(2, 20).mean(axis=1, keepdims=True)
    both = along.predict(np.stack([x, covered.reshape(x.shape)]))[:, 1]
    assert found.drop[0, 3] == pytest.approx(both[0] - both[1])


class Rows:
    """A part of rows in memory."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def read(self, indices):
        return self.x[indices], np.zeros(len(indices), int)


def test_what_excites_a_unit(along):
    x = RNG.standard_normal((30, *along.input_shape))
    best = feature_maps(along, x, "last")
    for row in most_exciting(along, Rows(x), "last", count=2):
        strongest = best[:, row[0].unit].max(axis=1)
        assert row[0].sample == int(strongest.argmax()) and row[0].value == pytest.approx(strongest.max())
        place = int(best[row[0].sample, row[0].unit].argmax())
        assert row[0].position == (0, place) and row[0].box[0] == (0, 0)


def test_a_transposed_convolution_has_a_filter_for_each_input_channel(random_network):
    layers = [
        {"type": "Convolution", "name": "down", "out_channels": 5, "kernel_size": 3, "stride": 2, "padding": 1},
        {"type": "Deconvolution", "name": "up", "out_channels": 2, "kernel_size": 4, "stride": 2, "padding": 1},
        {"type": "SquaredError"},
    ]
    net = random_network((2, 8, 8), layers, "regression")
    found = filters(net, "up")
    assert found.after.shape == (5, 2, 4, 4)
    # One value of one channel paints that channel's filter.
    x = RNG.standard_normal((1, 2, 8, 8))
    small, painted = (values(net, x, [name])[name][0] for name in ("down", "up"))
    wanted = np.zeros((2, 10, 10))
    for c in range(5):
        for i in range(4):
            for j in range(4):
                wanted[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += small[c, i, j] * found.after[c]
    bias = net.params["up/bias"][:, None, None]
    np.testing.assert_allclose(painted, wanted[:, 1:-1, 1:-1] + bias, rtol=1e-9, atol=1e-12)


def test_curves():
    one = pictures.curve(np.array([[0.0, 1.0, np.nan, 0.5]]), 40)
    assert one.shape == (40, 80, 3)
    assert (one == np.array(pictures.LINE)).all(-1).any(0).all()  # a line in every column, also where nothing is
    heated = look.drawn(RNG.standard_normal((3, 1, 16)), 48, RNG.random((1, 16)))
    assert heated.shape == (3 * 40, 96, 3)


DOCUMENTS = {
    "rows": ([{"type": "Reshape", "shape": [1, 64]}, *ALONG[:-1], {"type": "Affine", "out_features": 10}], {}),
    "unet": ("unet", {}),
    "denoising": ("denoising", {}),
    "transposed": ([
        {"type": "Convolution", "out_channels": 4, "kernel_size": 3, "padding": 1, "stride": 2}, {"type": "ReLU"},
        {"type": "Deconvolution", "out_channels": 1, "kernel_size": 4, "stride": 2, "padding": 1, "name": "up"},
        {"type": "SquaredError"},
    ], {"target": "input"}),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_whole_page(tsumiki, name, tmp_path, examples):
    layers, data = DOCUMENTS[name]
    if isinstance(layers, str):
        made = json.loads((examples / f"{layers}.json").read_text())
    else:
        made = {
            "format": 1, "task": "regression" if data else "classification",
            "model": {"input": [1, 8, 8], "layers": layers},
            "data": {"source": {"type": "builtin", "name": "digits"}, **data}, "training": {},
        }  # fmt: skip
    made["training"] |= {"epochs": 1}
    made.pop("expect", None)
    run = builder.train(made, out=tmp_path / "runs")
    layer = ("--layer", "up") if name == "transposed" else ()
    done = tsumiki("explain", run.path, "--out", tmp_path / "look", *layer)
    assert (done.code, done.err) == (0, "")
    written = {path.name for path in (tmp_path / "look").iterdir()}
    assert {"explain.html", "filters_before.png", "filters_after.png", "sample_0_occlusion.png"} <= written
    assert any(name_.startswith("exciting_unit") for name_ in written)
    if name == "rows":
        assert {"sample_0_gradcam.png", "window.png", "im2col.png"} <= written
        assert "7 × 1" not in done.out
    else:
        assert {"sample_0_answer.png"} <= written and "The answer is an image" in done.out
