"""Labels that a loss leaves out: no loss, no gradient, and no part in the mean or in any metric."""

from __future__ import annotations

import csv
import json

import engine_harness as engine
import numpy as np
import pytest
from PIL import Image

import builder
from builder.report.metrics import metrics
from builder.targets import IGNORED
from builder.training import scores

RNG = np.random.default_rng(0)
OUT = 255
KINDS = [
    [{"type": "SoftmaxCrossEntropy", "ignore_index": OUT}],
    [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy", "ignore_index": OUT, "label_smoothing": 0.2}],
]
PIXELS = {"type": "Convolution", "out_channels": 3, "kernel_size": 1, "name": "a"}


def net(layers, shape=(5,), seed=0, dtype="float64"):
    return builder.compile({"format": 1, "model": {"input": list(shape), "layers": layers}}, dtype=dtype, seed=seed)


def targets(*shape):
    t = RNG.integers(0, 3, shape)
    t[RNG.random(shape) < 0.4] = OUT
    t.flat[0] = OUT
    t.flat[1] = 1
    return t


@pytest.mark.parametrize("ending", KINDS, ids=["raw", "probabilities, smoothed"])
def test_it_is_as_if_the_samples_were_not_there(ending):
    one = net([engine.affine(3, name="a"), *ending])
    x, t = RNG.standard_normal((9, 5)), targets(9)
    kept = t != OUT
    assert one.loss(x, t) == pytest.approx(one.loss(x[kept], t[kept]), rel=1e-12)
    assert one.loss(x, t, training=True) == pytest.approx(one.loss(x[kept], t[kept]), rel=1e-12)
    found, wanted = one.gradient(x, t), one.gradient(x[kept], t[kept])
    for key in found:
        np.testing.assert_allclose(found[key], wanted[key], rtol=1e-10, atol=1e-14)
    assert one.accuracy(x, t) == one.accuracy(x[kept], t[kept])
    whole, part = one.evaluate(x, t), one.evaluate(x[kept], t[kept])
    assert whole.pop("loss") == pytest.approx(part.pop("loss"), rel=1e-12)
    assert whole == part
    assert one.evaluated(x, t, batch_size=4)[0] == pytest.approx(one.loss(x, t), rel=1e-12)


@pytest.mark.parametrize("without", [frozenset(), frozenset({"loss_takes_logits"})], ids=["fused", "not fused"])
@pytest.mark.parametrize("ending", KINDS, ids=["raw", "probabilities, smoothed"])
def test_the_gradient_of_pixels(ending, without):
    parameters, made = engine.program((2, 4, 3), [PIXELS, *ending], 5, without=without, input_gradient=True)
    engine.stir(parameters, RNG)
    t = targets(5, 4, 3)
    engine.fill(made, RNG.standard_normal((5, 2, 4, 3)), np.where(t == OUT, IGNORED, t))
    made.run(1)
    dx = engine.input_gradient(made)
    assert (dx[np.broadcast_to((t == OUT)[:, None], dx.shape)] == 0).all()
    engine.assert_gradient(parameters, made, RNG)


def test_a_batch_of_which_all_is_left_out_changes_nothing():
    one = net([engine.affine(3, name="a"), *KINDS[0]], dtype="float32")
    x, t = RNG.standard_normal((4, 5)), np.full(4, OUT)
    assert one.loss(x, t) == 0
    assert all((value == 0).all() for value in one.gradient(x, t).values())


def test_what_is_left_out_may_be_infinite():
    one = net([engine.affine(3, name="a"), *KINDS[0]])
    x = RNG.standard_normal((4, 5))
    x[0] = np.inf
    assert np.isfinite(one.loss(x, np.array([OUT, 0, 1, 2])))


def test_a_class_may_be_left_out_and_others_are_still_refused():
    one = net([engine.affine(3, name="a"), {"type": "SoftmaxCrossEntropy", "ignore_index": 0}])
    x, t = RNG.standard_normal((6, 5)), np.array([0, 1, 2, 0, 1, 2])
    assert one.loss(x, t) == pytest.approx(one.loss(x[t > 0], t[t > 0]))
    with pytest.raises(builder.TsumikiError, match="255"):
        one.loss(x, np.array([0, 1, 2, 0, 1, OUT]))


def test_metrics_of_pixels_leave_them_out():
    y = RNG.random((4, 3, 5, 6))
    t = targets(4, 5, 6)
    coded = np.where(t == OUT, IGNORED, t)
    found = metrics("classification", y, coded)
    rows = np.moveaxis(y, 1, -1)[t != OUT]
    wanted = metrics("classification", rows, t[t != OUT])
    assert found["confusion"] == wanted["confusion"] and found["accuracy"] == wanted["accuracy"]
    assert scores.score(y, coded, "classification", 0.0)["accuracy"] == pytest.approx(found["accuracy"])
    assert scores.score(y, coded, "classification", 0.0)["mean_iou"] == pytest.approx(found["mean_iou"])
    assert np.isnan(scores.hits(y, np.full_like(coded, IGNORED), "classification")).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A square on noise, whose edge nobody has labelled: masks hold 0, 1, and 255 around it."""
    place, rng = tmp_path_factory.mktemp("masks"), np.random.default_rng(1)
    for name in ("images", "masks"):
        (place / name).mkdir()
    for k in range(24):
        image, mask = rng.integers(0, 90, (8, 8), dtype=np.uint8), np.zeros((8, 8), np.uint8)
        i, j = rng.integers(0, 3, 2)
        mask[i : i + 5, j : j + 5] = OUT
        mask[i + 1 : i + 4, j + 1 : j + 4] = 1
        image[mask == 1] += 150
        Image.fromarray(image).save(place / "images" / f"{k}.png")
        Image.fromarray(mask).save(place / "masks" / f"{k}.png")
    return place


def document(folder, **ending):
    return {
        "format": 1,
        "task": "classification",
        "model": {
            "input": [1, 8, 8],
            "layers": [
                {"type": "Convolution", "out_channels": 8, "kernel_size": 3, "padding": 1},
                {"type": "ReLU"},
                {"type": "Convolution", "out_channels": 2, "kernel_size": 1},
                {"type": "SoftmaxCrossEntropy", **ending},
            ],
        },
        "data": {
            "source": {"type": "masks", "images": str(folder / "images"), "masks": str(folder / "masks")},
            "preprocessing": [{"type": "Scale", "range": [0, 1]}],
            "augmentation": [{"type": "Flip"}],
        },
        "training": {"epochs": 25, "batch_size": 6, "optimizer": {"type": "Adam", "learning_rate": 0.02}},
    }


def test_a_mask_whose_edge_has_no_label(folder, tmp_path):
    assert [p.code for p in builder.check(document(folder)).errors] == ["class_count"]  # 256 classes
    report = builder.check(document(folder, ignore_index=OUT))
    assert not report.problems and report.facts.classes == 2
    run = builder.train(document(folder, ignore_index=OUT), out=tmp_path)
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["train"]["accuracy"] > 0.98 and rows[-1]["validation"]["accuracy"] > 0.98
    found = run.report["metrics"]
    assert found["accuracy"] > 0.98 and len(found["confusion"]) == 2
    samples = sum(row["samples"] for row in found["per_class"])
    assert samples == run.report["samples"] * (64 - 16)


def test_samples_without_a_label(tmp_path):
    """A table in which some rows have -1 for a label: they are kept, and teach nothing."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4)).astype(np.float32)
    t = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    t[::5] = -1
    np.savez(tmp_path / "d.npz", x=x, y=t)
    layers = [{"type": "Affine", "out_features": 3}, {"type": "SoftmaxCrossEntropy", "ignore_index": -1}]
    made = {
        "format": 1, "task": "classification", "model": {"input": [4], "layers": layers},
        "data": {"source": {"type": "npz", "path": str(tmp_path / "d.npz")}},
        "training": {"epochs": 2, "class_weights": "balanced"},
    }  # fmt: skip
    assert not builder.check(made).problems
    run = builder.train(made, out=tmp_path / "runs")
    counted = sum(row["samples"] for row in run.report["metrics"]["per_class"])
    assert 0 < counted < run.report["samples"]
    with (run.path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == run.report["samples"]
    assert sum(row["target"] == "" for row in rows) == run.report["samples"] - counted
