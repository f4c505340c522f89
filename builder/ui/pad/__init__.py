"""A pad to draw on: a small component of plain JavaScript, without anything from elsewhere.

`pad(key, labels)` returns the drawing as drawing.decoded takes it: base64 of SIDE × SIDE bytes, "" when it is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from builder.ui.drawing import SIDE


@cache
def _component() -> Any:
    here = Path(__file__).parent
    js, css = ((here / f"pad.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    return st.components.v2.component("tsumiki-pad", js=js, css=css)


def pad(key: str, labels: Mapping[str, str]) -> str:
    """Draw the pad. `labels` are the texts "pad" (for screen readers), "clear" and "hint"."""
    found = _component()(
        key=key, data={"side": SIDE, "labels": dict(labels)}, default={"drawing": ""}, on_drawing_change=lambda: None
    )
    drawing = found.drawing
    return drawing if isinstance(drawing, str) else ""
