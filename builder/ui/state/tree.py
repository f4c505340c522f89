"""The document as the editor holds it: plain JSON values in which every block has an id under the key ID.

ID is a number, and JSON's keys are texts, so it can never meet a key of the document. Trees are never changed once they
are in a State; an edit works on its own copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from schemas.patch import join

ID: Final = 0
Tree = dict[Any, Any]
Stack = list[Any]
Place = tuple[str, ...]
"""How the shown stack is reached from the network's: ids of Repeats, and "unit:<name>"; () is the network's own."""

INPUT = "Input"
"""The id of the shown stack's input, and how documents call it."""

MOST_LEVELS = 64
UNIT = "unit:"


@dataclass(frozen=True)
class Where:
    """One list of layers: its pointer, the list, and who has it: "" (the network), a Repeat's id, or "unit:<name>"."""

    pointer: str
    entries: Stack
    owner: str


def copied(value: Any) -> Any:
    """Copy lists and objects; what they hold at the end cannot change."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return [copied(part) for part in value] if isinstance(value, list) else value


def stripped(value: Any) -> Any:
    """Copy a tree without its ids: the document."""
    if isinstance(value, dict):
        return {key: stripped(part) for key, part in value.items() if key is not ID}
    return [stripped(part) for part in value] if isinstance(value, list) else value


def units_of(tree: Tree) -> dict[str, Any]:
    """Return the model's units, as far as they are an object."""
    model = tree.get("model")
    units = model.get("units") if isinstance(model, dict) else None
    return units if isinstance(units, dict) else {}


def stacks(tree: Tree) -> Iterator[Where]:
    """Yield every list of layers of the document, outer ones first."""
    model = tree.get("model")
    if not isinstance(model, dict):
        return
    found: list[tuple[str, Any, str]] = [("/model/layers", model.get("layers"), "")]
    for name, unit in units_of(tree).items():
        if isinstance(unit, dict):
            found.append((join("/model/units", name, "layers"), unit.get("layers"), UNIT + str(name)))
    for pointer, entries, owner in found:
        if isinstance(entries, list):
            yield from _below(pointer, entries, owner, 0)


def _below(pointer: str, entries: Stack, owner: str, depth: int) -> Iterator[Where]:
    yield Where(pointer, entries, owner)
    for index, entry in enumerate(entries):
        inner = entry.get("layers") if isinstance(entry, dict) else None
        if isinstance(inner, list) and depth < MOST_LEVELS:
            yield from _below(join(pointer, index, "layers"), inner, entry.get(ID, ""), depth + 1)


def number(tree: Tree, start: int) -> int:
    """Give every block without an id the next one; return the number after the last."""
    for where in stacks(tree):
        for entry in where.entries:
            if isinstance(entry, dict) and ID not in entry:
                entry[ID] = f"b{start}"
                start += 1
    return start


def shown(tree: Tree, place: Place) -> Where | None:
    """Return the stack at a place; None where there is none."""
    owner = place[-1] if place else ""
    return next((where for where in stacks(tree) if where.owner == owner), None)


def find(tree: Tree, block: str) -> tuple[Where, int] | None:
    """Return the stack that holds the block with this id, and its position."""
    for where in stacks(tree):
        for index, entry in enumerate(where.entries):
            if isinstance(entry, dict) and entry.get(ID) == block:
                return where, index
    return None


def identity(where: Where, index: int) -> str:
    """Return a block's id; what is no object in a list of layers goes by its pointer."""
    entry = where.entries[index]
    return str(entry[ID]) if isinstance(entry, dict) and ID in entry else join(where.pointer, index)


def walk(entries: Stack, depth: int = 0) -> Iterator[Tree]:
    """Yield the blocks of a list and of what lies in them."""
    for entry in entries:
        if isinstance(entry, dict):
            yield entry
            if isinstance(entry.get("layers"), list) and depth < MOST_LEVELS:
                yield from walk(entry["layers"], depth + 1)


# --- ids through a change that was made elsewhere --------------------------------------------------------------------


def carried(old: Tree, document: Any, start: int) -> tuple[Tree, int]:
    """Return a changed document as a tree: blocks that are still there keep their ids, others get the next ones.

    Blocks are the same where they say the same, in order; a block in the place of one of its own type is that one.
    """
    tree: Tree = copied(document)
    before = {where.owner: where.entries for where in stacks(old)}
    new = tree.get("model")
    if isinstance(new, dict):
        _carry(before.get("", []), new.get("layers"), 0)
        for name, unit in units_of(tree).items():
            _carry(before.get(UNIT + str(name), []), unit.get("layers") if isinstance(unit, dict) else None, 0)
    return tree, number(tree, start)


def _carry(old: Stack, new: Any, depth: int) -> None:
    if not isinstance(new, list) or depth > MOST_LEVELS:
        return
    said = [json.dumps(stripped(entry), sort_keys=True, default=repr) for entry in old]
    says = [json.dumps(entry, sort_keys=True, default=repr) for entry in new]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, said, says, autojunk=False).get_opcodes():
        if tag == "equal":
            _pair(list(zip(old[i1:i2], new[j1:j2], strict=True)), depth)
        elif tag == "replace":
            _pair(_alike(old[i1:i2], new[j1:j2]), depth)


def _alike(old: Stack, new: Stack) -> list[tuple[Any, Any]]:
    """Pair blocks of the same type, in order."""
    kinds = [[part.get("type") if isinstance(part, dict) else None for part in parts] for parts in (old, new)]
    matcher = SequenceMatcher(None, [str(kind) for kind in kinds[0]], [str(kind) for kind in kinds[1]], autojunk=False)
    return [(old[a + k], new[b + k]) for a, b, size in matcher.get_matching_blocks() for k in range(size)]


def _pair(pairs: list[tuple[Any, Any]], depth: int) -> None:
    for old, new in pairs:
        if isinstance(old, dict) and isinstance(new, dict) and ID in old:
            new[ID] = old[ID]
            if isinstance(old.get("layers"), list):
                _carry(old["layers"], new.get("layers"), depth + 1)
