"""Samples and maps as pictures on a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from builder.ui.pages.common import plain

SIDE, GAP = 80, 8
"""Pixels of a shown sample's longer side, and between two of them."""

MAPS = 32
"""Maps of a layer that are shown: the most telling ones."""


def side_of(largest: int, wanted: int = SIDE) -> int:
    """Return the side of a picture in which every pixel is equally large, as near to `wanted` as can be.

    >>> side_of(8), side_of(28), side_of(32), side_of(64), side_of(100)
    (80, 84, 96, 64, 80)
    """
    if largest >= wanted:
        return wanted
    few = wanted // largest * largest
    return few if wanted - few < few + largest - wanted else few + largest


def picture_grid(images: Sequence[np.ndarray], captions: Sequence[str], side: int = SIDE) -> None:
    """Show samples (C, H, W) in rows, with captions as plain text."""
    from builder.report.explain.colours import picture
    from builder.report.explain.pictures import zoom

    side = side_of(max(max(np.shape(image)[1:]) for image in images), side) if len(images) else side
    shown = [spaced(zoom(picture(np.asarray(image)), side), side) for image in images]
    st.image(shown, caption=[plain(caption) for caption in captions], width=side + GAP)


def spaced(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return a picture (H, W, 3) with a transparent margin, as (side, side + GAP, 4): st.image leaves no gap."""
    height, width = image.shape[:2]
    out = np.zeros((max(side, height), max(side, width) + GAP, 4), np.uint8)
    top, left = (out.shape[0] - height) // 2, (out.shape[1] - width) // 2
    out[top : top + height, left : left + width] = np.dstack([image[..., :3], np.full(image.shape[:2], 255, np.uint8)])
    return out


def map_sheet(values: np.ndarray, side: int = 64, columns: int = 8) -> np.ndarray:
    """Return a layer's value for one sample as a picture: maps (C, H, W), rows (C, L), or (F,) as squares.

    Each map and each row is in its own range.
    """
    from builder.report.explain.colours import amount
    from builder.report.explain.look import bands
    from builder.report.explain.maps import strongest
    from builder.report.explain.pictures import sheet, zoom

    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:
        return sheet([zoom(amount(values[c]), side) for c in strongest(values, MAPS)], columns=columns)
    if values.ndim == 2 and values.shape[1] > 1:
        return bands(values, MAPS, 2 * side)
    squares = amount(values.reshape(-1)[:512])
    tiles = [np.repeat(np.repeat(colour[None, None], 14, 0), 14, 1) for colour in squares]
    return sheet(tiles, columns=min(32, max(1, len(tiles))), gap=2)


def filter_sheet(weights: np.ndarray, side: int = 60, columns: int = 8) -> np.ndarray:
    """Return filters (K, C, FH, FW) as a picture: of three channels in colour, else the channel that weighs most."""
    from builder.report.explain.colours import picture, signed
    from builder.report.explain.pictures import sheet, zoom

    if weights.shape[1] == 3:
        tiles = [zoom(picture(weight), side) for weight in weights[:64]]
    else:
        heavy = (weights**2).sum(axis=(2, 3)).argmax(axis=1)
        planes = [weight[channel] for weight, channel in zip(weights, heavy, strict=True)]
        limit = max(float(np.abs(plane).max()) for plane in planes)
        tiles = [zoom(signed(plane, limit), side) for plane in planes[:64]]
    return sheet(tiles, columns=columns)
