"""Preprocessing: fitted on the training part only, saved as JSON, the same in predict."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, Pipeline, prepare
from schemas.data import Resize
from schemas.errors import DataError

RNG = np.random.default_rng(0)


def table(tmp_path, steps, x=None, **settings):
    x = RNG.normal(3, 5, (40, 3)) if x is None else x
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(len(x)) % 2)
    data = {"source": {"type": "npz", "path": "d.npz"}, "preprocessing": steps, **settings}
    return prepare({"task": "classification", "data": data}, tmp_path)


def test_normalize_is_fitted_on_the_training_part_only(tmp_path):
    prepared = table(tmp_path, [{"type": "Normalize"}])
    x, _ = prepared.train.all()
    assert np.allclose(x.mean(axis=0), 0, atol=1e-5) and np.allclose(x.std(axis=0), 1, atol=1e-5)
    held, _ = prepared.test.all()
    assert not np.allclose(held.mean(axis=0), 0, atol=1e-5)


def test_normalize_of_images_is_per_channel(tmp_path):
    x = RNG.integers(0, 255, (30, 3, 4, 5)).astype(np.uint8)
    x[:, 1] //= 4
    got, _ = table(tmp_path, [{"type": "Normalize"}], x).train.all()
    assert np.allclose(got.mean(axis=(0, 2, 3)), 0, atol=1e-5) and np.allclose(got.std(axis=(0, 2, 3)), 1, atol=1e-5)


def test_normalize_is_exact_far_from_zero(tmp_path):
    x = 1e6 + RNG.normal(size=(2000, 1))
    prepared = table(tmp_path, [{"type": "Normalize"}], x)
    raw = prepared.train.samples.read(np.arange(len(prepared.train))).astype(np.float64)
    assert np.isclose(prepared.pipeline.steps[0].multiply[0], 1 / raw.std(), rtol=1e-9)


SCALES = [
    ({"type": "Scale"}, np.uint8, (0, 1)),
    ({"type": "Scale", "range": [-1.0, 1.0]}, np.uint8, (-1, 1)),
    ({"type": "Scale", "factor": 0.5}, np.uint8, (0, 127.5)),
    ({"type": "Scale"}, np.float64, (0, 1)),
]


@pytest.mark.parametrize(("step", "kind", "wanted"), SCALES)
def test_scale(tmp_path, step, kind, wanted):
    x = RNG.integers(0, 256, (40, 1, 4, 4)).astype(kind)
    x[::2, 0, 0, 0], x[1::2, 0, 0, 0] = 0, 255
    got, _ = table(tmp_path, [step], x).train.all()
    assert np.allclose((got.min(), got.max()), wanted, atol=1e-6)


def test_scale_of_images_takes_the_formats_range_and_not_the_brightest_pixel(tmp_path):
    x = np.full((10, 1, 4, 4), 51, np.uint8)
    assert np.allclose(table(tmp_path, [{"type": "Scale"}], x).train.all()[0], 0.2)


def test_scale_of_tables_is_per_column_and_constants_do_not_divide_by_zero(tmp_path):
    x = np.stack([np.arange(40.0), np.full(40, 7.0), -np.arange(40.0) * 100], axis=1)
    got, _ = table(tmp_path, [{"type": "Scale"}, {"type": "Normalize"}], x, test=0, validation=0).train.all()
    assert np.isfinite(got).all() and np.all(got[:, 1] == 0) and np.allclose(got[:, 0], -got[:, 2], atol=1e-5)


def test_grayscale(tmp_path):
    x = RNG.integers(0, 256, (10, 3, 4, 4)).astype(np.uint8)
    prepared = table(tmp_path, [{"type": "Grayscale"}, {"type": "Grayscale"}], x, test=0, validation=0)
    wanted = (x * np.array([0.299, 0.587, 0.114]).reshape(3, 1, 1)).sum(axis=1, keepdims=True)
    assert np.allclose(prepared.train.all()[0], wanted, atol=1e-4) and prepared.facts.shape == (1, 4, 4)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(4, 4), (16, 16), (3, 20)])
def test_resize(fit, method, size):
    from builder.data.resize import resize

    image = np.full((2, 8, 12), 5, np.float32)
    got = resize(image, Resize(size=size, fit=fit, method=method))
    assert got.shape == (2, *size) and got.dtype == np.float32
    assert set(np.unique(got)) <= {0.0, 5.0} and (fit == "pad") == (0.0 in got)


WRONG = [
    ([{"type": "Resize", "size": 4}], "not_images"),
    ([{"type": "Grayscale"}], "not_images"),
    ([{"type": "Normalize", "mean": [1.0, 2.0]}], "normalize_length"),
]


@pytest.mark.parametrize(("steps", "code"), WRONG)
def test_steps_that_do_not_fit(tmp_path, steps, code):
    with pytest.raises(BadData) as caught:
        table(tmp_path, steps)
    assert caught.value.findings[0].code == code


def test_augmentation_needs_images(tmp_path):
    with pytest.raises(BadData, match="Remove the augmentation"):
        table(tmp_path, [], augmentation=[{"type": "Flip"}])


def test_it_survives_json_to_the_bit(tmp_path):
    prepared = table(tmp_path, [{"type": "Scale"}, {"type": "Normalize"}])
    again = Pipeline.from_json(json.loads(json.dumps(prepared.pipeline.to_json())))
    raw = prepared.test.samples.read(np.arange(len(prepared.test)))
    assert again == prepared.pipeline
    assert again.apply(raw).tobytes() == prepared.pipeline.apply(raw).tobytes()


@pytest.mark.parametrize("content", [{}, {"format": 2}, [], {"input": [1], "shape": "x"}, {"shape": [1], "evil": 1}])
def test_damaged_json_is_refused(content):
    with pytest.raises(DataError, match="damaged"):
        Pipeline.from_json(content)


# --- predict --------------------------------------------------------------------------------------------------------


@pytest.fixture
def images(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "学 習" / name).mkdir(parents=True)
        for k in range(6):
            pixels = RNG.integers(0, 256, (6 + k % 2, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "学 習" / name / f"{k}.png")
    steps = [{"type": "Resize", "size": 5}, {"type": "Scale"}, {"type": "Normalize"}]
    data = {"source": {"type": "folder", "path": "学 習"}, "preprocessing": steps}
    return prepare({"data": data}, tmp_path)


def test_predict_reads_images_as_training_did(images, tmp_path):
    paths = [entry.path for entry in images.test.samples.entries]
    x, places = images.pipeline.read(paths)
    assert x.tobytes() == images.test.all()[0].tobytes() and places == [str(p) for p in paths]
    assert images.pipeline.read([tmp_path / "学 習" / "a"])[0].shape == (6, 3, 5, 5)
    Image.new("L", (9, 9)).save(tmp_path / "grey.png")
    assert images.pipeline.read_images([tmp_path / "grey.png"]).shape == (1, 3, 5, 5)
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 9, 9)))
    assert images.pipeline.read([tmp_path / "x.npy"])[0].shape == (2, 3, 5, 5)
    (tmp_path / "t.csv").write_text("x:image\ngrey.png\n学 習/a/0.png\n", encoding="utf-8")
    mixed = Pipeline.from_json({**images.pipeline.to_json(), "channels": 3})
    assert mixed.read([tmp_path / "t.csv"])[0].shape == (2, 3, 5, 5)
    assert [len(x) for x, _ in images.pipeline.batches(paths, 2)] == [2] * (len(paths) // 2) + [1] * (len(paths) % 2)


def test_predict_reads_tables_by_the_names_of_the_columns(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,y\n" + "".join(f"{k},{-k},{k % 2}\n" for k in range(30)))
    data = {"source": {"type": "csv", "path": "t.csv", "target": "y"}, "preprocessing": [{"type": "Normalize"}]}
    pipeline = prepare({"data": data}, tmp_path).pipeline
    (tmp_path / "new.csv").write_text("id,b,a\n7,-3,3\n8,-4,4\n")
    got, places = pipeline.read([tmp_path / "new.csv"])
    assert np.array_equal(got, pipeline.apply(np.array([[3, -3], [4, -4]], np.float32)))
    assert places[1].endswith("new.csv, line 3")
    for text, code in (("a,c\n1,2\n", "missing_column"), ("a,b\n1,x\n2,3\n3,4\n", "not_a_number")):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(BadData) as caught:
            pipeline.read([tmp_path / "bad.csv"])
        assert caught.value.findings[0].code == code


def test_predict_refuses_what_does_not_fit(tmp_path):
    pipeline = table(tmp_path, []).pipeline
    np.save(tmp_path / "x.npy", np.zeros((2, 4)))
    np.save(tmp_path / "nan.npy", np.full((2, 3), np.nan))
    (tmp_path / "x.txt").write_text("1")
    Image.new("L", (3, 3)).save(tmp_path / "x.png")
    for name, code in (
        ("x.npy", "wrong_shape"),
        ("nan.npy", "not_finite"),
        ("x.txt", "unknown_format"),
        ("x.png", "wrong_shape"),
        ("none.png", "missing_file"),
    ):
        with pytest.raises(BadData) as caught:
            pipeline.read([tmp_path / name])
        assert caught.value.findings[0].code == code
    np.save(tmp_path / "x.npy", np.zeros(3))
    assert pipeline.read([tmp_path / "x.npy"])[0].shape == (1, 3)
