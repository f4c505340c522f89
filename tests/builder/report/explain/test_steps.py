"""Convolution and pooling step by step, against loops and against the engine."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from builder.report.explain.maps import feature_maps
from builder.report.explain.shift import pooled_shift, shifted
from builder.report.explain.steps import convolution_steps, pooling_steps
from schemas.errors import UsageError

SIX = [
    [10, 12, 11, 4, 15, 14],
    [9, 6, 8, 1, 17, 12],
    [7, 5, 3, 1, 20, 5],
    [2, 3, 1, 1, 4, 0],
    [5, 4, 2, 2, 5, 6],
    [6, 8, 3, 2, 3, 3],
]


def test_the_six_by_six_example() -> None:
    found = pooling_steps(SIX, 3)
    assert [[[12, 20], [8, 6]]] == found["output"].tolist()
    assert [(0, 1)] == found["steps"][0]["winner"]
    assert [(2, 4)] == found["steps"][1]["winner"]
    means = pooling_steps(SIX, 3, kind="average")
    expected = np.array(SIX).reshape(2, 3, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(means["output"][0], expected)
    assert (9, [71]) == (means["steps"][0]["count"], means["steps"][0]["sums"].tolist())


def test_a_convolution_shows_every_number() -> None:
    found = convolution_steps([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 0], [0, -1]], bias=10, stride=1)
    assert [[6, 6], [6, 6]] == found["output"].tolist()
    step = found["steps"][3]
    assert (1, 1, 1, 1) == (step["row"], step["column"], step["top"], step["left"])
    assert [[[5, 6], [8, 9]]] == step["window"].tolist()
    assert [[[5, 0], [0, -9]]] == step["products"].tolist()
    assert ([-4], 6) == (step["sums"].tolist(), step["value"])
    assert "OH = (3 + 2·0 − 2)/1 + 1 = 2" == found["size"][0]["formula"]
    assert found["output"].dtype.kind == "i"  # whole numbers are shown as such


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_convolution_equals_loops(data) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    c, h, w, fh, fw, s, p = (
        data.draw(st.integers(*r)) for r in ((1, 3), (3, 7), (3, 7), (1, 3), (1, 3), (1, 3), (0, 2))
    )
    x, k = rng.standard_normal((c, h, w)), rng.standard_normal((c, fh, fw))
    found = convolution_steps(x, k, bias=0.5, stride=s, padding=p)["output"]
    padded = np.pad(x, ((0, 0), (p, p), (p, p)))
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            by_hand = (padded[:, i * s : i * s + fh, j * s : j * s + fw] * k).sum() + 0.5
            assert math.isclose(by_hand, found[i, j], abs_tol=1e-12)


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize(
    "fields",
    [
        {"kernel_size": 2},
        {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0]},
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        {"kernel_size": 3, "stride": 2, "padding": 1, "include_padding": True},
    ],
)
def test_pooling_equals_the_engine(make, kind, fields) -> None:
    if kind == "Max" and "include_padding" in fields:
        fields = {k: v for k, v in fields.items() if k != "include_padding"}
    net = make((2, 7, 6), [{"type": f"{kind}Pooling", "name": "pool", **fields}, {"type": "Affine", "out_features": 2}])
    x = np.random.default_rng(0).standard_normal((1, 2, 7, 6)) - 2  # below zero: padding would win if it counted
    expected = feature_maps(net, x, "pool")[0]
    found = pooling_steps(
        x[0],
        fields["kernel_size"],
        kind=kind.lower(),
        stride=fields.get("stride"),
        padding=fields.get("padding", 0),
        ceil=fields.get("ceil_mode", False),
        include_padding=fields.get("include_padding", False),
    )
    np.testing.assert_allclose(found["output"], expected, rtol=1e-12)
    for step in found["steps"]:
        for c, (row, column) in enumerate(step.get("winner", [])):
            assert x[0, c, row, column] == step["values"][c]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: convolution_steps(np.zeros((2, 4, 4)), np.zeros((3, 3))), "as many channels"),
        (lambda: convolution_steps([[1, 2], [3]], [[1]]), "not a grid"),
        (lambda: convolution_steps([1, 2], [[1]]), r"\(H, W\)"),
        (lambda: convolution_steps(np.zeros((2, 2)), np.zeros((3, 3))), "reaches over 3"),
        (lambda: convolution_steps(np.zeros((500, 500)), [[1]]), "64"),
        (lambda: convolution_steps([[math.nan]], [[1]]), "not finite"),
        (lambda: convolution_steps([[1]], [[1]], bias=math.inf), "bias"),
        (lambda: convolution_steps(np.zeros((64, 64)), np.zeros((32, 32))), "too many"),
        (lambda: pooling_steps(SIX, 2, kind="median"), "median"),
        (lambda: pooling_steps(SIX, 2, padding=2), "smaller than the window"),
        (lambda: shifted(SIX, (6, 0)), "leaves nothing"),
    ],
)
def test_mistakes_are_explained(call, text) -> None:
    with pytest.raises(UsageError, match=text):
        call()


def test_a_shift_by_one_pixel_leaves_most_of_a_pooled_one_unchanged(make) -> None:
    """The claim of the textbooks, on a drawn '1' of MNIST's size, by the step-through and by the engine."""
    one = np.zeros((28, 28))
    one[4:24, 12:15] = 1
    one[5:8, 10:12] = 0.6
    for by in ((0, 1), (1, 0)):
        found = pooled_shift(one, by, window=4, stride=2)
        assert found["pooled_kept"] > 0.5
        assert (found["pooled_before"] == found["pooled_after"]).mean() > 0.9
    sideways = pooled_shift(one, (0, 1), window=4, stride=2)
    assert sideways["pooled_kept"] > sideways["pixels_kept"]
    pool = {"type": "MaxPooling", "name": "pool", "kernel_size": 4, "stride": 2}
    net = make((1, 28, 28), [pool, {"type": "Affine", "out_features": 2}])
    maps = feature_maps(net, np.stack([sideways["before"], sideways["after"]]), "pool")
    np.testing.assert_array_equal(maps[0], sideways["pooled_before"])
    np.testing.assert_array_equal(maps[1], sideways["pooled_after"])


def test_shifts_go_both_ways_and_nothing_changes_nothing() -> None:
    assert [[[0, 0], [0, 1]]] == shifted([[1, 2], [3, 4]], (1, 1)).tolist()
    assert [[[4, 0], [0, 0]]] == shifted([[1, 2], [3, 4]], (-1, -1)).tolist()
    assert 1.0 == pooled_shift(np.zeros((4, 4)))["pooled_kept"]
