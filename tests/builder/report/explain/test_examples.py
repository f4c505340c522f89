"""Pictures to try operations on."""

from __future__ import annotations

import numpy as np
import pytest

from builder.report.explain.examples import PHOTOS, grey, photo, small
from schemas.errors import UsageError


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (3, 9, 40), (5, 5)])
@pytest.mark.parametrize("side", [3, 6, 9])
def test_small_images_are_whole_numbers_that_keep_their_extremes(shape: tuple[int, ...], side: int) -> None:
    found = small(np.random.default_rng(0).standard_normal(shape), side)
    assert (side, side) == found.shape and (0, 9) == (found.min(), found.max())
    assert np.issubdtype(found.dtype, np.integer)


def test_an_even_image_is_zero_and_none_is_refused() -> None:
    assert 0 == small(np.full((4, 4), 7.0), 2).max()
    assert 0 == small(np.array([[np.nan]]), 1).max()
    with pytest.raises(UsageError, match=r"\(H, W\)"):
        small(np.zeros(4), 2)


@pytest.mark.parametrize("name", PHOTOS)
def test_photographs(name: str) -> None:
    found = photo(name, 64)
    assert 64 == found.shape[1] and 0 <= found.min() < found.max() <= 1


def test_greys() -> None:
    white = grey(np.ones((3, 4, 5)))
    np.testing.assert_allclose(1, white)
    assert (4, 5) == white.shape == grey(np.ones((1, 4, 5))).shape
    with pytest.raises(UsageError, match="flower"):
        photo("cat")
