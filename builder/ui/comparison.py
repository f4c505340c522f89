"""The Build page's view of two documents: their totals side by side, and the lines that differ."""

from __future__ import annotations

from typing import Any

import streamlit as st

from builder.ui.figures import amount
from builder.ui.mending import changes
from builder.ui.pages.common import plain
from builder.ui.state import Store
from builder.ui.state.tree import stripped
from builder.ui.texts import text
from builder.ui.toolbar import examples
from schemas.errors import TsumikiError
from schemas.reader import read_file, read_text


def compare(s: Store) -> None:
    """Draw what differs between the document and another one."""
    choices: dict[str, str] = {}
    if s.state.saved is not None:
        choices["saved"] = text("build.compare.saved")
    choices |= {f"file:{name}": name for name in s.files()}
    choices |= {f"example:{name}": text("build.compare.example", name=name) for name in examples()}
    if not choices:
        st.caption(text("build.no_files"))
        return
    chosen = st.selectbox(
        text("build.compare.with"), list(choices), format_func=lambda one: choices[one], key="build:with"
    )
    other = _other(s, chosen)
    if other is None:
        return
    _differences(s, Store(s.workspace, document=other), choices[chosen])


def _other(s: Store, chosen: str) -> dict[str, Any] | None:
    kind, _, name = chosen.partition(":")
    try:
        if kind == "saved":
            return dict(stripped(s.state.saved))
        return read_file(s.resolve(name)) if kind == "file" else read_text(examples()[name])
    except TsumikiError as error:
        st.error(plain(error))
        return None


def _differences(s: Store, other: Store, name: str) -> None:
    rows = []
    for key in ("parameters", "multiply_adds", "activation_bytes", "peak_training_bytes"):
        mine, theirs = s.report.totals.get(key), other.report.totals.get(key)
        rows.append(
            {
                "": text(f"build.total.{key}"),
                text("build.compare.this"): amount(key, mine),
                name: amount(key, theirs),
            }
        )
    st.dataframe(rows, hide_index=True)
    st.code(changes(other.text, s.text), language="diff", wrap_lines=True)
