"""Data and task: choose data, see what the network will see, and let head and loss follow from the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from builder.data import suggest
from builder.report.datasets import builtin_rows
from builder.ui import uploads
from builder.ui.adapt import adapted, bare, suited
from builder.ui.agreed import chosen, showing
from builder.ui.confine import strays
from builder.ui.pages import samples, task
from builder.ui.pages.bound import at
from builder.ui.pages.common import ICONS, headline, plain, refused
from builder.ui.registry import PLACE, RUNS
from builder.ui.service import registry
from builder.ui.state import Replace, Store, store
from builder.ui.state.store import EMPTY
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said
from schemas.document import dump
from schemas.errors import TsumikiError
from schemas.say import message

UPLOADS = ("csv", "tsv", "txt", "npz", "zip", "gz", "png", "jpg", "jpeg", "bmp", "tif", "tiff", "npy")
"""Endings that may be sent: tables, arrays, archives, IDX files, and the images that a table names."""

ABREAST = 4
"""Built-in data sets in one row."""

MOST_LISTED = 200


def page() -> None:
    """Draw the page."""
    s = store()
    headline(text("data.title"), text("data.caption"))
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
            st.markdown(
                f":green[:material/check_circle:] **{text('data.chosen')}** {plain(_named(source))}{_facts_in_words(s)}"
            )
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
        if isinstance(source, dict) and source.get("type") == "csv" and not strays(s.document, s.base, s.workspace):
            _target(s, source)
    refusal = st.session_state.pop("data:refused", None)
    if refusal:
        st.error(plain(said(refusal)), icon=ICONS["error"])


def _facts_in_words(s: Store) -> str:
    """Say in a few words how many samples there are, and of what shape."""
    facts = s.report.facts
    if facts is None or not facts.samples or facts.shape is None:
        return ""
    return " · " + text("data.builtin", samples=facts.samples, shape="×".join(map(str, facts.shape)))


def _named(source: dict[str, Any]) -> str:
    place = source.get("name") or source.get("path") or source.get("images") or ""
    kind = source.get("type", "")
    key = f"data.kind.{kind}"
    return f"{text(key) if key in texts() else kind} · {place}"


def _builtin(s: Store) -> None:
    rows = builtin_rows()
    present = at(s.document, "/data/source/name")
    places = [column for _ in range(0, len(rows), ABREAST) for column in st.columns(ABREAST)]
    for place, row in zip(places, rows, strict=False):
        with place, st.container(border=True, height="stretch", gap="small"):
            name = row["name"]
            st.markdown(f"**{text(f'data.set.{name}') if f'data.set.{name}' in texts() else plain(name)}**")
            shape = "×".join(map(str, row["input"]))
            words = text("data.builtin", samples=row["samples"], shape=shape)
            kind = text(f"task.{row['task']}")
            st.caption(f"{kind}  \n{words}")
            st.button(
                text("data.used" if name == present else "data.use"), key=f"data:use:{name}", on_click=_use,
                args=(name,), width="stretch", icon=":material/check:" if name == present else None,
            )  # fmt: skip


def _upload(s: Store) -> None:
    turn = st.session_state.get("data:turn", 0)  # after a success the field is a new, empty one
    whole = st.segmented_control(
        text("data.upload.kind"), ("files", "folder"), format_func=lambda key: text(f"data.upload.{key}"),
        default="files", key="data:upload:kind", label_visibility="collapsed",
    ) == "folder"  # fmt: skip
    sent: Any = st.file_uploader(
        text("data.upload.folder.say" if whole else "data.upload"),
        type=list(UPLOADS),
        accept_multiple_files="directory" if whole else True,
        key=f"data:upload:{whole}:{turn}",
        help=text("data.upload.help"),
    )
    if sent and st.button(text("data.take", count=len(sent)), type="primary", icon=":material/upload:"):
        try:
            with st.spinner(text("data.reading")):
                place = uploads.keep(s.workspace, [(file.name, file) for file in sent])
        except TsumikiError as error:
            refused(error)
            return
        st.session_state["data:turn"] = turn + 1
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
    key = showing("data:target", present)
    st.selectbox(text("data.target"), columns, key=key, on_change=_retarget, args=(key,), help=text("data.target.help"))


def _columns(s: Store, source: dict[str, Any]) -> list[str]:
    from builder.data import csv
    from schemas.data import Csv

    try:
        read = Csv.model_validate(source)
        return list(csv.header(read, s.base / read.path))
    except (TsumikiError, ValueError):
        return []


def _retarget(key: str) -> None:
    s = store()
    source = at(s.document, "/data/source") or {}
    _use(str(s.base / str(source.get("path"))), chosen(key))


def _use(place: str, target: str | None = None) -> None:
    """Take data into the document, and adapt the network to them: one step, which one undo takes back."""
    s = store()
    try:
        found = suggest(place, s.base, target)
    except TsumikiError as error:
        st.session_state["data:refused"] = message(error)
        return
    except OSError as error:
        st.session_state["data:refused"] = f"{error.filename}: {error.strerror}"
        return
    made = {**s.document, "data": found["data"], "task": found["task"]}
    if s.state.path is None and made.get("name") in (None, "", EMPTY["name"]):
        made["name"] = found["name"]  # a document that nobody has named is called as its data
    fit = suited if bare(made) else adapted
    s.dispatch(Replace(text=dump(fit(made, _facts(found["data"], s.base), found["task"]))))


def _facts(data: dict[str, Any], base: Path) -> Any:
    from builder.data import facts

    try:
        return facts(data, base)
    except TsumikiError:
        return None
