"""What goes to the canvas, and the numbered edits that come back, read from a value out of a browser.

The browser keeps every edit in an outbox until Python has acknowledged its number, so that none is lost and none is
applied twice, however many happen between two answers:

    for edit in read(st.session_state["canvas"]["edits"], ack=ack, nonce=nonce):
        ack = edit["seq"]                           also when it changes nothing, or is refused
        store().dispatch(edit)                      builder/ui/state/actions.py says what an edit may be

An edit of another nonce belongs to a session that is gone (a browser that connects again sends its old value to a new
session) and is left out, and so is all that is no numbered edit: a browser's value is input like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

MAX_EDITS = 1000
"""Edits that are read at once, the first ones; the browser sends the others again."""

MAX_IDS = 10_000
MAX_TEXT = 300

Edit = dict[str, Any]
"""{"seq": number from 1, "nonce": of the session, "op": name, ...}"""


class Node(TypedDict, total=False):
    """A block. `id` stays the same for its life; `problem` is None, "warning" or "error"."""

    id: str
    name: str
    type: str
    category: str
    settings: str
    shape: str
    badge: str
    badges: list[str]  # one for each of `measures`, in the place of `badge`
    problem: str | None
    message: str | None
    fold: bool  # a Repeat or Unit: drawn as a pile; it can be entered and unfolded
    fixed: bool  # the input: it cannot be deleted, copied, moved or renamed
    health: str | None  # "good", "watch" or "bad": a dot, with `note` as its text, while training runs
    note: str | None


class PaletteEntry(TypedDict):
    """A layer that can be added. `name` is shown where it is not the type."""

    type: str
    category: str
    help: str
    name: NotRequired[str]


class CanvasData(TypedDict, total=False):
    """All that the canvas shows. `nodes` are in the document's order, a block's first edge is its first input."""

    ack: int  # number of the last edit that was read
    rev: int  # changes whenever anything else does
    nonce: str  # of this session
    nodes: list[Node]
    edges: list[list[str]]  # [source id, target id]
    palette: list[PaletteEntry]
    labels: dict[str, str]
    measures: list[str]  # what badges can show: names for the switch, which is the browser's own
    can: dict[str, bool]  # "undo", "redo", "paste", "leave": whether there is something to; leave is false, else true
    reveal: list[str] | None  # ids to select and show, once per `rev`
    readonly: bool  # show only: no palette, no edits (a running training)


def read(value: object, *, ack: int, nonce: str) -> list[Edit]:
    """Return the edits of this session that come after number `ack`, in order; drop what is not one."""
    edits = value if isinstance(value, list) else []
    fresh = {edit["seq"]: edit for edit in edits if _is_edit(edit, nonce) and edit["seq"] > ack}
    return [dict(fresh[seq]) for seq in sorted(fresh)[:MAX_EDITS]]


def read_selected(value: object) -> list[str]:
    """Return the ids of the selected blocks, in the order in which they were selected."""
    ids = value if isinstance(value, list) and len(value) <= MAX_IDS else []
    return list(dict.fromkeys(one for one in ids if isinstance(one, str) and 0 < len(one) <= MAX_TEXT))


def _is_edit(edit: object, nonce: str) -> bool:
    """Say whether it has a number, a name and this session's nonce."""
    if not isinstance(edit, Mapping) or edit.get("nonce") != nonce:
        return False
    return type(edit.get("seq")) is int and edit["seq"] > 0 and isinstance(edit.get("op"), str)
