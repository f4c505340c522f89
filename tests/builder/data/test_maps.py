"""Targets that are images: classes and values of pixels, masks in folders, and the input itself."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, prepare
from builder.data.augment import augment, augment_maps
from builder.data.facts import facts
from schemas import data as schema

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3, 6, 5)).astype(np.float32)
CLASSES = RNG.integers(0, 4, (20, 6, 5))


def arrays(tmp_path, y, x=X, task=None, **settings):
    np.savez(tmp_path / "d.npz", x=x, y=y)
    data = {"source": {"type": "npz", "path": "d.npz"}, **settings}
    document = {"data": data, **({"task": task} if task else {})}
    prepared = prepare(document, tmp_path)
    assert facts(data, tmp_path, task).target_shape == prepared.facts.target_shape
    return prepared


ONE_HOT = (np.arange(4)[None, :, None, None] == CLASSES[:, None]).astype(np.uint8)
FORMS = {
    "class numbers": (CLASSES, "classification", (6, 5)),
    "class numbers with a channel": (CLASSES[:, None], "classification", (6, 5)),
    "one 1 among 0s": (ONE_HOT, "classification", (6, 5)),
    "0 and 255": ((CLASSES > 1).astype(np.uint8) * 255, "binary", (1, 6, 5)),
    "values": (RNG.normal(size=(20, 2, 6, 5)), "regression", (2, 6, 5)),
    "a value per pixel": (RNG.normal(size=(20, 6, 5)), "regression", (1, 6, 5)),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_says_the_task(tmp_path, name):
    y, task, shape = FORMS[name]
    prepared = arrays(tmp_path, y)
    assert prepared.task == task
    assert prepared.facts.target_shape == shape
    t = np.concatenate([part.targets for part in prepared.parts.values()])
    assert t.shape == (20, *shape)
    if name != "values":
        order = np.argsort(
            [int(part.where(k).split()[-1]) for part in prepared.parts.values() for k in range(len(part))]
        )
        known = {"classification": CLASSES, "binary": CLASSES[:, None] > 1}
        expected = known[task] if task in known else y.reshape(20, *shape)
        np.testing.assert_allclose(t[order], expected, rtol=1e-6)


def test_a_stated_task_overrules_the_form(tmp_path):
    prepared = arrays(tmp_path, CLASSES, task="regression")
    assert prepared.facts.target_shape == (1, 6, 5)
    assert prepared.train.targets.dtype == np.float32


def test_channels_last_is_for_targets_too(tmp_path):
    np.savez(tmp_path / "d.npz", x=X.transpose(0, 2, 3, 1), y=ONE_HOT.transpose(0, 2, 3, 1))
    source = {"type": "npz", "path": "d.npz", "layout": "NHWC"}
    assert prepare({"data": {"source": source}}, tmp_path).facts.target_shape == (6, 5)


def test_a_sample_with_nan_is_named(tmp_path):
    y = RNG.normal(size=(20, 6, 5))
    y[7, 3, 3] = np.nan
    with pytest.raises(BadData, match=r"sample 7: The target image holds NaN or infinity"):
        arrays(tmp_path, y)
    assert arrays(tmp_path, y, on_error="skip").facts.samples == 19


def test_resize_takes_class_maps_along(tmp_path):
    prepared = arrays(tmp_path, CLASSES, preprocessing=[{"type": "Resize", "size": [12, 10]}])
    assert prepared.facts.target_shape == (12, 10)
    t = prepared.train.targets
    assert set(np.unique(t)) <= {0, 1, 2, 3}
    np.testing.assert_array_equal(t[:, ::2, ::2], t[:, 1::2, 1::2])


MOVES = [
    schema.Flip(direction="both"),
    schema.Shift(pixels=2, fill=9.0),
    schema.Crop(smallest=0.5),
    schema.Rotate(degrees=90, fill=9.0),
]


@pytest.mark.parametrize("step", MOVES, ids=lambda step: step.type)
def test_augmentation_moves_a_map_as_its_image(step):
    """A picture whose pixels are its classes stays one: where the moved image is flat, it agrees with the moved map."""
    t = np.zeros((16, 12, 12), np.int64)
    t[:, 2:7, 3:10] = 1
    image = t[:, None].astype(np.float32)
    moved = augment(image, [step], 5, 1, np.arange(16))[:, 0]
    map_ = augment_maps(t, [step], 5, 1, np.arange(16))
    assert map_.dtype == np.int64 and set(np.unique(map_)) <= {0, 1}
    sharp = (moved == 0) | (moved == 1)
    assert sharp.mean() > 0.4
    np.testing.assert_array_equal(map_[sharp], moved[sharp])


def test_augmentation_of_maps_of_another_size_is_refused(tmp_path):
    with pytest.raises(BadData, match="the targets are 3 × 5 pixels"):
        arrays(tmp_path, CLASSES[:, ::2], augmentation=[{"type": "Flip"}])


def test_the_target_is_the_input(tmp_path):
    data = {
        "source": {"type": "builtin", "name": "digits"},
        "target": "input",
        "preprocessing": [{"type": "Scale"}],
        "augmentation": [{"type": "Shift", "pixels": 1}],
    }
    prepared = prepare({"data": data}, tmp_path)
    assert prepared.task == "regression"
    assert facts(data, tmp_path).target_shape == prepared.facts.target_shape == (1, 8, 8)
    x, t = prepared.train.read(np.arange(4))
    np.testing.assert_array_equal(x, t)
    x, t = prepared.train.augmented(np.arange(4), 0, 0)
    np.testing.assert_array_equal(x, t)
    with pytest.raises(BadData, match="The target is the input itself"):
        prepare({"task": "classification", "data": data}, tmp_path)


def masks(tmp_path, mode="P", size=(6, 5)):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for k in range(10):
        Image.fromarray((X[k, 0] * 50 + 100).astype(np.uint8)).save(tmp_path / "images" / f"{k}.png")
        mask = Image.new(mode, size[::-1])
        if mode == "P":
            mask.putpalette([k for colour in range(256) for k in (colour, 0, 255 - colour)])
        if mode in ("P", "L"):
            mask.putdata(CLASSES[k, : size[0]].reshape(-1).tolist())
        mask.save(tmp_path / "masks" / f"{k}.png")
    return {"data": {"source": {"type": "masks", "images": "images", "masks": "masks"}}}


@pytest.mark.parametrize("mode", ["P", "L"])
def test_a_folder_of_masks(tmp_path, mode):
    document = masks(tmp_path, mode)
    prepared = prepare(document, tmp_path)
    assert (prepared.task, prepared.facts.target_shape) == ("classification", (6, 5))
    assert facts(document["data"], tmp_path).target_shape == (6, 5)
    for k in range(len(prepared.train)):
        number = int(prepared.train.where(k).rpartition("/")[2].removesuffix(".png"))
        np.testing.assert_array_equal(prepared.train.targets[k], CLASSES[number])


def test_masks_that_are_none_are_refused(tmp_path):
    document = masks(tmp_path, "RGB")
    with pytest.raises(BadData, match=r"grey .8 bits. or palette images say classes"):
        prepare(document, tmp_path)
    for file in (tmp_path / "masks").iterdir():
        file.rename(file.with_stem("other" + file.stem))
    with pytest.raises(BadData, match="has a mask of the same name"):
        prepare(document, tmp_path)


def test_masks_of_another_size_are_refused(tmp_path):
    with pytest.raises(BadData, match="6 × 5 pixels, their masks 4 × 5"):
        prepare(masks(tmp_path, "L", (4, 5)), tmp_path)
