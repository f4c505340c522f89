"""What the canvas hands to a page: numbered edits, read from a value that came out of a browser.

The browser keeps every edit in an outbox until Python has acknowledged its number, so that none is lost and none is
applied twice, however many happen between two answers:

    state = ...                                     # ack: number of the last edit that was applied, nonce: the session
    for edit in read(value, ack=state.ack, nonce=state.nonce):
        state = reduce(state, edit)                 # and state.ack = edit["seq"], also for an edit that changes nothing

An edit of another nonce belongs to a session that is gone (a browser that connects again sends its old value to a new
session) and is left out, and so is all that has not the form of FIELDS: a browser's value is input like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

MAX_EDITS = 1000
"""Edits that are read at once. More cannot pile up by hand: an answer takes a fraction of a second."""

MAX_IDS = 10_000
MAX_TEXT = 300

Edit = dict[str, Any]
"""{"seq", "nonce", "op", ...}: with exactly the fields that FIELDS names for its op."""


class Node(TypedDict, total=False):
    """A block. `id` stays the same for its life; `problem` is None, "warning" or "error"."""

    id: str
    name: str
    type: str
    category: str
    settings: str
    shape: str
    badge: str
    problem: str | None
    message: str | None
    fold: str | None  # "unit" or "repeat": a folded block, drawn as a pile, that can be unfolded
    fixed: bool  # the input: it cannot be deleted, moved or renamed
    health: str | None  # "good", "watch" or "bad": a dot, with `note` as its text, while training runs
    note: str | None


class PaletteEntry(TypedDict):
    """A layer that can be added."""

    type: str
    category: str
    help: str


class CanvasData(TypedDict, total=False):
    """All that the canvas shows. `nodes` are in the document's order, a block's first edge is its first input."""

    ack: int  # number of the last edit that was read
    rev: int  # changes whenever anything else does
    nonce: str  # of this session
    nodes: list[Node]
    edges: list[list[str]]  # [source id, target id]
    palette: list[PaletteEntry]
    labels: dict[str, str]
    can: dict[str, bool]  # "undo", "redo", "paste": whether there is something to; true when left out
    reveal: list[str] | None  # ids to select and show, once per `rev`
    readonly: bool  # show only: no palette, no edits (a running training)


def is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def is_id_or_none(value: object) -> bool:
    return value is None or is_id(value)


def are_ids(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MAX_IDS and all(map(is_id, value))


def is_step(value: object) -> bool:
    return value in (-1, 1) and not isinstance(value, bool)


def is_fold(value: object) -> bool:
    return value in ("unit", "repeat")


FIELDS: dict[str, list[dict[str, Callable[[object], bool]]]] = {
    "insert": [{"type": is_id, "after": is_id_or_none, "before": is_id_or_none}],
    "append": [{"type": is_id}],
    "delete": [{"ids": are_ids}],
    # by one place in the list (keyboard), or onto the edge between two blocks (drag; before is None at the end)
    "move": [{"ids": are_ids, "by": is_step}, {"ids": are_ids, "after": is_id_or_none, "before": is_id_or_none}],
    "connect": [{"source": is_id, "target": is_id}],
    "disconnect": [{"source": is_id, "target": is_id}],
    "copy": [{"ids": are_ids}],
    "cut": [{"ids": are_ids}],
    "paste": [{"after": is_id_or_none}],
    "duplicate": [{"ids": are_ids}],
    "fold": [{"ids": are_ids, "into": is_fold}],
    "unfold": [{"ids": are_ids}],
    "rename": [{"id": is_id, "name": is_id}],
    "undo": [{}],
    "redo": [{}],
}
"""Operation -> the forms that it may have: field -> what its value must be."""


def read(value: object, *, ack: int, nonce: str) -> list[Edit]:
    """Return the edits of this session that come after number `ack`, in order; drop what is not one."""
    edits = value if isinstance(value, list) else []
    fresh = {edit["seq"]: edit for edit in edits[-MAX_EDITS:] if _is_edit(edit, nonce) and edit["seq"] > ack}
    return [fresh[seq] for seq in sorted(fresh)]


def read_selected(value: object) -> list[str]:
    """Return the ids of the selected blocks, in the order in which they were selected."""
    return list(dict.fromkeys(value)) if isinstance(value, list) and are_ids(value) else []


def _is_edit(edit: object, nonce: str) -> bool:
    if not isinstance(edit, Mapping) or edit.get("nonce") != nonce:
        return False
    seq, op = edit.get("seq"), edit.get("op")
    if type(seq) is not int or seq < 1 or not isinstance(op, str):
        return False
    rest = {key: field for key, field in edit.items() if key not in ("seq", "nonce", "op")}
    return any(rest.keys() == form.keys() and all(form[key](rest[key]) for key in form) for form in FIELDS.get(op, []))
