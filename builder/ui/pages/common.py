"""What several pages share: how errors look, times and numbers for people, the run that is being looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from builder.ui.service import shelf
from builder.ui.shelf import Entry
from builder.ui.state import store
from builder.ui.texts import text
from builder.ui.texts.translate import read, said
from schemas.errors import Problem
from schemas.say import message

LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where an address would be recognised."""

ICONS = {"error": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}


def plain(words: object) -> str:
    """Return text in which Markdown finds nothing: names of files and classes come from strangers.

    Addresses become links only after backslashes are gone; a word joiner, which has no width, keeps them apart.

    >>> plain("a_b [x](y) $z$ :red[w]")
    'a\\\\_b \\\\[x\\\\](y) \\\\$z\\\\$ \\\\:red\\\\[w\\\\]'
    >>> plain("http://y www.y a@y.z") == "http\\\\:\\u2060//y www\\u2060.y a\\u2060@y.z"
    True
    """
    said = LINKS.sub("\u2060", str(words))
    return "".join("\\" + c if c in "\\`*_{}[]<>#!|~$:&" else c for c in said)


def refused(error: Exception) -> None:
    """Show an error as its message; never as a traceback."""
    st.error(plain(said(message(error))), icon=ICONS["error"])


def problems(found: Iterable[Problem]) -> None:
    """Show problems of the document, with a way to the page where they are mended."""
    for problem in list(found)[:5]:
        where = f"**{plain(problem.layer)}** · " if problem.layer else ""
        st.error(f"{where}{plain(said(problem.what))} {plain(said(problem.why))}", icon=ICONS["error"])
    st.caption(text("common.mend"))


def recorded(item: Mapping[str, Any]) -> str:
    """Return a finding or problem of live.json in the session's language, ready for Markdown."""
    made = item.get("said")
    made = made if isinstance(made, Mapping) else {}
    parts = (read(str(item.get(key) or ""), made.get(key)) for key in ("what", "why", "fix"))
    return " ".join(plain(part) for part in parts if part)


def clock(seconds: float | None) -> str:
    """Write a duration: 0:05, 12:34, 2:05:00; a dash where it is unknown."""
    if seconds is None:
        return "–"
    from builder.report.progress import clock as written

    return written(max(0.0, seconds))


def number(value: Any, digits: int = 4) -> str:
    """Write a number for people; a dash where there is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def headline(title: str, words: str = "") -> None:
    """Draw a page's title, with a line about it beside it."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="headline"):
        st.header(title, width="content")
        if words:
            st.caption(words, width="stretch")


def nothing(words: str, icon: str, page: str) -> None:
    """Draw a page that is still empty: what will be here, and a button to where it begins."""
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        st.markdown(f"## :gray[{icon}]", width="content")
        st.markdown(words, width="content", text_alignment="center")
        if st.button(text(f"common.to.{page}"), type="primary", key=f"nothing:{page}"):
            to_page(page)


def to_page(name: str) -> None:
    """Go to another page of the application."""
    page = st.session_state.get("pages", {}).get(name)
    if page is not None:
        st.switch_page(page)


def metric_name(name: str, to: str | None = None) -> str:
    """Return a metric's name in the session's language, or in `to`."""
    key = f"metric.{name}"
    found = text(key, to)
    return name if found == key else found


def figures(cells: Sequence[tuple[str, str]]) -> None:
    """Draw numbers with their names in one row, small enough that none is cut off."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in cells:
            with st.container(width="content", gap=None):
                st.caption(plain(label))
                st.markdown(f"##### {plain(value)}")


def chosen_run(label: str, key: str) -> Entry | None:
    """Let a person choose a run that has a checkpoint, the one looked at last first; None when there is none."""
    entries = [entry for entry in shelf(store().workspace).runs() if entry.rows]
    if not entries:
        return None
    by_run = {entry.run: entry for entry in entries}
    wanted = st.session_state.get("run")
    runs = list(by_run)
    if st.session_state.get(key) not in by_run:
        st.session_state[key] = wanted if wanted in by_run else runs[0]
    run = st.selectbox(label, runs, key=key, format_func=lambda run: by_run[run].label)
    st.session_state["run"] = run
    return by_run[run]
