"""Where the network looks: Grad-CAM, occlusion, exciting inputs, receptive fields."""

import numpy as np
import pytest

from builder.report.explain.excite import most_exciting
from builder.report.explain.gradcam import enlarge, grad_cam
from builder.report.explain.maps import feature_maps
from builder.report.explain.occlusion import occlusion
from builder.report.explain.receptive import box, inside, receptive_fields
from schemas.errors import UsageError

CAM = [
    {"type": "Convolution", "name": "c", "out_channels": 5, "padding": 1},
    {"type": "GlobalAveragePooling"},
    {"type": "Affine", "name": "a", "out_features": 3},
]
BINARY = [*CAM[:2], {"type": "Affine", "name": "a", "out_features": 1}]
DEEP = [
    {"type": "Convolution", "name": "c1", "out_channels": 2, "kernel_size": 3, "padding": 1},
    {"type": "ReLU", "name": "r"},
    {"type": "AveragePooling", "name": "p"},
    {"type": "Convolution", "name": "c2", "out_channels": 2, "kernel_size": 3, "dilation": 2},
    {"type": "Convolution", "name": "c3", "out_channels": 2, "kernel_size": 1},
    {"type": "Add", "name": "sum", "inputs": ["c2", "c3"]},
    {"type": "Affine", "name": "a", "out_features": 2},
]


class Samples:
    """A part of data."""

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def read(self, indices):
        return self.x[indices], None


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).standard_normal((4, 2, 6, 7))


def test_grad_cam_of_average_pooling_is_the_class_activation_map(make, x) -> None:
    """Behind a global average and one Affine the gradient is its weight by the pixels: CAM (Zhou et al. 2016)."""
    net = make((2, 6, 7), CAM)
    found = grad_cam(net, x, [0, 1, 2, 0])
    maps, weight = feature_maps(net, x, "c"), net.params["a/weight"]
    for i, k in enumerate([0, 1, 2, 0]):
        expected = np.maximum(np.einsum("c,chw->hw", weight[:, k] / 42, maps[i]), 0)
        np.testing.assert_allclose(found.maps[i], expected, rtol=1e-5, atol=1e-9)
    assert ("c", (4, 6, 7), (4, 6, 7)) == (found.layer, found.maps.shape, found.heat.shape)
    np.testing.assert_array_equal(grad_cam(net, x).outputs, net.predict(x).argmax(axis=1))


