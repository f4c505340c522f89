"""From numbers to colours. A scale for amounts, one for signed numbers, grey for images."""

from __future__ import annotations

import numpy as np

AMOUNT = np.array([
    [13, 20, 53], [38, 46, 110], [56, 84, 147], [50, 126, 152], [45, 166, 140], [106, 199, 108], [190, 220, 72],
    [253, 231, 76],
], np.float64)  # fmt: skip
"""From little to much: dark blue, green, yellow, of evenly rising lightness."""

SIGNED = np.array([
    [24, 60, 138], [66, 124, 186], [146, 190, 220], [247, 247, 247], [238, 176, 132], [202, 92, 66], [128, 20, 34],
], np.float64)  # fmt: skip
"""From negative over zero to positive: blue, white, red."""

NOT_A_NUMBER = (160, 160, 160)


def amount(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Return values of any shape as colours (..., 3) uint8, dark for `low`, yellow for `high`."""
    return _paint(values, AMOUNT, *_limits(values, low, high))


def signed(values: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Return values as colours (..., 3) uint8: blue below zero, white at it, red above; full colour at ±`limit`."""
    finite = np.abs(values[np.isfinite(values)])
    top = limit if limit is not None and np.isfinite(limit) else float(finite.max()) if finite.size else 1.0
    return _paint(values, SIGNED, -(top or 1.0), top or 1.0)


def grey(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Return values as greys (..., 3) uint8, black for `low`, white for `high`."""
    return _paint(values, np.array([[0.0] * 3, [255.0] * 3]), *_limits(values, low, high))


def picture(image: np.ndarray) -> np.ndarray:
    """Return a sample (C, H, W) as colours (H, W, 3): three channels as RGB, else the first channel in grey."""
    low, high = _limits(image, None, None)
    if len(image) != 3:
        return grey(image[0], low, high)
    scaled = (np.nan_to_num(image.astype(np.float64), nan=low) - low) / ((high - low) or 1.0)
    return (scaled.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)


def over(base: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) with a heat map (H, W) of 0 or more laid over its grey: the stronger, the denser."""
    heat = np.nan_to_num(heat, nan=0.0, posinf=0.0)
    top = float(heat.max()) if heat.size else 0.0
    share = heat / top if top > 0 else np.zeros_like(heat)
    quiet = np.repeat(base.mean(axis=2, keepdims=True), 3, axis=2) * 0.85
    dense = (0.25 + 0.6 * share)[..., None] * (share > 0.02)[..., None]
    return (quiet * (1 - dense) + amount(share, 0, 1) * dense).round().astype(np.uint8)


def _limits(values: np.ndarray, low: float | None, high: float | None) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (least if low is None else low), (most if high is None else high)


def _paint(values: np.ndarray, scale: np.ndarray, low: float, high: float) -> np.ndarray:
    found = np.asarray(values, np.float64)
    good = np.isfinite(found)
    place = (np.where(good, found, low) - low) / ((high - low) or 1.0)
    stops = np.linspace(0, 1, len(scale))
    painted = np.stack([np.interp(place.clip(0, 1), stops, scale[:, k]) for k in range(3)], axis=-1)
    painted[~good] = NOT_A_NUMBER
    return painted.round().astype(np.uint8)
