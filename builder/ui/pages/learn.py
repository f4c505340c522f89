"""Learn: operations step by step on small grids, with one's own numbers. Each lesson opens as a document."""

from __future__ import annotations

import streamlit as st

from builder.ui.pages import counting, windows
from builder.ui.pages.common import headline, refused
from builder.ui.texts import text
from schemas.errors import TsumikiError

LESSONS = {
    "convolution": windows.convolution,
    "pooling": windows.pooling,
    "im2col": windows.im2col,
    "size": counting.size,
    "sharing": counting.sharing,
    "normalisation": counting.normalisation,
}


def page() -> None:
    """Draw the page."""
    headline(text("learn.title"), text("learn.caption"))
    lesson = st.segmented_control(
        text("learn.lesson"), list(LESSONS), format_func=lambda name: text(f"learn.{name}"), default="convolution",
        key="learn:lesson", label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    name = lesson or "convolution"
    st.markdown(text(f"learn.{name}.why"))
    try:
        LESSONS[name]()
    except TsumikiError as error:
        refused(error)
