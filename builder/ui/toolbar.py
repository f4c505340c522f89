"""Where documents come from and go to: templates, the workspace, uploads, downloads, and drafts of other sessions."""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from builder.ui.agreed import chosen, showing
from builder.ui.pages.common import plain
from builder.ui.state import Open, Set, Store
from builder.ui.state.store import EMPTY, Conflict, Draft
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said as translated
from schemas.errors import TsumikiError
from schemas.say import message

MOST_UPLOAD = 8 * 2**20
"""Bytes of an uploaded document; schemas/reader.py takes no more."""

EASY = ("digits", "iris", "breast_cancer", "diabetes", "simple_convnet", "mlp", "skip_connection", "two_branches")
"""Examples to begin with: small, with data, trained in seconds."""

MOST_RECOVERED = 3
"""Unsaved documents that an empty page offers; the menu has more."""


@cache
def examples() -> dict[str, str]:
    """Return name -> JSON text of every example, those to begin with first.

    They lie beside the packages in a checkout, inside builder when installed.
    """
    folders = (Path(__file__).parents[2] / "examples", Path(__file__).parents[1] / "examples")
    folder = next((place for place in folders if place.is_dir()), None)
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json"))} if folder else {}
    first = [name for name in EASY if name in found]
    return {name: found[name] for name in dict.fromkeys([*first, *found])}


def told(error: Exception) -> None:
    """Keep a message for the next time the page is drawn: callbacks cannot draw."""
    st.session_state["build:told"] = message(error)


def toolbar(s: Store) -> None:
    """Draw the buttons that bring documents and take them away, into the row that is open."""
    for name, icon, draw in MENUS:
        # What is inside takes time that an edit does not have, so it is drawn when the menu is opened.
        menu = st.popover(text(f"build.{name}"), icon=f":material/{icon}:", key=f"build-{name}", on_change="rerun")
        if menu.open:
            with menu:
                draw(s)
    st.download_button(
        text("build.download"),
        s.text.encode("utf-8"),
        file_name=f"{s.document.get('name') or 'network'}.json"[:80],
        mime="application/json",
        icon=":material/download:",
        key="build-download",
        on_click="ignore",
    )


def _close(menu: str) -> None:
    """Close a menu in which something was chosen: it lies over the canvas, which is looked at next."""
    st.session_state[f"build-{menu}"] = False


def _fresh(s: Store, said: str) -> None:
    s.dispatch(Open(text=said))
    _close("new")


def undoing(s: Store) -> None:
    """Draw undo and redo, for the views without the canvas."""
    for action, past in (("undo", s.state.past), ("redo", s.state.future)):
        st.button(
            "", icon=f":material/{action}:", key=f"build:{action}", help=text(f"canvas.{action}"), disabled=not past,
            on_click=s.act, args=({"op": action},), shortcut="Mod+Z" if action == "undo" else "Mod+Shift+Z",
        )  # fmt: skip


def start(s: Store) -> None:
    """Draw the first steps of an empty page: what was left unsaved, and the examples."""
    with st.container(key="build-start"):
        known = [json.loads(said) for said in examples().values()]  # an example that was only looked at is no loss
        drafts = [draft for draft in s.drafts() if json.loads(draft.text) not in known][:MOST_RECOVERED]
        if drafts:
            st.markdown(f"**{text('build.recovered')}**")
            _drafts(s, drafts)
        st.markdown(f"**{text('build.start')}**")
        easy = st.container(gap="small")
        rest = st.expander(text("build.start.more"), key="build-start-more")
        for number, (name, said) in enumerate(examples().items()):
            (easy if number < len(EASY) else rest).button(
                _called(name),
                key=f"start:{name}",
                on_click=s.act,
                args=(Open(text=said),),
                width="stretch",
                type="secondary" if number else "primary",
            )


def _called(name: str) -> str:
    key = f"template.{name}"
    return text(key) if key in texts() else name


def _drafts(s: Store, drafts: list[Draft]) -> None:
    for draft in drafts:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(draft.time))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"{plain(draft.name or text('app.unnamed'))} :gray[{when}]", width="stretch")
            st.button("", icon=":material/restore:", key=f"draft:{draft.id}", help=text("build.recover"),
                      on_click=_recover, args=(s, draft.id), type="tertiary")  # fmt: skip
            st.button("", icon=":material/delete:", key=f"forget:{draft.id}", help=text("build.forget"),
                      on_click=s.forget, args=(draft.id,), type="tertiary")  # fmt: skip


