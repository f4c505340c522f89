"""Value ranges and samples of every class."""

from __future__ import annotations

import numpy as np
import pytest

from builder.data import prepare
from builder.report.ranges import ranges, some, spread


def test_channels_of_images() -> None:
    x = np.zeros((3, 2, 4, 4))
    x[:, 1] = 5
    x[0, 1, 0, 0] = np.nan
    found = ranges(x)
    assert ["1", "2"] == [row["name"] for row in found]
    assert (0.0, 5.0, 0.0) == (found[0]["most"], found[1]["least"], found[1]["std"])
    assert ranges(np.full((2, 1), np.nan))[0]["mean"] is None


def test_samples_are_spread_over_the_part() -> None:
    part = prepare({"data": {"source": {"type": "builtin", "name": "iris"}}}, ".").train
    assert part.read(np.arange(len(part)))[0].tolist() == some(part).tolist()
    assert 10 == len(some(part, 10))


@pytest.mark.parametrize("count", [1, 5, 24, 100])
def test_every_class_is_seen(count: int) -> None:
    targets = np.sort(np.random.default_rng(0).integers(0, 7, 90))
    chosen = spread(targets, count)
    assert min(count, 90) == len(chosen) == len(set(chosen.tolist()))
    assert min(count, 7) == len(set(targets[chosen].tolist()))
    if count == 24:
        assert np.bincount(targets[chosen]).max() - np.bincount(targets[chosen]).min() <= 1


def test_targets_without_classes_give_the_first_samples() -> None:
    assert [0, 1, 2] == spread(np.random.default_rng(0).random((500, 1)), 3).tolist()
    assert [0, 1] == spread(np.zeros((9, 2)), 2).tolist()
