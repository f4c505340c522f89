"""Understand: what a trained network answers, what it sees, where it looks, and a pad to try it on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from builder.ui.insight import Insight
from builder.ui.pages import answers, inside, look, tryout
from builder.ui.pages.common import chosen_run, headline, nothing, refused
from builder.ui.service import shelf
from builder.ui.state import store
from builder.ui.texts import text
from schemas.errors import TsumikiError

VIEWS = ("answers", "draw", "look", "inside")


@st.cache_resource(max_entries=3, show_spinner=False)
def _insight(folder: str, stamp: int) -> Insight:
    """Return a run's network and data; `stamp` changes when there is a better network."""
    return Insight(Path(folder))


def page() -> None:
    """Draw the page."""
    s = store()
    headline(text("understand.title"))
    left, right = st.columns([3, 5], vertical_alignment="bottom")
    with left:
        entry = chosen_run(text("understand.run"), "understand:run")
    if entry is None:
        nothing(text("understand.empty"), ":material/visibility:", "train")
        return
    folder = shelf(s.workspace).folder(entry.run)
    try:
        with st.spinner(text("understand.loading")):
            insight = _insight(str(folder), _stamp(folder))
    except TsumikiError as error:
        refused(error)
        return
    if st.session_state.get("understand:view") not in VIEWS:
        st.session_state["understand:view"] = VIEWS[0]
    views = [view for view in VIEWS if insight.pictured or view in ("answers", "inside")]
    with right:
        view = st.segmented_control(
            text("understand.view"), views, format_func=lambda name: text(f"understand.view.{name}"),
            key="understand:view", label_visibility="collapsed", width="stretch",
        )  # fmt: skip
    if insight.missing is not None and view != "draw":
        refused(TsumikiError(insight.missing))
        return
    try:
        with insight.lock:
            {"draw": tryout.section, "look": look.section, "inside": inside.section}.get(view or "", answers.section)(
                insight
            )
    except TsumikiError as error:
        refused(error)


def _stamp(folder: Path) -> int:
    best = folder / "checkpoints" / "best.safetensors"
    last = folder / "checkpoints" / "last.safetensors"
    place = best if best.is_file() else last
    return place.stat().st_mtime_ns if place.is_file() else 0
