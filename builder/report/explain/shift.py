"""What pooling is for: an image that moves a little looks almost the same after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import Pair

from .steps import grid, pooling_steps


def shifted(image: Any, by: Pair) -> np.ndarray:
    """Return an image (H, W) or (C, H, W) moved by (down, right) pixels; zeros come in, what leaves is lost."""
    x = grid(image)
    height, width = x.shape[1:]
    down, right = by
    if abs(down) >= height or abs(right) >= width:
        raise UsageError(
            say(
                "A shift by {down} and {right} pixels leaves nothing of {height} × {width}.",
                down=down,
                right=right,
                height=height,
                width=width,
            )
        )
    out = np.zeros_like(x)
    target = (slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
    source = (slice(max(-down, 0), height + min(-down, 0)), slice(max(-right, 0), width + min(-right, 0)))
    out[:, target[0], target[1]] = x[:, source[0], source[1]]
    return out


def pooled_shift(image: Any, by: Pair = (0, 1), window: int | Pair = 2, stride: int | Pair | None = None) -> dict:
    """Return an image and its shifted copy before and after max pooling, with the share of values that stay.

    "pixels_kept" and "pooled_kept" count only places where one of the two images is not zero: the empty background
    stays anyway.
    """
    before = grid(image)
    after = shifted(before, by)
    first, second = (pooling_steps(x, window, stride=stride)["output"] for x in (before, after))
    return {
        "before": before,
        "after": after,
        "pooled_before": first,
        "pooled_after": second,
        "pixels_kept": _kept(before, after),
        "pooled_kept": _kept(first, second),
    }


def _kept(one: np.ndarray, two: np.ndarray) -> float:
    drawn = (one != 0) | (two != 0)
    return float((one == two)[drawn].mean()) if drawn.any() else 1.0
