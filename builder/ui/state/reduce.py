"""The one function that changes the editor's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from schemas.document import dump
from schemas.errors import DocumentError
from schemas.model import MOST_LAYERS
from schemas.patch import PatchError, apply, split
from schemas.reader import scan_text

from . import actions as do, clipboard, edits, fold
from .draft import Draft
from .state import Refused, State, sound
from .tree import UNIT, Tree, carried, copied, find, stacks, stripped

EDITS: dict[type[Any], Callable[[Draft, Any], tuple[str, ...]]] = {
    do.Append: edits.append,
    do.Insert: edits.insert,
    do.Delete: edits.delete,
    do.Move: edits.move,
    do.Connect: edits.connect,
    do.Disconnect: edits.disconnect,
    do.Field: edits.field,
    do.Rename: edits.rename,
    do.RenameUnit: edits.rename_unit,
    do.Fold: fold.fold,
    do.Unfold: fold.unfold,
    do.Duplicate: lambda draft, todo: clipboard.duplicate(draft, todo.ids),
}
"""Action -> what it does to a draft."""


def reduce(state: State, action: do.Action | Mapping[str, Any]) -> State:
    """Return the state after an action; the same document with a notice where the action cannot be done.

    Never raises. `action` may be what a browser sent. The document that results may have problems, which
    builder.check lists; it is always one that JSON can say and the reader takes back.
    """
    todo = do.action(dict(action)) if isinstance(action, Mapping) else action
    try:
        if todo is None:
            raise Refused("notice.unknown_action")
        return _reduced(replace(state, notice=None), todo)
    except Refused as refused:
        return replace(state, notice=refused.notice)


def _reduced(state: State, todo: do.Action) -> State:
    if type(todo) in EDITS:
        draft = Draft(state)
        selection = EDITS[type(todo)](draft, todo)
        after = _after(state, draft, selection, isinstance(todo, do.Rename | do.RenameUnit))
        return _typed(state, after, todo) if isinstance(todo, do.Field) and todo.typing else after
    match todo:
        case do.Copy():
            return replace(state, clip=clipboard.taken(Draft(state), todo.ids))
        case do.Cut():
            clip = clipboard.taken(Draft(state), todo.ids)
            return replace(_reduced(state, do.Delete(ids=todo.ids)), clip=clip)
        case do.Paste():
            draft = Draft(state)
            return _after(state, draft, clipboard.paste(draft, state.clip, todo.after))
        case do.Fix():
            return _replaced(state, _patched(state, todo.patch))
        case do.Set():
            return _replaced(state, _set(state, todo))
        case do.Replace():
            return _replaced(state, _read(todo.text))
        case do.Open():
            tree, following = carried({}, _read(todo.text), state.next_id)
            fresh = state.to(tree, following, (), (), todo.path)
            return replace(fresh, saved=tree if todo.path is not None else None)
        case do.Saved():
            return replace(state, saved=state.tree, path=todo.path)
        case do.Select():
            return replace(
                state, selection=tuple(block for block in dict.fromkeys(todo.ids) if find(state.tree, block))
            )
        case do.Enter():
            return _entered(state, todo)
        case do.Leave():
            if not state.place:
                raise Refused("notice.nothing")
            place = state.place[: -todo.levels]
            inside = state.place[len(place)]
            return replace(state, place=place, selection=(inside,) if find(state.tree, inside) else ())
        case do.Undo():
            if not state.past:
                raise Refused("notice.nothing_to_undo")
            back = state.at(state.past[-1])
            return replace(back, past=state.past[:-1], future=(*state.future, state.step()))
        case do.Redo():
            if not state.future:
                raise Refused("notice.nothing_to_redo")
            ahead = state.at(state.future[-1])
            return replace(ahead, past=(*state.past, state.step()), future=state.future[:-1])
    raise Refused("notice.unknown_action")


def _typed(before: State, after: State, todo: do.Field) -> State:
    """Make one step of undo of what is typed in one go: 1, 12, 128."""
    typing = f"{todo.id}/{todo.field}/{todo.typing}"
    past = after.past
    if before.typing == typing and before.past:
        begun = before.past[-1]
        past = before.past[:-1] if stripped(begun.tree) == after.document else before.past
    return replace(after, past=past, typing=typing)


def _after(state: State, draft: Draft, selection: tuple[str, ...], strict: bool = False) -> State:
    """Return the state after an edit of blocks."""
    tree = draft.finished()
    if strict and draft.lost:
        raise Refused("notice.name_hidden", name=", ".join(draft.lost)[:200])
    return _changed(state, tree, draft.next_id, selection, draft.place)


def _changed(state: State, tree: Tree, next_id: int, selection: tuple[str, ...], place: tuple[str, ...]) -> State:
    """Return the state with another tree, unless it says the same or is no document that can be written."""
    if sum(len(where.entries) for where in stacks(tree)) > MOST_LAYERS:
        raise Refused("notice.too_many", most=MOST_LAYERS)
    try:
        text = dump(stripped(tree))
    except DocumentError as error:
        raise Refused("notice.no_json", error.problems) from None
    if text == state.text:
        raise Refused("notice.nothing")
    return state.to(tree, next_id, selection, sound(tree, place), state.path)


def _replaced(state: State, document: dict[str, Any]) -> State:
    tree, following = carried(state.tree, document, state.next_id)
    kept = tuple(block for block in state.selection if find(tree, block))
    return _changed(state, tree, following, kept, state.place)


def _patched(state: State, patch: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    try:
        document = apply(state.document, patch)
    except PatchError as error:
        raise Refused("notice.stale_fix", why=str(error)) from None
    if not isinstance(document, dict):
        raise Refused("notice.no_json")
    return document


def _set(state: State, todo: do.Set) -> dict[str, Any]:
    """Set one value, and make the objects on the way to it."""
    document = copied(state.document)
    try:
        steps = split(todo.pointer)
        place = document
        for step in steps[:-1]:
            if not todo.remove and isinstance(place, dict) and place.get(step) is None:
                place[step] = {}
            place = place[int(step)] if isinstance(place, list) and step.isdecimal() else place[step]
        operation = "remove" if todo.remove else "add"
        if isinstance(place, list) and not todo.remove:
            operation = "replace"
        patched = apply(document, ({"op": operation, "path": todo.pointer, "value": todo.value},))
    except (PatchError, KeyError, IndexError, TypeError):
        raise Refused("notice.nothing" if todo.remove else "notice.no_place", pointer=todo.pointer[:200]) from None
    if not isinstance(patched, dict):
        raise Refused("notice.no_json")
    return patched


def _read(text: str) -> dict[str, Any]:
    scan = scan_text(text)
    problems = (*scan.problems, *scan.infinite)
    if problems or scan.raw is None:
        raise Refused("notice.unreadable", problems)
    document: dict[str, Any] = scan.raw
    return document


def _entered(state: State, todo: do.Enter) -> State:
    found = find(state.tree, todo.id)
    entry = found[0].entries[found[1]] if found else {}
    if entry.get("type") == "Unit" and isinstance(entry.get("unit"), str):
        inside = UNIT + entry["unit"]
    elif isinstance(entry.get("layers"), list):
        inside = todo.id
    else:
        raise Refused("notice.not_folded")
    place = (*state.place, inside)
    if sound(state.tree, place) != place:
        raise Refused("notice.broken_block")
    return replace(state, place=place, selection=())
