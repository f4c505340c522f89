"""Random changes of training images: each depends on (seed, epoch, sample index, step) alone, on nothing before it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from schemas import data as schema

from .random import uniform


def augment_maps(
    t: np.ndarray, steps: Sequence[schema.Augmentation], seed: int, epoch: int, indices: np.ndarray
) -> np.ndarray:
    """Return targets that are images, moved as `augment` moves their inputs; what comes from outside is 0.

    Classes (n, H, W) int64, and yes-or-no maps, take the nearest pixel instead of a mean.
    """
    classes = t.dtype.kind == "i"
    planes = t[:, None].astype(np.float32) if classes else t
    steps = [step.model_copy(update={"fill": 0.0}) if hasattr(step, "fill") else step for step in steps]
    nearest = classes or bool(((t == 0) | (t == 1)).all())
    moved = augment(planes, steps, seed, epoch, indices, nearest)
    return np.ascontiguousarray(moved[:, 0].astype(np.int64) if classes else moved)


def augment(
    x: np.ndarray,
    steps: Sequence[schema.Augmentation],
    seed: int,
    epoch: int,
    indices: np.ndarray,
    nearest: bool = False,
) -> np.ndarray:
    """Return changed copies of images (n, C, H, W) float32; `indices` are the samples' positions in their part.

    Mixup, which is of batches, is not done here: see mixup.py.
    """
    for place, step in enumerate(steps):

        def draw(use: int, place: int = place) -> np.ndarray:
            return uniform(seed, epoch, place, use, indices)

        if isinstance(step, schema.Flip):
            x = flip(x, step, draw(0), draw(1))
        elif isinstance(step, schema.Shift):
            x = shift(x, step, draw(0), draw(1))
        elif isinstance(step, schema.Crop):
            x = crop(x, step, draw(0), draw(1), draw(2), nearest)
        elif isinstance(step, schema.Rotate):
            x = rotate(x, step, draw(0), nearest)
    return np.ascontiguousarray(x)


def flip(x: np.ndarray, step: schema.Flip, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Mirror left-right where u < p, up-down where v < p, as the direction says."""
    if step.direction != "vertical":
        x = np.where((u < step.p)[:, None, None, None], x[..., ::-1], x)
    if step.direction != "horizontal":
        x = np.where((v < step.p)[:, None, None, None], x[:, :, ::-1], x)
    return x


def shift(x: np.ndarray, step: schema.Shift, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Move by whole pixels, each distance from -pixels to +pixels equally likely."""
    n, c, height, width = x.shape
    down, right = (np.floor(r * (2 * p + 1)).astype(np.int64) - p for r, p in zip((u, v), step.pixels, strict=True))
    rows = np.arange(height) - down[:, None]
    columns = np.arange(width) - right[:, None]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    at = (np.clip(rows, 0, height - 1)[:, :, None] * width + np.clip(columns, 0, width - 1)[:, None, :]).reshape(
        n, 1, -1
    )
    moved = np.take_along_axis(x.reshape(n, c, -1), at, axis=2).reshape(x.shape)
    return np.where(inside, moved, np.float32(step.fill))


def crop(
    x: np.ndarray, step: schema.Crop, size: np.ndarray, u: np.ndarray, v: np.ndarray, nearest: bool = False
) -> np.ndarray:
    """Cut out a part of `smallest` to 1 times the sides and enlarge it; nothing comes from outside the image."""
    height, width = x.shape[2:]
    scale = (step.smallest + (1 - step.smallest) * size)[:, None]
    rows = (np.arange(height) + 0.5) * scale + u[:, None] * (1 - scale) * height - 0.5
    columns = (np.arange(width) + 0.5) * scale + v[:, None] * (1 - scale) * width - 0.5
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    shape = (len(x), height, width)
    rows, columns = np.broadcast_to(rows[:, :, None], shape), np.broadcast_to(columns[:, None, :], shape)
    if nearest:
        rows, columns = np.rint(rows), np.rint(columns)
    return bilinear(x, rows, columns, 0.0)


def rotate(x: np.ndarray, step: schema.Rotate, u: np.ndarray, nearest: bool = False) -> np.ndarray:
    """Turn around the centre by -degrees to +degrees, counter-clockwise where positive."""
    height, width = x.shape[2:]
    # One sample at a time: NumPy's vectorised sine may differ in the last bit with the batch's length.
    angles = [math.radians(step.degrees * (2 * float(r) - 1)) for r in u]
    cos = np.array([math.cos(a) for a in angles])[:, None, None]
    sin = np.array([math.sin(a) for a in angles])[:, None, None]
    y = (np.arange(height) - (height - 1) / 2)[None, :, None]
    right = (np.arange(width) - (width - 1) / 2)[None, None, :]
    rows = cos * y + sin * right + (height - 1) / 2
    columns = cos * right - sin * y + (width - 1) / 2
    if nearest:
        rows, columns = np.rint(rows), np.rint(columns)
    return bilinear(x, rows, columns, step.fill)


def bilinear(x: np.ndarray, rows: np.ndarray, columns: np.ndarray, fill: float) -> np.ndarray:
    """Return x (n, C, H, W) read at real positions (n, H, W): the mean of four pixels, weighted by nearness.

    Pixels outside the image count as `fill`.
    """
    n, c, height, width = x.shape
    top, left = np.floor(rows), np.floor(columns)
    below, beside = (rows - top).astype(np.float32), (columns - left).astype(np.float32)
    top, left = top.astype(np.int64), left.astype(np.int64)
    flat = x.reshape(n, c, -1)
    out = np.zeros_like(x)
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        r, s = top + down, left + across
        weight = (below if down else 1 - below) * (beside if across else 1 - beside)
        inside = (r >= 0) & (r < height) & (s >= 0) & (s < width)
        at = np.clip(r, 0, height - 1) * width + np.clip(s, 0, width - 1)
        pixel = np.take_along_axis(flat, at.reshape(n, 1, -1), axis=2).reshape(x.shape)
        out += np.where(inside[:, None], pixel, np.float32(fill)) * weight[:, None]
    return out
