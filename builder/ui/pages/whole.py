"""The lesson's filter on a whole picture: a photograph, a sample of one's own data, or a picture that is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from builder.ui.pages.common import refused
from builder.ui.pages.samples import prepared_of
from builder.ui.state import Store, store
from builder.ui.texts import text
from schemas.errors import TsumikiError

WIDTH = 420
"""Pixels of a shown picture."""


def section(kernel: np.ndarray, stride: int, padding: int, bias: float) -> None:
    """Draw a picture and what the filter makes of it."""
    from builder.report.explain.colours import grey, signed
    from builder.report.explain.filters import apply_filter
    from builder.report.explain.pictures import zoom

    with st.expander(text("learn.whole"), icon=":material/image:", expanded=True):
        image = _chosen()
        if image is None:
            return
        try:
            found = apply_filter(
                image[None], kernel[None].astype(np.float64), (stride, stride), ((padding, padding), (padding, padding))
            )
        except TsumikiError as error:
            refused(error)
            return
        limit = max(float(np.abs(kernel).sum()) * 0.5, 1e-9)
        left, right = st.columns(2, gap="large")
        with left:
            st.image(zoom(grey(image), WIDTH), caption=f"{image.shape[0]} × {image.shape[1]}")
        with right:
            shown = grey(found + bias) if (kernel >= 0).all() else signed(found + bias, limit)
            st.image(zoom(shown, WIDTH), caption=f"{found.shape[0]} × {found.shape[1]}")
        st.caption(text("learn.whole.say"))


def _chosen() -> np.ndarray | None:
    """Let a picture be chosen; return it in grey, (H, W) from 0 to 1."""
    from builder.report.explain.examples import PHOTOS, grey, photo

    own = own_sample(store())
    names = [*PHOTOS, *(["data"] if own is not None else []), "upload"]
    name = st.segmented_control(
        text("learn.whole.picture"), names, format_func=lambda n: text(f"learn.whole.{n}"), default=names[0],
        key="whole:picture", label_visibility="collapsed",
    ) or names[0]  # fmt: skip
    if name == "data" and own is not None:
        return _scaled(grey(own))
    if name == "upload":
        sent: Any = st.file_uploader(text("try.file"), type=["png", "jpg", "jpeg", "bmp"], key="whole:file")
        return None if sent is None else _read(sent)
    return photo(name if name in PHOTOS else PHOTOS[0])


def _read(sent: Any) -> np.ndarray | None:
    """Return an uploaded picture in grey; None with the reason shown where it is none."""
    import tempfile
    from pathlib import Path

    from builder.data.images import decode_file
    from builder.report.explain.examples import grey
    from builder.ui.uploads import safe

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / safe(sent.name)
        place.write_bytes(sent.getvalue())
        try:
            return _scaled(grey(decode_file(place).values))
        except TsumikiError as error:
            refused(TsumikiError(str(error).replace(f"{folder}/", "")))
            return None


def _scaled(image: np.ndarray) -> np.ndarray:
    low, high = float(image.min()), float(image.max())
    found: np.ndarray = (image - low) / ((high - low) or 1.0)
    return found


def own_sample(s: Store) -> np.ndarray | None:
    """Return an image (C, H, W) of the document's data, as the network sees it; None where there are no images."""
    values = own_values(s, 1)
    return values[0] if values is not None and values.ndim == 4 else None


def own_values(s: Store, count: int) -> np.ndarray | None:
    """Return some samples of the document's data, as the network sees them; None where there are none."""
    if not isinstance(s.document.get("data"), dict):
        return None
    prepared, _ = prepared_of(s)
    if prepared is None:
        return None
    try:
        x: np.ndarray = prepared.train.read(np.arange(min(count, len(prepared.train))))[0]
    except TsumikiError:
        return None
    return x