def templates(s: Store) -> None:
    """Draw a button for an empty document and one for each example."""
    st.button(
        text("build.empty"),
        key="template:empty",
        icon=":material/check_box_outline_blank:",
        on_click=_fresh,
        args=(s, json.dumps(EMPTY)),
        width="stretch",
    )
    for name, said in examples().items():
        st.button(
            _called(name),
            key=f"template:{name}",
            help=plain(translated(_description(said))),
            on_click=_fresh,
            args=(s, said),
            width="stretch",
        )


@cache
def _description(said: str) -> str:
    return str(json.loads(said).get("description", ""))


def _open(s: Store) -> None:
    files = s.files()
    st.caption(plain(text("build.workspace", folder=s.workspace)))
    if files:
        st.selectbox(text("build.file"), files, key="build:file", index=None, placeholder=text("build.choose_file"))
        st.button(
            text("build.open"), key="build:open-file", disabled=st.session_state.get("build:file") is None,
            on_click=_open_file, args=(s,), type="primary",
        )  # fmt: skip
    else:
        st.caption(text("build.no_files"))
    st.file_uploader(
        text("build.upload"), type="json", max_upload_size=8, key="build:upload", on_change=_uploaded, args=(s,)
    )
    drafts = s.drafts()[:8]
    if drafts:
        st.markdown(f"**{text('build.drafts')}**")
    _drafts(s, drafts)


def _recover(s: Store, draft: str) -> None:
    try:
        s.recover(draft)
        _close("open")
    except TsumikiError as error:
        told(error)


def _open_file(s: Store) -> None:
    try:
        s.open(st.session_state["build:file"])
        _close("open")
    except TsumikiError as error:
        told(error)


def _uploaded(s: Store) -> None:
    file: Any = st.session_state.get("build:upload")
    if file is None:
        return
    try:
        s.upload(file.read(MOST_UPLOAD + 1))
        _close("open")
    except TsumikiError as error:
        told(error)


def _save(s: Store) -> None:
    name = s.state.path or f"{s.document.get('name') or 'network'}.json"
    key = f"build:path:{name}"  # holds the name, so that another document's is not the one typed before
    path = st.text_input(
        text("build.path"), value=name, key=key, help=plain(text("build.workspace", folder=s.workspace))
    ).strip()
    conflict = st.session_state.get("build:conflict") == path
    if conflict:
        st.warning(text("build.conflict"))
    st.button(
        text("build.overwrite") if conflict else text("build.save"),
        key="build:save",
        type="primary",
        disabled=not path,
        on_click=_saved,
        args=(s, path, conflict),
    )


def _saved(s: Store, path: str, overwrite: bool) -> None:
    st.session_state.pop("build:conflict", None)
    try:
        s.save(path, overwrite=overwrite)
        st.session_state["build:saved"] = s.state.path
        _close("save")
    except Conflict:
        st.session_state["build:conflict"] = path
    except TsumikiError as error:
        told(error)


def name_field(s: Store) -> None:
    """Draw the document's name, which is also that of the folder for its runs."""
    value = s.document.get("name")
    key = showing("build:name", value if isinstance(value, str) else "")

    def renamed() -> None:
        s.dispatch(Set(pointer="/name", value=chosen(key).strip() or "network"))

    st.text_input(
        text("build.document"),
        key=key,
        on_change=renamed,
        max_chars=60,
        label_visibility="collapsed",
        width=190,
    )


def saved_badge(s: Store) -> None:
    """Draw whether the document is saved, and where."""
    if s.failure is not None:
        st.badge(text("app.no_draft"), icon=":material/warning:", color="red", help=plain(s.failure))
    place = text("app.never_saved") if s.state.path is None else plain(s.state.path)
    where = s.state.stack
    if s.state.path is None and not s.state.past and where is not None and not where.entries:
        return  # nothing there that could be lost
    if s.state.changed:
        st.badge(text("app.unsaved"), color="orange", help=place)
    else:
        st.badge(text("app.saved"), color="green", help=place)


MENUS = (("new", "add", templates), ("open", "folder_open", _open), ("save", "save", _save))
"""Of the toolbar: name, icon, and what draws what is inside."""
