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
