"""What the Build page's canvas is given, and what is done with the edits that come back from it."""

from __future__ import annotations

import json
import secrets
from functools import cache
from typing import Any

import streamlit as st

from builder.checks.report import Report
from builder.report.text import bytes_text
from builder.ui.canvas import canvas, read, read_selected
from builder.ui.fields import sentence
from builder.ui.mending import told
from builder.ui.state import Select, Store, store
from builder.ui.state.edits import UNIT_TYPE
from builder.ui.state.tree import INPUT, units_of
from builder.ui.state.view import FILLED, MEASURES, Shown, edges, node, scope_of
from builder.ui.texts import language, text
from schemas.layer import REGISTRY
from schemas.shapes import shape_text

MOST_UNITS = 100
"""Units that the palette lists."""


def sketch(s: Store, shown: list[Shown], height: int) -> None:
    """Draw the canvas."""
    canvas(_data(s, shown), key="canvas", height=height, on_edits=_edited, on_selected=_selected)


def reveal() -> None:
    """Let the canvas show the selected blocks when it is drawn next."""
    st.session_state["canvas:reveal"] = True


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
            reveal()


def _selected() -> None:
    ids = read_selected(st.session_state["canvas"]["selected"])
    st.session_state["canvas:filled"] = [block for block in ids if block.startswith(FILLED)]
    store().dispatch(Select(ids=tuple(block for block in ids if not block.startswith(FILLED))))


def _data(s: Store, shown: list[Shown]) -> Any:
    """Return what the canvas shows; `rev` grows whenever that has changed."""
    source = {
        "id": INPUT, "name": INPUT, "type": INPUT, "category": INPUT, "settings": "", "badge": "", "problem": None,
        "message": None, "fixed": True, "shape": _input_shape(s, s.glance),
    }  # fmt: skip
    data: dict[str, Any] = {
        "nodes": [source, *(node(block, badges(block), told) for block in shown)],
        "edges": edges(s.state, shown),
        "palette": [*_layers(language()), *_units(s)],
        "measures": [text(f"build.badge.{measure}") for measure in MEASURES],
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


def _input_shape(s: Store, report: Report) -> str:
    if not s.state.place:
        shape = report.input_shape
    else:
        scope = scope_of(s.state.graph, s.state.stack) if s.state.stack is not None else None
        source = scope.source() if scope is not None else None
        shape = report.shapes.get(source.name) if source is not None else report.input_shape if scope else None
    return shape_text(shape) if shape else "?"


@cache
def _layers(to: str) -> list[dict[str, str]]:
    """Return the palette's entries of all layers, in the language of the session."""
    found = [{"type": one.type, "category": str(one.category), "help": sentence(one.type)} for one in REGISTRY.values()]
    return [*found, {"type": "Repeat", "category": "Structure", "help": sentence("Repeat")}]


def _units(s: Store) -> list[dict[str, str]]:
    """Return the palette's entries of the document's own units."""
    names = [str(name) for name in units_of(s.state.tree)][:MOST_UNITS]
    return [
        {"type": UNIT_TYPE + name, "name": name, "category": "Structure", "help": sentence("Unit")} for name in names
    ]


def badges(block: Shown) -> list[str]:
    """Write what a block takes, one text for each measure; empty where it takes nothing."""
    return [amount(measure, value) if (value := block.cost.get(measure)) else "" for measure in MEASURES]


def amount(measure: str, value: float) -> str:
    """Write a cost in few characters, with its unit."""
    if measure == "activation_bytes":
        return bytes_text(int(value))
    if measure == "seconds":
        return text("build.unit.seconds", count=microseconds(value))
    count = int(value)
    short = f"{count:,}" if count < 100_000 else f"{count / 1e3:,.0f} k" if count < 1e7 else f"{count / 1e6:,.1f} M"
    return text(f"build.unit.{measure}", count=short)


def microseconds(seconds: float) -> str:
    """Write a duration of one sample with two figures.

    >>> microseconds(0.0000042), microseconds(0.00042), microseconds(0.042)
    ('4.2 µs', '420 µs', '42 ms')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= 0.95 * size or unit == "µs":
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 9.95 else f"{float(f'{value:.2g}'):,.0f} {unit}"
    raise AssertionError("unreachable")
