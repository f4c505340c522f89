"""Augmentation: what each step does, and that only (seed, epoch, sample index) decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from builder.data.augment import augment, bilinear, crop, flip, rotate, shift
from builder.data.random import permutation, uniform
from schemas.data import Crop, Flip, Rotate, Shift

X = np.random.default_rng(0).normal(size=(6, 2, 5, 7)).astype(np.float32)
ONE, ZERO, HALF = np.ones(6) - 1e-12, np.zeros(6), np.full(6, 0.5)
STEPS = [Flip(direction="both"), Shift(pixels=(2, 2)), Crop(), Rotate(degrees=30.0)]


def twin_bilinear(x, rows, columns, fill):
    """Plain loops, the definition."""
    out = np.zeros_like(x, dtype=np.float64)
    n, c, height, width = x.shape
    for i, k, r, s in np.ndindex(n, c, height, width):
        y, z = rows[i, r, s], columns[i, r, s]
        for p in (math.floor(y), math.floor(y) + 1):
            for q in (math.floor(z), math.floor(z) + 1):
                pixel = x[i, k, p, q] if 0 <= p < height and 0 <= q < width else fill
                out[i, k, r, s] += pixel * (1 - abs(y - p)) * (1 - abs(z - q))
    return out


def test_bilinear_equals_its_twin():
    rng = np.random.default_rng(1)
    rows, columns = rng.uniform(-2, 6, (6, 5, 7)), rng.uniform(-2, 8, (6, 5, 7))
    assert np.allclose(bilinear(X, rows, columns, 0.5), twin_bilinear(X, rows, columns, 0.5), atol=1e-5)


CASES = [
    (lambda: flip(X, Flip(), ZERO, ONE), X[..., ::-1]),
    (lambda: flip(X, Flip(), ONE, ZERO), X),
    (lambda: flip(X, Flip(direction="vertical"), ONE, ZERO), X[:, :, ::-1]),
    (lambda: flip(X, Flip(direction="both"), ZERO, ZERO), X[:, :, ::-1, ::-1]),
    (lambda: shift(X, Shift(pixels=(1, 1)), HALF, HALF), X),
    (lambda: shift(X, Shift(pixels=(1, 0)), ONE, HALF)[:, :, 1:], X[:, :, :-1]),
    (lambda: shift(X, Shift(pixels=(0, 2)), HALF, ZERO)[..., :-2], X[..., 2:]),
    (lambda: shift(X, Shift(pixels=(1, 0), fill=9.0), ONE, HALF)[:, :, 0], np.full((6, 2, 7), 9, np.float32)),
    (lambda: shift(X, Shift(pixels=(50, 50)), ONE, ONE), np.zeros_like(X)),
    (lambda: crop(X, Crop(smallest=1.0), HALF, HALF, HALF), X),
    (lambda: rotate(X, Rotate(degrees=30.0), HALF), X),
    (lambda: rotate(X[..., :5], Rotate(degrees=90.0), ONE), np.rot90(X[..., :5], 1, (2, 3))),
    (lambda: rotate(X, Rotate(degrees=180.0), ONE), X[:, :, ::-1, ::-1]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_steps(case):
    made, wanted = CASES[case]
    got = made()
    assert got.dtype == np.float32 and np.allclose(got, wanted, atol=1e-5)


def test_crop_stays_inside_the_image():
    got = crop(X, Crop(smallest=0.5), ZERO, np.linspace(0, 1, 6), np.linspace(0, 1, 6))
    assert got.min() >= X.min() and got.max() <= X.max()
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 1, 8, 8))
    part = crop(ramp, Crop(smallest=0.5), np.zeros(1), np.zeros(1), np.zeros(1))
    assert part[0, 0, 0].tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(0, 99), st.integers(0, 2**31 - 1))
def test_a_sample_is_the_same_in_every_batch(chosen, epoch, seed):
    every = np.arange(6)
    whole = augment(X, STEPS, seed, epoch, every)
    some = augment(X[chosen], STEPS, seed, epoch, np.array(chosen))
    assert np.array_equal(whole[chosen], some) and whole.dtype == np.float32 and whole.flags.c_contiguous


def test_seed_epoch_and_index_each_matter():
    base = augment(X, STEPS, 0, 0, np.arange(6))
    for seed, epoch, first in ((1, 0, 0), (0, 1, 0), (0, 0, 6)):
        assert not np.array_equal(base, augment(X, STEPS, seed, epoch, np.arange(first, first + 6)))


def test_random_numbers_are_even_and_unrelated():
    u = uniform(3, 1, np.arange(20_000))
    assert 0 <= u.min() and u.max() < 1
    counts = np.histogram(u, 20, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square of 19 degrees of freedom, 0.999 quantile: 43.8
    assert abs(np.corrcoef(u, uniform(4, 1, np.arange(20_000)))[0, 1]) < 0.03
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.03
    assert sorted(permutation(100, 1, 2).tolist()) == list(range(100))


def test_shift_reaches_every_distance_equally():
    ramp = np.zeros((3000, 1, 1, 9), np.float32)
    ramp[..., 4] = 1
    moved = augment(ramp, [Shift(pixels=(0, 2))], 0, 0, np.arange(3000))
    counts = moved[:, 0, 0].sum(axis=0)
    assert counts[[0, 1, 7, 8]].sum() == 0 and counts[2:7].min() > 500
