"""Everything that a person can do to the document, as values: made by pages, or read from what the canvas sends.

    {"op": "insert", "type": "ReLU", "after": "b3", "before": "b4"}     onto the edge from b3 to b4
    {"op": "append", "type": "ReLU"}                                    at the end of the shown stack
    {"op": "delete", "ids": ["b3"]}                                     also copy, cut, duplicate
    {"op": "paste", "after": "b3"}                                      without after: at the end
    {"op": "move", "ids": ["b3"], "by": -1}                             in the list; one place towards the input
    {"op": "move", "ids": ["b3"], "after": "b5", "before": "b6"}        onto an edge
    {"op": "connect", "source": "Input", "target": "b4"}                also disconnect
    {"op": "fold", "ids": ["b3", "b4"], "into": "Repeat"}               or "Unit", with a name
    {"op": "unfold", "id": "b3"}   {"op": "enter", "id": "b3"}   {"op": "leave"}
    {"op": "rename", "id": "b3", "name": "stem"}                        null: back to the counted name
    {"op": "select", "ids": ["b3"]}   {"op": "undo"}   {"op": "redo"}

The canvas's own fields `seq` and `nonce` are left out before an action is made of an edit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field as Says, JsonValue, TypeAdapter, ValidationError

Id = Annotated[str, Says(max_length=200)]
Ids = Annotated[tuple[Id, ...], Says(max_length=10_000)]
Text = Annotated[str, Says(max_length=200)]


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Insert(_Action):
    """Put a new block onto the edge from `after` to `before`; without `before`, behind `after`."""

    op: Literal["insert"] = "insert"
    type: Text
    after: Id | None = None
    before: Id | None = None
    fields: dict[str, JsonValue] = {}
    """What the block says; what its schema requires and is not here gets a sensible value."""


class Append(_Action):
    """Put a new block at the end of the shown stack."""

    op: Literal["append"] = "append"
    type: Text
    fields: dict[str, JsonValue] = {}


class Delete(_Action):
    """Take blocks away; what read them reads what they read."""

    op: Literal["delete"] = "delete"
    ids: Ids


class Move(_Action):
    """Move blocks by places in the list, or onto the edge from `after` to `before`."""

    op: Literal["move"] = "move"
    ids: Ids
    by: Annotated[int, Says(ge=-10_000, le=10_000)] = 0
    after: Id | None = None
    before: Id | None = None


class Connect(_Action):
    """Let `target` read `source`, also; a block with one input reads it instead."""

    op: Literal["connect"] = "connect"
    source: Id
    target: Id


class Disconnect(_Action):
    """Let `target` read `source` no longer."""

    op: Literal["disconnect"] = "disconnect"
    source: Id
    target: Id


class Copy(_Action):
    op: Literal["copy"] = "copy"
    ids: Ids


class Cut(_Action):
    op: Literal["cut"] = "cut"
    ids: Ids


class Paste(_Action):
    """Put what was copied behind `after`, or at the end."""

    op: Literal["paste"] = "paste"
    after: Id | None = None


class Duplicate(_Action):
    """Put copies of blocks behind the last of them."""

    op: Literal["duplicate"] = "duplicate"
    ids: Ids


class Field(_Action):
    """Set one field of a block; with `remove`, leave it out, so that it has its default."""

    op: Literal["field"] = "field"
    id: Id
    field: Text
    value: JsonValue = None
    remove: bool = False
    typing: Text = ""
    """The same for all that is typed in one go, which is one step of undo; empty for what stands alone."""


class Rename(_Action):
    """Name a block; who reads it goes on doing so. None: back to the counted name."""

    op: Literal["rename"] = "rename"
    id: Id
    name: str | None = None


class RenameUnit(_Action):
    """Name one of the model's units; its uses follow."""

    op: Literal["rename_unit"] = "rename_unit"
    unit: Text
    name: str


class Fold(_Action):
    """Make neighbouring blocks one: a Repeat, or a Unit with a name."""

    op: Literal["fold"] = "fold"
    ids: Ids
    into: Literal["Unit", "Repeat"] = "Repeat"
    name: Text | None = None


class Unfold(_Action):
    """Put the layers of a Repeat or Unit in its place."""

    op: Literal["unfold"] = "unfold"
    id: Id


class Enter(_Action):
    """Show the inside of a Repeat or Unit."""

    op: Literal["enter"] = "enter"
    id: Id


class Leave(_Action):
    """Show the stack around the shown one; `levels` of them."""

    op: Literal["leave"] = "leave"
    levels: Annotated[int, Says(ge=1, le=100)] = 1


class Fix(_Action):
    """Apply a problem's fix, a JSON Patch (RFC 6902)."""

    op: Literal["fix"] = "fix"
    patch: Annotated[tuple[dict[str, JsonValue], ...], Says(max_length=1000)]


class Set(_Action):
    """Set any value of the document by its JSON pointer, objects on the way made as needed; or remove it."""

    op: Literal["set"] = "set"
    pointer: Annotated[str, Says(max_length=10_000)]
    value: JsonValue = None
    remove: bool = False


class Replace(_Action):
    """Take a JSON text as the whole document."""

    op: Literal["replace"] = "replace"
    text: str


class Open(_Action):
    """Start from another document: a template, a file, an upload. `path` is where it is saved, from the workspace."""

    op: Literal["open"] = "open"
    text: str
    path: Annotated[str, Says(max_length=4096)] | None = None


class Saved(_Action):
    """Note that the present document is in this file."""

    op: Literal["saved"] = "saved"
    path: Annotated[str, Says(max_length=4096)]


class Select(_Action):
    op: Literal["select"] = "select"
    ids: Ids


class Undo(_Action):
    op: Literal["undo"] = "undo"


class Redo(_Action):
    op: Literal["redo"] = "redo"


Action = (
    Insert
    | Append
    | Delete
    | Move
    | Connect
    | Disconnect
    | Copy
    | Cut
    | Paste
    | Duplicate
    | Field
    | Rename
    | RenameUnit
    | Fold
    | Unfold
    | Enter
    | Leave
    | Fix
    | Set
    | Replace
    | Open
    | Saved
    | Select
    | Undo
    | Redo
)

_READER: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Says(discriminator="op")])


def action(raw: Any) -> Action | None:
    """Return the action that a browser's edit says, or None where it says none.

    >>> action({"op": "move", "ids": ["b1"], "by": 1, "seq": 4, "nonce": "x"})
    Move(op='move', ids=('b1',), by=1, after=None, before=None)
    >>> action({"op": "format the disk"}) is None
    True
    """
    if not isinstance(raw, dict):
        return None
    said = {key: value for key, value in raw.items() if key not in ("seq", "nonce")}
    if "id" in said and said.get("op") == "move":
        said["ids"] = [said.pop("id")]
    try:
        return _READER.validate_python(said)
    except ValidationError:
        return None
