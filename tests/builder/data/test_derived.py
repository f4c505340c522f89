"""The data sets that are made of the digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import builder
from builder.data import facts
from builder.data.derived import INK, WIDEST


def prepared(name: str, task: str | None = None):
    document = {"data": {"source": {"type": "builtin", "name": name}, "validation": 0.0, "test": 0.0}}
    return builder.prepare(document | ({"task": task} if task else {}), Path())


@pytest.fixture(scope="module")
def digits():
    return prepared("digits").train.all()


@pytest.mark.parametrize("name", ["digits_parity", "digits_angle", "digits_upright", "digits_turned", "digits_pixels"])
def test_what_is_known_beforehand_is_what_is_read(name: str) -> None:
    data = {"source": {"type": "builtin", "name": name}}
    known, found = facts(data, Path()), prepared(name).facts
    assert (known.kind, known.classes, known.target_shape) == (found.kind, found.classes, found.target_shape)
    assert (known.shape, known.samples) == (found.shape, found.samples)
    assert known.shape == (1, 8, 8)


def test_parity_and_pixels_follow_from_digit_and_image(digits) -> None:
    x, label = digits
    even = prepared("digits_parity").train
    np.testing.assert_array_equal(label % 2, even.targets.reshape(-1))
    marked = prepared("digits_pixels").train
    np.testing.assert_array_equal(np.where(x[:, 0] >= INK, 1 + label[:, None, None], 0), marked.targets)


def test_angles_are_spread_over_the_range_and_the_images_are_turned(digits) -> None:
    part = prepared("digits_angle").train
    angles = part.targets.reshape(-1)
    assert np.abs(angles).max() <= WIDEST
    counts = np.histogram(angles, bins=12, range=(-WIDEST, WIDEST))[0]
    assert counts.min() > 0.9 * counts.mean()
    x, turned = digits[0], part.all()[0]
    still = np.abs(angles) < 1
    assert np.abs(turned[still] - x[still]).mean() < 0.3 < 1 < np.abs(turned[~still] - x[~still]).mean()


def test_one_half_is_upright_and_the_other_turned(digits) -> None:
    x, label = digits
    first, second = prepared("digits_upright").train, prepared("digits_turned").train
    assert len(first) + len(second) == len(x)
    np.testing.assert_array_equal(x[: len(first)], first.all()[0])
    np.testing.assert_array_equal(prepared("digits_angle").train.all()[0][len(first) :], second.all()[0])
    np.testing.assert_array_equal(label, np.concatenate([first.targets, second.targets]))


def test_masks_follow_a_resize() -> None:
    data = {"source": {"type": "builtin", "name": "digits_pixels"}, "preprocessing": [{"type": "Resize", "size": 16}]}
    assert facts(data, Path()).target_shape == (16, 16)
    assert builder.prepare({"data": data}, Path()).train.targets.shape[1:] == (16, 16)
