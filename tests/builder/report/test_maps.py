"""Predictions that are images, from training to metrics and files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import builder
from builder.report.metrics import metrics
from builder.report.predict import predict_files
from builder.training import scores
from schemas.errors import UsageError

CONV = {"type": "Convolution", "out_channels": 8, "kernel_size": 3, "padding": 1}


def one_hot(classes, count):
    return (np.arange(count)[None, :, None, None] == classes[:, None]).astype(float)


def test_iou_by_hand():
    """Two images of 2 x 2 pixels. Class 0: 2 right of 4 in the union; class 1: 3 of 5; class 2: 1 of 1."""
    true = np.array([[[0, 0], [1, 1]], [[1, 2], [1, 0]]])
    said = np.array([[[0, 1], [1, 1]], [[1, 2], [0, 0]]])
    found = metrics("classification", one_hot(said, 3), true, ["a", "b", "c"])
    assert found["accuracy"] == 6 / 8
    assert [row["iou"] for row in found["per_class"]] == [2 / 4, 3 / 5, 1]
    assert found["mean_iou"] == pytest.approx((2 / 4 + 3 / 5 + 1) / 3)
    assert found["confusion"] == [[2, 1, 0], [1, 3, 0], [0, 0, 1]]
    quick = scores.score(one_hot(said, 3), true, "classification", 0.0)
    assert quick["accuracy"] == found["accuracy"]
    assert quick["mean_iou"] == pytest.approx(found["mean_iou"])
    np.testing.assert_array_equal(scores.hits(one_hot(said, 3), true, "classification"), [3 / 4, 3 / 4])


def test_iou_of_yes_and_no():
    true = np.array([[[[1, 1], [0, 0]]]])
    said = np.array([[[[0.9, 0.2], [0.8, 0.1]]]])
    found = metrics("binary", said, true)
    assert (found["accuracy"], found["mean_iou"], found["auc"]) == (0.5, 1 / 3, 0.75)
    assert scores.score(said, true, "binary", 0.0)["mean_iou"] == found["mean_iou"]


def test_r2_of_images_is_one_number():
    t = np.zeros((3, 1, 2, 2))
    t[:, 0, 0, 0] = 1, 2, 3  # the other pixels are constant
    found = metrics("regression", t, t)
    assert found == {"mae": 0, "rmse": 0, "r2": 1}
    assert scores.score(t, t, "regression", 0.0)["r2"] == 1


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    """A run that finds bright and dark pixels."""
    folder = tmp_path_factory.mktemp("maps")
    x = np.random.default_rng(0).normal(size=(80, 1, 8, 6)).astype(np.float32)
    np.savez(folder / "d.npz", x=x, y=np.digitize(x[:, 0], [-0.7, 0.7]))
    np.save(folder / "new.npy", x[:3])
    document = {
        "format": 1,
        "name": "pixels",
        "model": {"layers": [CONV, {"type": "ReLU"}]},
        "data": {"source": {"type": "npz", "path": "d.npz"}},
        "training": {"epochs": 8, "batch_size": 8, "monitor": "mean_iou",
                     "optimizer": {"type": "Adam", "learning_rate": 0.02}},
    }  # fmt: skip
    (folder / "d.json").write_text(json.dumps(document))
    return folder, x, builder.train(folder / "d.json", out=folder / "runs")


def test_a_map_is_trained_and_measured(segmented):
    _, x, run = segmented
    types = [entry["type"] for entry in run.document["model"]["layers"]]
    assert types == ["Convolution", "ReLU", "Convolution", "Softmax", "CategoricalCrossEntropy"]
    assert run.test["accuracy"] > 0.7
    assert run.metrics[-1]["validation"]["mean_iou"] > 0.5
    net = run.network
    t = np.digitize(x[:, 0], [-0.7, 0.7])
    found = net.evaluate(x, t)
    assert found["accuracy"] == pytest.approx(net.accuracy(x, t))
    assert found["accuracy"] == pytest.approx((net.predict(x).argmax(1) == t).mean())
    lines = (run.path / "predictions.csv").read_text().splitlines()
    assert lines[0] == "sample,source,accuracy"
    assert np.mean([float(line.rpartition(",")[2]) for line in lines[1:]]) == pytest.approx(run.test["accuracy"])


def test_a_map_is_predicted(segmented):
    folder, x, run = segmented
    classes = run.network.predict(x[:3]).argmax(1)
    rows = predict_files(run.path, [folder / "new.npy"], folder / "out.npz")
    assert [row["height"] for row in rows] == [8, 8, 8]
    assert rows[0]["pixels"]["1"] == pytest.approx((classes[0] == 1).mean())
    with np.load(folder / "out.npz") as saved:
        np.testing.assert_array_equal(saved["prediction"], classes)
    predict_files(run.path, [folder / "new.npy"], folder / "out")
    pictures = sorted((folder / "out").iterdir())
    assert len(pictures) == 3
    with Image.open(pictures[1]) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture), classes[1])


def test_class_weights_of_pixels_are_refused(segmented):
    folder, _, run = segmented
    with pytest.raises(builder.DocumentError, match="where every pixel has a class"):
        builder.train(run.document, out=folder / "runs", overrides={
            "training.class_weights": "balanced", "data.source.path": str(folder / "d.npz")})  # fmt: skip


def test_an_autoencoder_of_digits_comes_near_its_input(tmp_path):
    document = {
        "format": 1,
        "model": {"layers": [{"type": "Dropout", "p": 0.1}, CONV, {"type": "ReLU"}]},
        "data": {"source": {"type": "builtin", "name": "digits"}, "target": "input",
                 "preprocessing": [{"type": "Scale"}]},
        "training": {"epochs": 6, "monitor": "r2", "optimizer": {"type": "Adam", "learning_rate": 0.01}},
    }  # fmt: skip
    run = builder.train(document, out=tmp_path)
    assert run.test["r2"] > 0.8
    with pytest.raises(UsageError, match="no image"):
        predict_files(_vectors(tmp_path), [], tmp_path / "x.npz")


def _vectors(tmp_path):
    document = {"format": 1, "model": {"layers": []}, "data": {"source": {"type": "builtin", "name": "iris"}}}
    document["model"]["layers"] = [{"type": "Affine", "out_features": 3}]
    return builder.train(document, out=tmp_path, overrides={"training.epochs": 1}).path
