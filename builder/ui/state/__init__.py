"""The state of the editor, and the one function that changes it. Nothing here imports Streamlit, but `store()`.

    state = opened(document)                       a dict, as schemas/reader.py read it
    state = reduce(state, Insert(type="ReLU"))     pure: a new State, never an exception
    state.document                                 plain JSON values; dump(state.document) is the file
    state.notice                                   why the last action was refused, a key of builder/ui/texts; or None
    reduce(state, action({"op": "undo"}))          what the canvas sends is read by `action`

Pages use the session's Store, which holds the State, checks it and saves it:

    from builder.ui.state import store
    s = store()
    s.document, s.text, s.report                   present document, its JSON text, builder.check's Report of it
    s.dispatch(Set(pointer="/training/epochs", value=5))      any Action, or the canvas's own dict
    s.workspace                                    folder that everything is confined to

Blocks have ids ("b7") that stay theirs through moves, renames, undo and fixes; "Input" is the shown stack's input.
"""

from __future__ import annotations

from .actions import (
    Action,
    Append,
    Connect,
    Copy,
    Cut,
    Delete,
    Disconnect,
    Duplicate,
    Enter,
    Field,
    Fix,
    Fold,
    Insert,
    Leave,
    Move,
    Open,
    Paste,
    Redo,
    Rename,
    RenameUnit,
    Replace,
    Saved,
    Select,
    Set,
    Undo,
    Unfold,
    action,
)
from .reduce import reduce
from .state import Notice, State, opened
from .store import Store, store

__all__ = [
    "Action",
    "Notice",
    "State",
    "Store",
    "action",
    "opened",
    "reduce",
    "store",
    "Append",
    "Connect",
    "Copy",
    "Cut",
    "Delete",
    "Disconnect",
    "Duplicate",
    "Enter",
    "Field",
    "Fix",
    "Fold",
    "Insert",
    "Leave",
    "Move",
    "Open",
    "Paste",
    "Redo",
    "Rename",
    "RenameUnit",
    "Replace",
    "Saved",
    "Select",
    "Set",
    "Undo",
    "Unfold",
]
