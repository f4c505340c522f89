"""A field that is typed into and says what is wrong while one types: a small component of plain JavaScript.

    typed("in:b3:stride", [Box("Stride", "2", "integer", low=1)], on_typed=take, ...)

Streamlit's own fields tell the server what was typed on Enter and when they are left. This one looks at kind and range
at every key, by itself, and sends what can be a value after a pause, on Enter and when it is left. What is being typed
is never overwritten by an answer: a message has a number, and an answer says which was the last that it knows.

`on_typed(texts, typing)` gets the text of every box; `typing` is the same for all that is typed in one go, which is one
step of undo. The empty list of texts is the button back to the default. `on_undo(redo)` is Ctrl+Z in a field in which
nothing waits to be sent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from builder.ui.texts import text

MOST = 2000
"""Characters of a box."""


@dataclass(frozen=True)
class Box:
    """One input of a field."""

    label: str
    text: str
    """What the document says."""
    kind: Literal["integer", "number", "text"] = "text"
    low: float | None = None
    high: float | None = None
    open: tuple[bool, bool] = (False, False)
    """Whether `low` and `high` themselves are not allowed."""
    range: str = ""
    """How the limits are written."""
    step: float = 1
    placeholder: str = ""
    pattern: str = ""
    """JavaScript's and Python's: what a text must be as a whole; empty for anything."""
    wrong: str = ""
    """What is said where the pattern does not fit."""
    taken: tuple[str, ...] = ()
    """Texts that are not free, said as "typed.taken"."""


def typed(
    key: str,
    boxes: Sequence[Box],
    *,
    on_typed: Callable[[list[str], str], None],
    on_undo: Callable[[bool], None] | None = None,
    soon: bool = True,
    help: str = "",
    problem: tuple[str, str] | None = None,
    reset: str | None = None,
    disabled: bool = False,
) -> None:
    """Draw a field.

    `soon` sends after a pause, else only on Enter and when the field is left. `problem` is (severity, text) of what the
    check says about the value; `reset` names the button back to the default, which is there where it is not None.
    """
    told = f"{key}:ack"

    def heard() -> None:
        said = read(st.session_state.get(key), _nonce(), st.session_state.get(told, 0), len(boxes))
        if said is None:
            return
        st.session_state[told] = said["seq"]
        if said["op"] == "typed":
            on_typed(said["texts"], said["typing"])
        elif on_undo is not None:
            on_undo(said["op"] == "redo")

    data = {
        "boxes": [asdict(box) for box in boxes],
        "help": help,
        "problem": problem,
        "reset": reset,
        "disabled": disabled,
        "soon": soon,
        "most": MOST,
        "ack": st.session_state.get(told, 0),
        "nonce": _nonce(),
        "labels": {name: text(f"typed.{name}") for name in LABELS},
    }
    _component()(key=key, data=data, default={"said": None}, on_said_change=heard)


LABELS = ("whole", "number", "range", "needed", "taken", "help", "more", "less")


def read(value: Any, nonce: str, ack: int, boxes: int) -> dict[str, Any] | None:
    """Return a message of this session that was not heard yet; a browser's value is input like any other."""
    said = value.get("said") if isinstance(value, Mapping) else None
    if not isinstance(said, Mapping) or said.get("nonce") != nonce:
        return None
    seq, op, texts, typing = (said.get(name) for name in ("seq", "op", "texts", "typing"))
    if type(seq) is not int or seq <= ack or op not in ("typed", "undo", "redo"):
        return None
    if op == "typed":
        sound = isinstance(texts, list) and all(isinstance(one, str) and len(one) <= MOST for one in texts)
        if not sound or len(texts or ()) not in (0, boxes) or not isinstance(typing, str) or len(typing) > 40:
            return None
    return {"seq": seq, "op": op, "texts": texts or [], "typing": typing or ""}


def _nonce() -> str:
    """Of this session: a browser that connects again sends its old value to a new one."""
    made: str = st.session_state.setdefault("typed:nonce", secrets.token_hex(8))
    return made


@cache
def _component() -> Any:
    here = Path(__file__).parent
    js, css = ((here / f"typed.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    return st.components.v2.component("tsumiki-typed", js=js, css=css)
