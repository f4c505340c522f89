"""Pictures to try operations on: small grids of whole numbers, and photographs that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.errors import UsageError

PHOTOS = ("flower", "china")
"""Names of scikit-learn's photographs (datasets.load_sample_image)."""

GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in a grey (ITU-R BT.601), as in the preprocessing step Grayscale."""


def small(image: Any, side: int, most: int = 9) -> np.ndarray:
    """Return an image (H, W) or (C, H, W) as (side, side) whole numbers from 0 to `most`: short enough to be read.

    Each number is the mean of the pixels that it stands for; of several channels, the mean.

    >>> small(np.eye(4), 2)
    array([[9, 0],
           [0, 9]])
    """
    from builder.data.images import pillow

    values = np.asarray(image, np.float64)
    if values.ndim not in (2, 3) or not values.size or side < 1:
        raise UsageError(f"An image is (H, W) or (C, H, W), but received {values.shape}.")
    flat = np.nan_to_num(values.mean(axis=0) if values.ndim == 3 else values)
    pil = pillow()
    shrunk = np.asarray(pil.fromarray(flat.astype(np.float32)).resize((side, side), pil.Resampling.BOX), np.float64)
    low, high = float(shrunk.min()), float(shrunk.max())
    return np.round((shrunk - low) / ((high - low) or 1.0) * most).astype(np.int64)


def photo(name: str, width: int = 320) -> np.ndarray:
    """Return one of PHOTOS in grey, (H, W) with values from 0 to 1. Raises UsageError for another name."""
    if name not in PHOTOS:
        raise UsageError(f"There is no photograph {name!r}: the names are {', '.join(PHOTOS)}.")
    from sklearn.datasets import load_sample_image

    return grey(np.moveaxis(load_sample_image(f"{name}.jpg"), 2, 0) / 255.0, width)


def grey(image: Any, width: int = 320) -> np.ndarray:
    """Return an image (C, H, W) in grey, (H, W), at most `width` pixels wide."""
    from builder.data.images import pillow

    values = np.asarray(image, np.float64)
    flat = np.tensordot(GREY, values, 1) if len(values) == 3 else values[0]
    if flat.shape[1] <= width:
        return flat
    size = (width, max(1, round(flat.shape[0] * width / flat.shape[1])))
    pil = pillow()
    return np.asarray(pil.fromarray(flat.astype(np.float32)).resize(size, pil.Resampling.BOX), np.float64)
