"""Pictures from colours: enlarged pixels, sheets of tiles, frames, PNG files. Pictures are (H, W, 3 or 4) uint8."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np

from .receptive import Box

FRAME = (235, 87, 40)


def zoom(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture about `side` pixels large: whole pixels repeated, or averaged where it is larger than that."""
    largest = max(picture.shape[:2])
    if largest <= side:
        times = max(1, side // largest)
        return picture.repeat(times, axis=0).repeat(times, axis=1)
    from builder.data.images import pillow

    height, width = (max(1, round(n * side / largest)) for n in picture.shape[:2])
    pil = pillow()
    return np.asarray(pil.fromarray(picture).resize((width, height), pil.Resampling.BOX))


LINE, GROUND = (30, 41, 70), (247, 248, 250)


def curve(values: np.ndarray, side: int, behind: np.ndarray | None = None) -> np.ndarray:
    """Return rows of values (C, L) as curves below one another, about 2 · `side` pixels wide, one scale for all.

    `behind` (L, 3) uint8 are colours of the ground at each place.
    """
    across = max(1, 2 * side // values.shape[1])
    high = max(12, min(side, 40))
    finite = values[np.isfinite(values)]
    low, top = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    ground = np.broadcast_to(np.array(GROUND, np.uint8), (values.shape[1], 3)) if behind is None else behind
    bands = []
    for row in values:
        band = np.repeat(np.repeat(ground[None], high, axis=0), across, axis=1).copy()
        scaled = (np.nan_to_num(row.astype(np.float64), nan=low, posinf=top, neginf=low) - low) / ((top - low) or 1.0)
        places = np.arange(band.shape[1]) / across
        heights = (1 - np.interp(places, np.arange(len(row)), scaled)) * (high - 3)
        before = np.concatenate((heights[:1], heights[:-1]))
        for column, (a, b) in enumerate(zip(before, heights, strict=True)):
            band[int(min(a, b)) : int(max(a, b)) + 2, column] = LINE
        bands.append(band)
    return np.concatenate(bands)


def sheet(tiles: Sequence[np.ndarray], columns: int | None = None, gap: int = 6) -> np.ndarray:
    """Return tiles in rows on a transparent ground, as (H, W, 4); about twice as wide as high when left to it."""
    if not tiles:
        return np.zeros((1, 1, 4), np.uint8)
    across = columns or min(len(tiles), max(1, math.ceil(math.sqrt(2 * len(tiles)))))
    height, width = (max(t.shape[a] for t in tiles) for a in (0, 1))
    rows = -(-len(tiles) // across)
    out = np.zeros((rows * (height + gap) - gap, across * (width + gap) - gap, 4), np.uint8)
    for k, tile in enumerate(tiles):
        top, left = k // across * (height + gap), k % across * (width + gap)
        out[top : top + tile.shape[0], left : left + tile.shape[1], :3] = tile[..., :3]
        out[top : top + tile.shape[0], left : left + tile.shape[1], 3] = 255
    return out


def framed(picture: np.ndarray, size: tuple[int, int], box: Box, line: int | None = None) -> np.ndarray:
    """Return an enlarged picture with a frame along the edge of the pixels `box` of an image of this size."""
    out = picture[..., :3].copy()
    (a, b), (c, d) = box
    down, across = out.shape[0] / size[0], out.shape[1] / size[1]
    top, bottom = int(max(a, 0) * down), math.ceil(min(b + 1, size[0]) * down)
    left, right = int(max(c, 0) * across), math.ceil(min(d + 1, size[1]) * across)
    line = line or max(1, round(min(out.shape[:2]) / 48))
    for part in (
        (slice(top, top + line), slice(left, right)),
        (slice(bottom - line, bottom), slice(left, right)),
        (slice(top, bottom), slice(left, left + line)),
        (slice(top, bottom), slice(right - line, right)),
    ):
        out[part] = FRAME
    return out


def png(picture: np.ndarray) -> bytes:
    """Return a picture as a PNG file's bytes."""
    from builder.data.images import pillow

    buffer = io.BytesIO()
    pillow().fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
