"""Build: the canvas, what is selected on it, what the network costs, and what is wrong with it.

The whole page is one fragment, so an edit draws it again and nothing else. The canvas sends numbered edits; everything
else dispatches actions. No kernel is loaded here: shapes, cost and memory are arithmetic.
"""

from __future__ import annotations

import time

import streamlit as st

from builder.ui.comparison import compare
from builder.ui.figures import figures
from builder.ui.inspector import inspect
from builder.ui.mending import problems
from builder.ui.pages.common import plain
from builder.ui.sketch import sketch
from builder.ui.state import Leave, Replace, Store, store
from builder.ui.state.view import Shown, blocks, scope_of
from builder.ui.texts import text
from builder.ui.texts.translate import said
from builder.ui.toolbar import name_field, saved_badge, start, toolbar, undoing

HEIGHT = 600
"""Pixels of canvas and inspector, where the page's style does not say better for the window's height."""

VIEWS = ("canvas", "json", "compare")


def page() -> None:
    """Draw the page."""
    editor(store())


@st.fragment
def editor(s: Store) -> None:
    """Draw everything that an edit changes, what is looked at first before what takes longer: fixes and memory."""
    _notices(s)
    shown = blocks(s.state, s.glance)
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small", key="build-bar")
    body = st.container(key="build-body")
    # Both in one place: the view's switch is in the bar, and the canvas must not wait for the rest of it.
    view = st.session_state.get("build.view") or VIEWS[0]
    beside = body
    if view == "canvas":
        with body:
            left, right = st.columns([2.7, 1], gap="medium")
        with left:
            _place(s)
            sketch(s, shown, HEIGHT)
        time.sleep(0.001)  # lets Streamlit's own thread send it, before this one goes on for as long
        beside = right.container(border=True, height=HEIGHT, key="build-inspector")
    with bar:
        name_field(s)
        toolbar(s)
        if view != "canvas":  # there it has its own
            undoing(s)
        saved_badge(s)
        _verdict(s, shown)
        st.space("stretch")
        _switch("build.view", VIEWS)
    with body:
        if view == "canvas":
            with beside:
                _beside(s, shown)
        elif view == "json":
            _json_view(s)
        else:
            compare(s)
        if shown or s.state.place:  # an empty page is a beginning, not a mistake
            figures(s)
            problems(s, shown)


def _verdict(s: Store, shown: list[Shown]) -> None:
    """Draw how many problems there are, where it is seen without scrolling."""
    if not shown:
        return
    errors, all_of_them = len(s.glance.errors), len(s.glance.problems)
    if errors:
        st.badge(text("build.errors", count=errors), icon=":material/error:", color="red")
    elif all_of_them:
        st.badge(text("build.warnings", count=all_of_them), icon=":material/warning:", color="orange")


def _switch(key: str, options: tuple[str, ...]) -> str:
    chosen = st.segmented_control(
        text(key), options, format_func=lambda one: text(f"{key}.{one}"), key=key, default=options[0], required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    return chosen or options[0]


def _notices(s: Store) -> None:
    """Say why the last action did nothing, and what went wrong with files; once."""
    notice = s.state.notice
    if notice is not None and st.session_state.get("build:notice") is not notice:
        st.session_state["build:notice"] = notice
        if notice.key not in ("notice.nothing", "notice.unreadable", "notice.no_json"):
            values = {name: plain(value) for name, value in notice.values.items()}
            st.toast(text(notice.key, **values), icon=":material/info:")
    wrong = st.session_state.pop("build:told", None)
    if wrong is not None:
        st.error(plain(said(wrong)))
    saved = st.session_state.pop("build:saved", None)
    if saved is not None:
        st.toast(text("build.saved_as", path=plain(saved)), icon=":material/check:")


# --- canvas ----------------------------------------------------------------------------------------------------------


def _beside(s: Store, shown: list[Shown]) -> None:
    """Draw what is selected; on an empty page, what to begin with."""
    chosen = [block for block in shown if block.id in s.state.selection]
    filled = [block for block in shown if block.id in st.session_state.get("canvas:filled", ())]
    if len(chosen) == 1 or (not chosen and len(filled) == 1):
        inspect(s, (chosen or filled)[0])
    elif chosen:
        st.markdown(f"**{text('build.several', count=len(chosen))}**")
        for block in chosen[:20]:
            st.caption(f"{plain(block.type)} · {plain(block.name)}")
        st.caption(text("build.several_hint"))
    elif not shown and not s.state.place:
        start(s)
    else:
        _describe(s)
        st.caption(text("build.none_selected"))


def _describe(s: Store) -> None:
    words = s.document.get("description")
    if isinstance(words, str):
        st.markdown(plain(said(words)))  # of an example there is a translation


def _place(s: Store) -> None:
    """Draw the way from the network to the shown stack."""
    if not s.state.place:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        names = [text("build.network"), *(_called(s, owner) for owner in s.state.place)]
        for level, name in enumerate(names):
            above = len(names) - 1 - level
            if above:
                st.button(
                    f"{plain(name)} ›", key=f"place:{level}", type="tertiary",
                    on_click=s.act, args=(Leave(levels=above),),
                )  # fmt: skip
            else:
                st.markdown(f"**{plain(name)}**")
        if s.state.stack is not None and scope_of(s.state.graph, s.state.stack) is None:
            st.caption(text("build.unused"))


def _called(s: Store, owner: str) -> str:
    return owner.removeprefix("unit:") if owner.startswith("unit:") else s.state.names.get(owner, owner)


# --- the other views -------------------------------------------------------------------------------------------------


def _json_view(s: Store) -> None:
    """Draw the document as text; what is typed becomes the document when it can be read."""
    key = "build:json"
    if st.session_state.get("build:json-rev") != s.state.rev:
        st.session_state["build:json-rev"] = s.state.rev
        st.session_state[key] = s.text
        st.session_state.pop("build:json-problems", None)

    def changed() -> None:
        s.dispatch(Replace(text=st.session_state[key]))
        notice = s.state.notice
        broken = notice is not None and notice.key in ("notice.unreadable", "notice.no_json")
        st.session_state["build:json-problems"] = notice.problems if notice is not None and broken else ()

    st.text_area(
        text("build.json"), key=key, height=HEIGHT, on_change=changed, help=text("build.json_help"),
    )  # fmt: skip
    wrong = st.session_state.get("build:json-problems", ())
    if wrong:
        st.warning(text("build.json_kept"))
    for problem in wrong:
        st.error(f"{plain(said(problem.what))} {plain(said(problem.why))}")
