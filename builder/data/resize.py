"""Bring images to one size, with Pillow on 32-bit floats, one channel at a time."""

from __future__ import annotations

import numpy as np

from schemas.data import Resize

from .images import pillow


def resize(image: np.ndarray, step: Resize) -> np.ndarray:
    """Return (C, H, W) float32 as (C, *step.size). Bilinear averages over all pixels when it shrinks (no aliasing)."""
    height, width = step.size
    _, old_height, old_width = image.shape
    if (old_height, old_width) == (height, width):
        return image.astype(np.float32, copy=False)
    if step.fit == "crop":
        scale = max(height / old_height, width / old_width)
        h, w = min(old_height, round(height / scale)), min(old_width, round(width / scale))
        top, left = (old_height - h) // 2, (old_width - w) // 2
        return _stretch(image[:, top : top + max(1, h), left : left + max(1, w)], height, width, step.method)
    if step.fit == "pad":
        scale = min(height / old_height, width / old_width)
        h, w = (max(1, min(limit, round(old * scale))) for limit, old in ((height, old_height), (width, old_width)))
        out = np.zeros((len(image), height, width), dtype=np.float32)
        top, left = (height - h) // 2, (width - w) // 2
        out[:, top : top + h, left : left + w] = _stretch(image, h, w, step.method)
        return out
    return _stretch(image, height, width, step.method)


def _stretch(image: np.ndarray, height: int, width: int, method: str) -> np.ndarray:
    pil = pillow()
    how = pil.Resampling.BILINEAR if method == "bilinear" else pil.Resampling.NEAREST
    planes = np.ascontiguousarray(image, dtype=np.float32)
    return np.stack([np.asarray(pil.fromarray(plane).resize((width, height), how)) for plane in planes])