def test_grad_cam_of_one_output_explains_either_class(make, x) -> None:
    net = make((2, 6, 7), BINARY, "binary")
    one, zero = grad_cam(net, x, [1] * 4), grad_cam(net, x, [0] * 4)
    weighted = np.einsum("c,nchw->nhw", net.params["a/weight"][:, 0] / 42, feature_maps(net, x, "c"))
    np.testing.assert_allclose(one.maps - zero.maps, weighted, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(grad_cam(net, x).outputs, (net.predict(x)[:, 0] >= 0.5).astype(int))


def test_grad_cam_says_what_it_needs(make, x) -> None:
    net = make((2, 6, 7), CAM)
    for call, text in (
        (lambda: grad_cam(net, x, layer="a"), "'a' gives 3: try 'c'"),
        (lambda: grad_cam(net, x, layer="d"), "no layer 'd'"),
        (lambda: grad_cam(net, x, [0, 1, 2, 3]), "from 0 to 2"),
        (lambda: grad_cam(make((4,), [{"type": "Affine", "out_features": 2}]), np.zeros((1, 4))), "needs images"),
    ):
        with pytest.raises(UsageError, match=text):
            call()


def test_maps_are_enlarged_evenly() -> None:
    plane = np.add.outer(np.arange(3.0), 2 * np.arange(4.0))
    np.testing.assert_array_equal(plane, enlarge(plane, (3, 4)))
    large = enlarge(plane, (9, 12))
    np.testing.assert_allclose(large[1::3, 1::3], plane)
    assert (plane.min(), plane.max()) == (large.min(), large.max())


def test_occlusion_equals_covering_by_hand(make, x) -> None:
    net = make((2, 6, 7), CAM)
    found = occlusion(net, x[0], 2, patch=2, stride=2, fill=0.5)
    assert ((3, 4), (6, 7)) == (found.drop.shape, found.heat.shape)  # the last column of patches ends at the edge
    whole = net.predict(x[:1])[0, 2]
    assert whole == pytest.approx(found.probability)
    for i, top in enumerate((0, 2, 4)):
        for j, left in enumerate((0, 2, 4, 5)):
            covered = x[:1].copy()
            covered[:, :, top : top + 2, left : left + 2] = 0.5
            assert whole - net.predict(covered)[0, 2] == pytest.approx(found.drop[i, j], abs=1e-12)
    assert found.heat[0, 5] == pytest.approx((found.drop[0, 2] + found.drop[0, 3]) / 2)


def test_occlusion_finds_the_pixel_that_matters(make) -> None:
    net = make((1, 8, 8), [{"type": "Affine", "name": "a", "out_features": 1}], "binary")
    weight = np.zeros((64, 1))
    weight[3 * 8 + 5] = 4
    net.params["a/weight"], net.params["a/bias"] = weight, [0]
    sample = np.zeros((1, 8, 8))
    sample[0, 3, 5] = 1
    found = occlusion(net, sample, patch=1)
    assert (3, 5) == np.unravel_index(found.heat.argmax(), (8, 8))
    assert occlusion(net, sample, 0, patch=1).drop.min() < 0


def test_occlusion_says_what_it_needs(make, x) -> None:
    net = make((2, 6, 7), CAM)
    for call, text in (
        (lambda: occlusion(net, x), "one sample"),
        (lambda: occlusion(net, x[0], patch=7), "1 to 6"),
        (lambda: occlusion(net, x[0], 3), "from 0 to 2"),
        (lambda: occlusion(make((1, 200, 200), CAM), np.zeros((1, 200, 200)), patch=1), "too many"),
    ):
        with pytest.raises(UsageError, match=text):
            call()


def test_exciting_inputs_equal_a_search_by_hand(make) -> None:
    net = make((2, 6, 7), CAM)
    x = np.random.default_rng(3).standard_normal((300, 2, 6, 7))
    found = most_exciting(net, Samples(x), "c", [4, 0], count=3)
    maps = feature_maps(net, x, "c")
    for row, unit in zip(found, (4, 0), strict=True):
        best = maps[:, unit].reshape(300, -1).max(axis=1)
        assert np.argsort(-best)[:3].tolist() == [e.sample for e in row]
        for e in row:
            assert maps[e.sample, unit][e.position] == e.value
            (a, b), (c, d) = e.box
            assert a <= e.position[0] <= b
            assert c <= e.position[1] <= d
    assert all(e.sample < 10 for row in most_exciting(net, Samples(x), "c", limit=10) for e in row)
    assert 3 == len(most_exciting(net, Samples(x), "a", count=2))
    assert most_exciting(net, Samples(x), "a")[0][0].box is None
    for units, count, text in (([5], 1, "0 to 4"), ([0], 0, "count")):
        with pytest.raises(UsageError, match=text):
            most_exciting(net, Samples(x), "c", units, count)


@pytest.mark.parametrize("layer", ["c1", "r", "p", "c2", "c3", "sum"])
def test_a_receptive_field_is_what_changes_a_value(make, layer) -> None:
    stack = [dict(item) for item in DEEP]
    stack[4]["inputs"], stack[4]["padding"], stack[4]["stride"] = ["c2"], 0, 1
    net = make((1, 16, 14), stack)
    rng = np.random.default_rng(0)
    x = np.abs(rng.standard_normal((1, 1, 16, 14))) + 5
    net.params["c1/weight"] = np.abs(net.params["c1/weight"])  # no ReLU is off, so that each pixel has an effect
    size = feature_maps(net, x, layer).shape[2:]
    for place in ((0, 0), (size[0] // 2, size[1] // 2), (size[0] - 1, size[1] - 1)):
        still = feature_maps(net, x, layer)[0, :, place[0], place[1]]
        moved = np.repeat(x, 16 * 14, axis=0)
        moved.reshape(224, -1)[np.arange(224), np.arange(224)] += 1
        acts = (feature_maps(net, moved, layer)[:, :, place[0], place[1]] != still).any(axis=1).reshape(16, 14)
        (a, b), (c, d) = inside(box(net, layer, *place), (16, 14))
        rows, columns = np.flatnonzero(acts.any(axis=1)), np.flatnonzero(acts.any(axis=0))
        assert (a, b, c, d) == (rows[0], rows[-1], columns[0], columns[-1])
    known = {row["layer"]: row["field"] for row in receptive_fields(net)}
    (a, b), (c, d) = box(net, layer)
    assert [b - a + 1, d - c + 1] == known[layer]


PAINTED = [
    {"type": "Convolution", "name": "c", "out_channels": 3, "stride": 2, "padding": 1},
    {"type": "Unpooling", "name": "u", "kernel_size": [2, 1]},
    {"type": "Deconvolution", "name": "d", "out_channels": 2, "kernel_size": [3, 4], "stride": [1, 2], "padding": 1},
    {"type": "Upsample", "name": "b", "mode": "bilinear"},
    {"type": "LRN", "name": "l"},
    {"type": "Affine", "out_features": 1},
]


@pytest.mark.parametrize("layer", ["u", "d", "b", "l"])
def test_a_receptive_field_through_a_larger_image_is_what_changes_a_value(make, layer) -> None:
    net = make((1, 12, 10), PAINTED, "regression")
    x = np.abs(np.random.default_rng(0).standard_normal((1, 1, 12, 10))) + 1
    for key in ("c/weight", "d/weight"):
        net.params[key] = np.abs(net.params[key])  # no effect cancels another
    size = feature_maps(net, x, layer).shape[2:]
    moved = np.repeat(x, 120, axis=0)
    moved.reshape(120, -1)[np.arange(120), np.arange(120)] += 1
    changed = np.abs(feature_maps(net, moved, layer) - feature_maps(net, x, layer)).max(axis=1) > 1e-9
    for place in ((0, 0), (size[0] // 2, size[1] // 2), (size[0] - 1, size[1] - 1)):
        acts = changed[:, place[0], place[1]].reshape(12, 10)
        rows, columns = np.flatnonzero(acts.any(axis=1)), np.flatnonzero(acts.any(axis=0))
        expected = ((rows[0], rows[-1]), (columns[0], columns[-1]))
        assert expected == inside(box(net, layer, *place), (12, 10))


def test_receptive_fields_behind_an_affine_are_everything(make) -> None:
    net = make((2, 6, 7), CAM)
    assert ((0, 5), (0, 6)) == box(net, "a")
    assert receptive_fields(net)[-1]["field"] is None
    with pytest.raises(UsageError, match="positions"):
        box(net, "c", 6, 0)
    with pytest.raises(UsageError, match="needs images"):
        receptive_fields(make((4,), [{"type": "Affine", "out_features": 2}]))
