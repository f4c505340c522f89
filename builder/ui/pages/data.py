"""Data and task: choose data, see what the network will see, and let head and loss follow from the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from builder.data import suggest
from builder.report.datasets import builtin_rows
from builder.ui import uploads
from builder.ui.adapt import adapted
from builder.ui.pages import samples, task
from builder.ui.pages.bound import at
from builder.ui.pages.common import ICONS, plain, refused
from builder.ui.registry import PLACE, RUNS
from builder.ui.service import registry
from builder.ui.state import Replace, Store, store
from builder.ui.texts import text
from schemas.document import dump
from schemas.errors import TsumikiError

UPLOADS = ("csv", "tsv", "txt", "npz", "zip", "gz", "png", "jpg", "jpeg", "bmp", "tif", "tiff", "npy")
"""Endings that may be sent: tables, arrays, archives, IDX files, and the images that a table names."""

MOST_LISTED = 200


def page() -> None:
    """Draw the page."""
    s = store()
    st.title(text("data.title"))
    st.caption(text("data.caption"))
    _choose(s)
    if "data" not in s.document:
        return
    task.section(s)
    samples.section(s)


# --- choosing ------------------------------------------------------------------------------------------------------


def _choose(s: Store) -> None:
    """Draw the three ways to data, with what is chosen now above them."""
    source = at(s.document, "/data/source")
    with st.container(border=True):
        if isinstance(source, dict):
            st.markdown(f"**{text('data.chosen')}** {plain(_named(source))}")
        ways = {key: text(f"data.way.{key}") for key in ("builtin", "upload", "path")}
        way = st.segmented_control(
            text("data.way"), list(ways), format_func=lambda key: ways[key], default="builtin", key="data:way",
            label_visibility="collapsed", width="stretch",
        )  # fmt: skip
        if way == "upload":
            _upload(s)
        elif way == "path":
            _path(s)
        else:
            _builtin(s)
        if isinstance(source, dict) and source.get("type") == "csv":
            _target(s, source)
    refusal = st.session_state.pop("data:refused", None)
    if refusal:
        st.error(plain(refusal), icon=ICONS["error"])


def _named(source: dict[str, Any]) -> str:
    place = source.get("name") or source.get("path") or source.get("images") or ""
    return f"{source.get('type', '')} · {place}"


def _builtin(s: Store) -> None:
    rows = builtin_rows()
    for place, row in zip(st.columns(len(rows)), rows, strict=True):
        with place, st.container(border=True, height="stretch"):
            st.markdown(f"**{plain(row['name'])}**")
            kind = text(f"task.{row['task']}")
            shape = "×".join(map(str, row["input"]))
            st.caption(kind)
            st.caption(text("data.builtin", samples=row["samples"], shape=shape))
            st.button(
                text("data.use"), key=f"data:use:{row['name']}", on_click=_use, args=(row["name"],), width="stretch"
            )


def _upload(s: Store) -> None:
    sent = st.file_uploader(
        text("data.upload"),
        type=list(UPLOADS),
        accept_multiple_files=True,
        key="data:upload",
        help=text("data.upload.help"),
    )
    if sent and st.button(text("data.take", count=len(sent)), type="primary", icon=":material/upload:"):
        try:
            place = uploads.keep(s.workspace, [(file.name, file) for file in sent])
        except TsumikiError as error:
            refused(error)
            return
        _use(str(place))
        st.rerun()


def _path(s: Store) -> None:
    known = _candidates(s.workspace)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        said = st.selectbox(
            text("data.path"), known, index=None, accept_new_options=True, key="data:path",
            placeholder=text("data.path.hint"), help=text("data.path.help", folder=str(s.workspace)),
        )  # fmt: skip
    with right:
        if st.button(text("data.use"), key="data:use:path", width="stretch", disabled=not said):
            try:
                place = registry(s.workspace).inside(str(said))
            except TsumikiError as error:
                refused(error)
                return
            _use(str(place))
            st.rerun()


def _candidates(workspace: Path) -> list[str]:
    """Return what in the workspace looks like data: tables, archives of arrays, and folders that hold folders."""
    found: list[str] = []
    queue = [workspace]
    while queue and len(found) < MOST_LISTED:
        folder = queue.pop(0)
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for entry in entries[:MOST_LISTED]:
            if entry.name.startswith(".") or entry.name in (RUNS, PLACE, "node_modules"):
                continue
            if entry.is_dir():
                if len(entry.relative_to(workspace).parts) <= 3:
                    queue.append(entry)
                if folder != workspace or entry.name != uploads.FOLDER:
                    found.append(entry.relative_to(workspace).as_posix())
            elif entry.suffix.lower() in (".csv", ".tsv", ".npz"):
                found.append(entry.relative_to(workspace).as_posix())
    return found[:MOST_LISTED]


def _target(s: Store, source: dict[str, Any]) -> None:
    """Let a person choose the column to predict."""
    columns = _columns(s, source)
    if not columns:
        return
    present = source.get("target")
    if isinstance(present, list) or present not in columns:
        return
    st.session_state["data:target"] = present
    st.selectbox(text("data.target"), columns, key="data:target", on_change=_retarget, help=text("data.target.help"))


def _columns(s: Store, source: dict[str, Any]) -> list[str]:
    from builder.data import csv
    from schemas.data import Csv

    try:
        read = Csv.model_validate(source)
        return list(csv.header(read, s.base / read.path))
    except (TsumikiError, ValueError):
        return []


def _retarget() -> None:
    s = store()
    source = at(s.document, "/data/source") or {}
    _use(str(s.base / str(source.get("path"))), st.session_state["data:target"])


def _use(place: str, target: str | None = None) -> None:
    """Take data into the document, and adapt the network to them: one step, which one undo takes back."""
    s = store()
    try:
        found = suggest(place, s.base, target)
    except TsumikiError as error:
        st.session_state["data:refused"] = str(error)
        return
    except OSError as error:
        st.session_state["data:refused"] = f"{error.filename}: {error.strerror}"
        return
    made = {**s.document, "data": found["data"], "task": found["task"]}
    s.dispatch(Replace(text=dump(adapted(made, _facts(found["data"], s.base), found["task"]))))


def _facts(data: dict[str, Any], base: Path) -> Any:
    from builder.data import facts

    try:
        return facts(data, base)
    except TsumikiError:
        return None
