"""The loader: every sample once, resumable anywhere, and no thread left behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from builder.data import BadData, Loader, prepare


def prepared(**settings):
    data = {"source": {"type": "builtin", "name": "digits"}, "validation": 0, "test": 0.9, **settings}
    return prepare({"data": data}, ".", findings=False)


AUGMENTATION = [{"type": "Shift", "pixels": 1}, {"type": "Rotate"}]


def collect(loader, epoch=0, start=0):
    return [(n, i.tolist(), x.tobytes(), t.tolist()) for n, i, x, t in loader.batches(epoch, start)]


@pytest.mark.parametrize("augment", [False, True])
def test_resuming_anywhere_gives_the_same_bytes(augment):
    part = prepared(augmentation=AUGMENTATION).train
    loader = Loader(part, 32, seed=5, augment=augment, shuffle=True)
    whole = collect(loader, 3)
    assert len(whole) == len(loader) == -(-len(part) // 32)
    assert sorted(k for _, indices, _, _ in whole for k in indices) == list(range(len(part)))
    for start in range(len(whole) + 1):
        assert collect(Loader(part, 32, seed=5, augment=augment, shuffle=True), 3, start) == whole[start:]


def test_epochs_and_seeds_differ_and_without_shuffle_the_order_is_plain():
    part = prepared().train
    orders = {tuple(Loader(part, 8, seed, shuffle=True).order(epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert Loader(part, 8).order(7).tolist() == list(range(len(part)))


def test_augmentation_is_for_training_only():
    data = prepared(augmentation=AUGMENTATION)
    assert data.test.augmentation == () and not Loader(data.test, 8, augment=True).augment


def loaders():
    return [t for t in threading.enumerate() if t.name == "tsumiki-loader"]


def test_leaving_early_ends_the_thread():
    loader = Loader(prepared(augmentation=AUGMENTATION).train, 4, augment=True, shuffle=True)
    batches = loader.batches(0)
    next(batches)
    assert loaders()
    batches.close()
    assert not loaders()


def test_an_error_in_the_background_reaches_the_caller(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for k in range(4):
            Image.fromarray(np.full((3, 3), k, np.uint8)).save(tmp_path / name / f"{k}.png")
    part = prepare({"data": {"source": {"type": "folder", "path": "."}, "validation": 0, "test": 0}}, tmp_path).train
    plain = collect(Loader(part, 3))
    assert [len(indices) for _, indices, _, _ in plain] == [3, 3, 2]
    part.samples._cache._kept.clear()
    (tmp_path / "b" / "3.png").write_bytes(b"gone")
    with pytest.raises(BadData):
        collect(Loader(part, 3))
    assert not loaders()
