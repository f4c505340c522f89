"""Drawings become samples like those of the data: same size, place, ground and values; nonsense becomes nothing."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from builder.ui.drawing import SIDE, Style, box_of, decoded, fitted, style_of


def sent(image: np.ndarray) -> str:
    return base64.b64encode((image * 255).astype(np.uint8).tobytes()).decode()


def blob(top: int, left: int, height: int, width: int, side: int = SIDE) -> np.ndarray:
    image = np.zeros((side, side))
    image[top : top + height, left : left + width] = 1
    return image


def test_what_the_browser_sends() -> None:
    drawing = blob(10, 20, 40, 30)
    found = decoded(sent(drawing))
    assert found is not None
    assert np.array_equal(drawing, found)


@pytest.mark.parametrize("nonsense", [None, 5, "", "x", "AAAA", "é", [1], "A" * 10**6, sent(np.zeros((SIDE, SIDE)))])
def test_nonsense_is_no_drawing(nonsense: object) -> None:
    assert decoded(nonsense) is None


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawing_looks_like_the_samples(light: bool, channels: int) -> None:
    ink = np.stack([blob(4, 6, 20, 16, 28), blob(4, 7, 20, 12, 28)])[:, None].repeat(channels, axis=1)
    samples = (255 * (1 - ink if light else ink)).astype(np.uint8)
    style = style_of(samples)
    assert ((channels, 28, 28), 0.0, 255.0, light) == (style.shape, style.low, style.high, style.light)
    made = fitted(blob(50, 3, 40, 32), style)
    assert (channels, 28, 28) == made.shape
    shown = (255 - made if light else made)[0] / 255
    top, bottom, left, right = box_of(shown) or (0, 0, 0, 0)
    assert 20 == pytest.approx(bottom - top, abs=1)
    assert 14 == pytest.approx((top + bottom) / 2, abs=1)
    assert style.centre[1] * 28 == pytest.approx((left + right) / 2, abs=1)


@pytest.mark.parametrize("place", [(0, 0), (0, 90), (90, 90), (55, 55)])
@pytest.mark.parametrize("size", [(1, 1), (22, 3), (3, 22)])
def test_any_drawing_gives_ink_within_the_range(place: tuple[int, int], size: tuple[int, int]) -> None:
    made = fitted(blob(*place, *size), Style((1, 8, 8), 0.0, 16.0, False, 1.0, (0.5, 0.5)))
    assert 0 <= made.min() and 0.5 < made.max() <= 16


def test_samples_without_ink_still_have_a_style() -> None:
    style = style_of(np.full((3, 1, 8, 8), 7, np.uint8))
    assert np.isfinite([style.low, style.high, style.extent, *style.centre]).all()


def test_an_empty_drawing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        fitted(np.zeros((9, 9)), Style((1, 8, 8), 0.0, 1.0, False, 1.0, (0.5, 0.5)))
