"""Try the network: draw, or send a picture, and watch the answer and the feature maps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import streamlit as st

from builder.ui.drawing import Style, decoded, fitted, style_of
from builder.ui.insight import Insight
from builder.ui.pad import pad
from builder.ui.pages.charts import likelihoods
from builder.ui.pages.common import plain, refused
from builder.ui.pages.look import answer, explain
from builder.ui.pages.pictures import map_sheet, picture_grid
from builder.ui.texts import text
from builder.ui.uploads import safe
from schemas.errors import TsumikiError

MEASURED = 256
"""Training samples that the drawing is made to look like."""


@st.fragment
def section(insight: Insight) -> None:
    """Draw the pad and what the network makes of the drawing. A fragment: a stroke redraws nothing else."""
    left, middle, right = st.columns([3, 4, 5], gap="large")
    with left:
        way = st.segmented_control(
            text("try.way"), ("draw", "upload"), format_func=lambda key: text(f"try.{key}"), default="draw",
            key="try:way", label_visibility="collapsed",
        )  # fmt: skip
        x = _uploaded(insight) if way == "upload" else _drawn(insight)
    if x is None:
        with middle:
            st.info(text("try.empty"), icon=":material/draw:")
        return
    with insight.lock:
        _answer(insight, x, middle, right)


def _drawn(insight: Insight) -> np.ndarray | None:
    """Return the drawing as the network sees it, (1, C, H, W)."""
    labels = {"pad": text("try.pad"), "clear": text("try.clear"), "hint": text("try.hint")}
    drawing = decoded(pad("try:pad", labels))
    style = _style(insight)
    if drawing is None or style is None:
        return None
    sample: np.ndarray = insight.pipeline.apply(fitted(drawing, style)[None])
    return sample


def _style(insight: Insight) -> Style | None:
    """Return how the training samples look; where they are gone, what most digits look like."""
    found: Style | None = insight.memory.get("style")
    if found is not None:
        return found
    shape = insight.pipeline.input or insight.net.input_shape
    if len(shape) != 3:
        return None
    if insight.missing is None:
        part = insight.part("train")
        raw = part.samples.read(np.arange(min(MEASURED, len(part))))
        found = style_of(np.asarray(raw)) if not isinstance(raw, list) or len({r.shape for r in raw}) == 1 else None
    if found is None:
        found = Style((shape[0], shape[1], shape[2]), 0.0, 255.0, False, 0.72, (0.5, 0.5))
    insight.memory["style"] = found
    return found


def _uploaded(insight: Insight) -> np.ndarray | None:
    """Return an uploaded picture as the network sees it; it is read as `tsumiki predict` reads files."""
    sent = st.file_uploader(text("try.file"), type=["png", "jpg", "jpeg", "bmp", "tif", "tiff", "npy"], key="try:file")
    if sent is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / safe(sent.name)
        place.write_bytes(sent.getvalue())
        try:
            x, _ = next(iter(insight.pipeline.batches([place])))
        except TsumikiError as error:
            refused(TsumikiError(str(error).replace(folder, "").replace("/" + place.name, place.name)))
            return None
    found: np.ndarray = x[:1]
    return found


def _answer(
    insight: Insight, x: np.ndarray, middle: st.delta_generator.DeltaGenerator, right: st.delta_generator.DeltaGenerator
) -> None:
    from builder.report.explain.maps import feature_maps, stages

    try:
        if insight.net.task == "regression":
            with middle:
                st.metric(text("try.answer"), plain(insight.label(insight.net.predict(x)[0])))
        else:
            likely, said = answer(insight, x)
            with middle:
                st.metric(text("try.answer"), plain(insight.name(said)))
                st.altair_chart(likelihoods(likely, text("answers.likelihood")), width="stretch", key="try:likely")
        with middle:
            picture_grid([x[0]], [text("try.seen")], side=120)
        with right:
            names = stages(insight.net)
            if names:
                layer = st.selectbox(text("try.maps"), names, key="try:layer")
                st.image(map_sheet(feature_maps(insight.net, x, layer)[0], side=56))
            if st.toggle(text("try.look"), key="try:look"):
                explain(insight, x, None)
    except TsumikiError as error:
        refused(error)
