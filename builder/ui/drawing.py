"""A drawing made to look like the samples that a network was trained on: their size, place, ground and values."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np

SIDE = 112
"""Rows and columns of the drawing as the browser sends it, one byte each."""

FINE = 8
"""Places within a pixel at which a drawing can lie."""

INK = 0.15
"""Share of the values' range from which a pixel counts as drawn upon."""


@dataclass(frozen=True)
class Style:
    """How samples look: `shape` (C, H, W), values from `low` to `high`, and where their ink is."""

    shape: tuple[int, int, int]
    low: float
    high: float
    light: bool
    """Whether the ground is light and the ink dark."""
    extent: float
    """Longer side of the ink's box, as a share of the image's longer side."""
    centre: tuple[float, float]
    """Centre of the ink's mass, as shares of height and width."""


def style_of(x: np.ndarray) -> Style:
    """Measure samples (n, C, H, W), as they are before preprocessing."""
    grey = x.astype(np.float64).mean(axis=1)
    low, high = float(grey.min()), float(grey.max())
    span = (high - low) or 1.0
    ink = (grey - low) / span
    edge = np.concatenate([ink[:, 0], ink[:, -1], ink[:, :, 0], ink[:, :, -1]], axis=1)
    light = bool(np.median(edge) > 0.5)
    if light:
        ink = 1 - ink
    boxes = [box for image in ink if (box := box_of(image)) is not None]
    longest = max(ink.shape[1:])
    extent = float(np.median([max(b - a, d - c) for a, b, c, d in boxes])) / longest if boxes else 0.7
    mass = np.maximum(ink.sum(axis=(1, 2)), 1e-9)
    rows = (ink.sum(axis=2) @ (np.arange(ink.shape[1]) + 0.5)) / mass / ink.shape[1]
    columns = (ink.sum(axis=1) @ (np.arange(ink.shape[2]) + 0.5)) / mass / ink.shape[2]
    shape = (x.shape[1], x.shape[2], x.shape[3])
    return Style(shape, low, high, light, extent, (float(np.median(rows)), float(np.median(columns))))


def box_of(image: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return (first row, end row, first column, end column) of the ink in an image of 0 to 1; None without ink."""
    rows, columns = np.flatnonzero((image > INK).any(axis=1)), np.flatnonzero((image > INK).any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def decoded(sent: object) -> np.ndarray | None:
    """Return what the browser sent as a drawing (SIDE, SIDE) of 0 to 1; None where it is none, or is empty."""
    if not isinstance(sent, str) or len(sent) > 2 * SIDE * SIDE:
        return None
    try:
        raw = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != SIDE * SIDE:
        return None
    image = np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE) / 255.0
    return image if box_of(image) is not None else None


def fitted(drawing: np.ndarray, style: Style) -> np.ndarray:
    """Return a drawing (h, w) of 0 to 1 as a sample (C, H, W) float32 in this style.

    Raises ValueError for a drawing without ink.
    """
    from PIL import Image

    box = box_of(drawing)
    if box is None:
        raise ValueError("nothing is drawn")
    a, b, c, d = box
    channels, height, width = style.shape
    cut = Image.fromarray(drawing[a:b, c:d].astype(np.float32))
    scale = style.extent * max(height, width) * FINE / max(b - a, d - c)
    size = (max(1, round((d - c) * scale)), max(1, round((b - a) * scale)))
    ink = np.asarray(cut.resize(size, Image.Resampling.BILINEAR), np.float64).clip(0, 1)
    mass = max(ink.sum(), 1e-9)
    row = (ink.sum(axis=1) @ (np.arange(len(ink)) + 0.5)) / mass
    column = (ink.sum(axis=0) @ (np.arange(ink.shape[1]) + 0.5)) / mass
    fine = np.zeros((height * FINE, width * FINE))
    _paste(fine, ink, round(style.centre[0] * height * FINE - row), round(style.centre[1] * width * FINE - column))
    small = fine.reshape(height, FINE, width, FINE).mean(axis=(1, 3))
    shown = 1 - small if style.light else small
    values = style.low + shown * (style.high - style.low)
    return np.repeat(values[None], channels, axis=0).astype(np.float32)


def _paste(ground: np.ndarray, ink: np.ndarray, top: int, left: int) -> None:
    """Put an image onto a ground in place; what lies outside is cut off."""
    a, b = max(top, 0), min(top + ink.shape[0], ground.shape[0])
    c, d = max(left, 0), min(left + ink.shape[1], ground.shape[1])
    if a < b and c < d:
        ground[a:b, c:d] = ink[a - top : b - top, c - left : d - left]
