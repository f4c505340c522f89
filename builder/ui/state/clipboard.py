"""Copy, cut, paste and duplicate. What is copied keeps what its blocks read among each other."""

from __future__ import annotations

from typing import Any

from .draft import Draft, Ref, clean
from .names import fresh, given_names, names_of
from .state import Clip, Refused
from .tree import ID, Tree, Where, copied, identity, number, stacks, stripped, units_of, walk


def taken(draft: Draft, ids: tuple[str, ...]) -> Clip:
    """Return these blocks of the shown stack as a clip."""
    where = draft.stack
    picked = [index for index in draft.several(ids) if isinstance(where.entries[index], dict)]
    if not picked:
        raise Refused("notice.nothing_selected")
    entries = clean([where.entries[index] for index in picked])
    names = tuple(draft.names.get(identity(where, index), "") for index in picked)
    return Clip(tuple(entries), names, _units_used(entries, units_of(stripped(draft.tree))))


def _units_used(entries: list[dict[str, Any]], units: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of the units that blocks use, those that lie in each other included."""
    found: dict[str, Any] = {}
    waiting = list(entries)
    while waiting:
        for entry in walk([waiting.pop()]):
            name = entry.get("unit")
            if entry.get("type") == "Unit" and isinstance(name, str) and name in units and name not in found:
                found[name] = clean([units[name]])[0] if isinstance(units[name], dict) else units[name]
                inner = units[name].get("layers") if isinstance(units[name], dict) else None
                waiting += [part for part in inner if isinstance(part, dict)] if isinstance(inner, list) else []
    return found


def paste(draft: Draft, clip: Clip | None, after: str | None) -> tuple[str, ...]:
    """Put a clip behind a block, or at the end; names that are taken get a number. Return the new ids."""
    if clip is None:
        raise Refused("notice.nothing_copied")
    where = draft.stack
    start = len(where.entries) if after is None else 0 if after == "Input" else draft.at(after)[1] + 1
    _bring_units(draft, clip)
    entries: list[Tree] = [copied(entry) for entry in clip.entries]
    named = set(draft.names.values()) | given_names(where.entries)
    new_names = _named(entries, clip.names, named)
    where.entries[start:start] = entries
    before, draft.next_id = draft.next_id, number(draft.tree, draft.next_id)
    fresh_ids = {f"b{n}" for n in range(before, draft.next_id)}
    own = [place for place in stacks(draft.tree) if place.owner in fresh_ids]
    draft.bind(own, names := names_of(draft.finished()))
    known = {names[identity(where, i)]: identity(where, i) for i in range(len(where.entries))}
    for entry in entries:
        texts = [new_names.get(text, text) for text in _texts(entry)]
        # What they read outside of the clip is kept where a block of that name is here, too.
        refs = [Ref(text, known.get(text)) for text in texts if text in known or text == "Input"]
        if refs:
            entry["inputs"] = [ref if ref.target else Ref("", draft.real("Input")) for ref in refs]
        else:
            entry.pop("inputs", None)
    return tuple(str(entry[ID]) for entry in entries)


def _texts(entry: Tree) -> list[str]:
    given = entry.get("inputs")
    return [text for text in given if isinstance(text, str)] if isinstance(given, list) else []


def _named(entries: list[Tree], old: tuple[str, ...], named: set[str]) -> dict[str, str]:
    """Give new names to blocks whose name is taken, and to those without one that others read. Return old -> new."""
    read = {text for entry in walk(list(entries)) for text in _texts(entry)}
    renamed = {}
    for entry, name in zip(entries, old, strict=True):
        if not name or (not isinstance(entry.get("name"), str) and name not in read):
            continue
        renamed[name] = fresh(name.replace("/", "_").replace("$", "_"), named)
        named.add(renamed[name])
        rest = {key: value for key, value in entry.items() if key not in ("type", "name")}
        kind = {"type": entry["type"]} if "type" in entry else {}
        entry.clear()
        entry.update({**kind, "name": renamed[name], **rest})
    for entry in entries:
        for inner in walk([entry]):
            if inner is not entry and "inputs" in inner:
                inner["inputs"] = [renamed.get(text, text) for text in _texts(inner)]
    return renamed


def _bring_units(draft: Draft, clip: Clip) -> None:
    """Define the units that the clip uses and the document lacks."""
    missing = {name: copied(unit) for name, unit in clip.units.items() if name not in units_of(draft.tree)}
    model = draft.tree.get("model")
    if missing and isinstance(model, dict):
        model["units"] = {**units_of(draft.tree), **missing}
        draft.next_id = number(draft.tree, draft.next_id)
        draft.bind([place for place in stacks(draft.tree) if place.owner.removeprefix("unit:") in missing])


def duplicate(draft: Draft, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Put copies of blocks behind the last of them."""
    where: Where = draft.stack
    last = identity(where, draft.several(ids)[-1])
    return paste(draft, taken(draft, ids), last)
