"""Build: the canvas, what is selected on it, what the network costs, and what is wrong with it.

The whole page is one fragment, so an edit draws it again and nothing else. The canvas sends numbered edits; everything
else dispatches actions. No kernel is loaded here: shapes, cost and memory are arithmetic.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import streamlit as st

from builder.report.text import bytes_text
from builder.ui.canvas import canvas, read, read_selected
from builder.ui.fields import sentence
from builder.ui.inspector import inspect
from builder.ui.mending import changes, heading, problems
from builder.ui.pace import seconds_per_epoch
from builder.ui.pages.common import plain
from builder.ui.state import Leave, Replace, Select, Store, store
from builder.ui.state.edits import UNIT_TYPE
from builder.ui.state.tree import INPUT, units_of
from builder.ui.state.view import MEASURES, Shown, blocks, edges, node, scope_of
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said
from builder.ui.toolbar import examples, name_field, saved_badge, toolbar
from schemas.errors import Problem
from schemas.layer import REGISTRY
from schemas.shapes import shape_text

HEIGHT = 660
"""Pixels of canvas and inspector."""

VIEWS = ("canvas", "json", "compare")


def page() -> None:
    """Draw the page."""
    editor(store())


@st.fragment
def editor(s: Store) -> None:
    """Draw everything that an edit changes."""
    _notices(s)
    shown = blocks(s.state, s.report)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="build-bar"):
        name_field(s)
        toolbar(s)
        saved_badge(s)
        _verdict(s, shown)
        st.space("stretch")
        view = _switch("build.view", VIEWS)
    if view == "canvas":
        _canvas_view(s, shown)
    elif view == "json":
        _json_view(s)
    else:
        _compare_view(s)
    _totals(s)
    if shown or s.state.place:  # an empty page is a beginning, not a mistake
        problems(s, shown)


def _verdict(s: Store, shown: list[Shown]) -> None:
    """Draw how many problems there are, where it is seen without scrolling."""
    if not shown:
        return
    errors, all_of_them = len(s.report.errors), len(s.report.problems)
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
        st.error(plain(wrong))
    saved = st.session_state.pop("build:saved", None)
    if saved is not None:
        st.toast(text("build.saved_as", path=plain(saved)), icon=":material/check:")


# --- canvas ----------------------------------------------------------------------------------------------------------


def _canvas_view(s: Store, shown: list[Shown]) -> None:
    left, right = st.columns([2.7, 1], gap="medium")
    with left:
        _place(s)
        if not shown and not s.state.place:
            _start(s)
        measure = st.session_state.get("build.badge") or MEASURES[0]
        canvas(_data(s, shown, measure), key="canvas", height=HEIGHT, on_edits=_edited, on_selected=_selected)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(text("build.badge"), width="content")
            _switch("build.badge", MEASURES)
    with right, st.container(border=True, height=HEIGHT + 40, key="build-inspector"):
        chosen = [block for block in shown if block.id in s.state.selection]
        if len(chosen) == 1:
            inspect(s, chosen[0])
        elif chosen:
            st.markdown(f"**{text('build.several', count=len(chosen))}**")
            for block in chosen[:20]:
                st.caption(f"{plain(block.type)} · {plain(block.name)}")
        else:
            st.caption(text("build.none_selected"))
            _describe(s)


def _describe(s: Store) -> None:
    words = s.document.get("description")
    if isinstance(words, str):
        st.markdown(plain(words))


def _start(s: Store) -> None:
    """Draw the first steps of an empty document."""
    with st.container(border=True):
        st.markdown(f"**{text('build.start')}**")
        with st.container(horizontal=True, gap="small"):
            for name, document in examples().items():
                key = f"template.{name}"
                st.button(
                    text(key) if key in texts() else name,
                    key=f"start:{name}",
                    on_click=s.act,
                    args=({"op": "open", "text": document},),
                )


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


def _nonce() -> str:
    return str(st.session_state.setdefault("canvas:nonce", secrets.token_hex(8)))


def _edited() -> None:
    """Apply what the canvas sent; runs before the page is drawn."""
    s = store()
    for edit in read(st.session_state["canvas"]["edits"], ack=st.session_state.get("canvas:ack", 0), nonce=_nonce()):
        st.session_state["canvas:ack"] = edit["seq"]
        before = s.state.rev
        s.dispatch(edit)
        if s.state.rev != before:
            st.session_state["canvas:reveal"] = True


def _selected() -> None:
    ids = read_selected(st.session_state["canvas"]["selected"])
    s = store()
    known = tuple(block for block in ids if not block.startswith("filled:"))
    st.session_state["canvas:filled"] = [block for block in ids if block.startswith("filled:")]
    s.dispatch(Select(ids=known))


def _data(s: Store, shown: list[Shown], measure: str) -> Any:
    """Return what the canvas shows; `rev` grows whenever that has changed."""

    def badge(block: Shown) -> str:
        value = block.cost.get(measure)
        return "" if not value else _amount(measure, value)

    source = {
        "id": INPUT, "name": INPUT, "type": INPUT, "category": INPUT, "settings": "", "badge": "", "problem": None,
        "message": None, "fixed": True, "shape": _input_shape(s),
    }  # fmt: skip
    data: dict[str, Any] = {
        "nodes": [source, *(node(block, badge, _told) for block in shown)],
        "edges": edges(s.state, shown),
        "palette": _palette(s),
        "can": {
            "undo": bool(s.state.past),
            "redo": bool(s.state.future),
            "paste": s.state.clip is not None,
            "leave": bool(s.state.place),
        },
    }
    if st.session_state.pop("canvas:reveal", False):
        data["reveal"] = list(s.state.selection)
    said_now = json.dumps(data, sort_keys=True, ensure_ascii=False)
    if said_now != st.session_state.get("canvas:said"):
        st.session_state["canvas:said"] = said_now
        st.session_state["canvas:rev"] = st.session_state.get("canvas:rev", 0) + 1
    return {
        **data, "rev": st.session_state["canvas:rev"], "ack": st.session_state.get("canvas:ack", 0), "nonce": _nonce()
    }  # fmt: skip


def _input_shape(s: Store) -> str:
    if not s.state.place:
        shape = s.report.input_shape
    else:
        scope = scope_of(s.state.graph, s.state.stack) if s.state.stack is not None else None
        source = scope.source() if scope is not None else None
        shape = s.report.shapes.get(source.name) if source is not None else s.report.input_shape if scope else None
    return shape_text(shape) if shape else "?"


def _told(problem: Problem) -> str:
    return f"{heading(problem)}: {said(problem.what)}"


def _palette(s: Store) -> list[dict[str, str]]:
    found = [
        {"type": one.type, "category": str(one.category), "help": sentence(one.type)} for one in REGISTRY.values()
    ]
    found += [{"type": "Repeat", "category": "Structure", "help": sentence("Repeat")}]
    units = [str(name) for name in units_of(s.state.tree)][:100]
    return found + [{"type": UNIT_TYPE + name, "category": "Structure", "help": sentence("Unit")} for name in units]


def _amount(measure: str, value: int) -> str:
    if measure == "activation_bytes":
        return bytes_text(value)
    short = f"{value:,}" if value < 100_000 else f"{value / 1e3:,.0f} k" if value < 1e7 else f"{value / 1e6:,.1f} M"
    return text(f"build.unit.{measure}", count=short)


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


def _compare_view(s: Store) -> None:
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
    from builder.ui.state.tree import stripped
    from schemas.errors import TsumikiError
    from schemas.reader import read_file, read_text

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
                text("build.compare.this"): _said(key, mine),
                name: _said(key, theirs),
            }
        )
    st.dataframe(rows, hide_index=True)
    st.code(changes(other.text, s.text), language="diff", wrap_lines=True)


# --- totals ----------------------------------------------------------------------------------------------------------


def _said(key: str, value: int | None) -> str:
    if value is None:
        return "–"
    return bytes_text(value) if key.endswith("bytes") else f"{value:,}"


def _totals(s: Store) -> None:
    totals = s.report.totals
    keys = ("parameters", "multiply_adds", "activation_bytes", "peak_training_bytes")
    columns = st.columns(len(keys) + 1)
    for column, key in zip(columns, keys, strict=False):
        column.metric(
            text(f"build.total.{key}"), _said(key, totals.get(key)), help=text(f"build.total.{key}_help"), border=True
        )
    pace = seconds_per_epoch(s.workspace, s.report)
    told = "–" if pace is None else text("build.seconds", seconds=f"{pace:,.1f}" if pace < 100 else f"{pace:,.0f}")
    columns[-1].metric(text("build.total.epoch"), told, help=text("build.total.epoch_help"), border=True)
