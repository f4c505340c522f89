"""Fold neighbouring blocks into a Repeat or a Unit, and unfold them again, without changing the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schemas.model import MOST_LAYERS, placeholders

from .actions import Fold, Unfold
from .draft import Draft, Ref, put, refs_of
from .edits import allowed
from .names import fresh, given_names, input_of
from .state import Refused
from .tree import ID, INPUT, UNIT, Stack, Tree, Where, copied, identity, number, stacks, units_of, walk


def fold(draft: Draft, todo: Fold) -> tuple[str, ...]:
    where = draft.stack
    positions = draft.several(todo.ids)
    first, last = positions[0], positions[-1]
    if positions != list(range(first, last + 1)):
        raise Refused("notice.not_neighbours")
    group: Stack = where.entries[first : last + 1]
    if not all(isinstance(entry, dict) for entry in group):
        raise Refused("notice.no_block")
    sources = draft.sources(where, first)
    source = next((target for target in sources if target is not None), input_of(where))
    if todo.into == "Repeat":
        times, kept = _rounds(draft, where, group, source)
        block: Tree = {"type": "Repeat", "n": times, "layers": kept}
    else:
        times, kept = 1, group
        block = {"type": "Unit", "unit": _unit_name(draft, todo.name)}
    gone = {str(entry[ID]) for entry in group}
    explicit = bool(refs_of(group[0]))
    del where.entries[first : last + 1]
    where.entries.insert(first, block)
    if todo.into == "Unit":
        _define(draft, block, kept)
        owner = UNIT + block["unit"]
        draft.next_id = number(draft.tree, draft.next_id)
    else:
        draft.next_id = number(draft.tree, draft.next_id)
        owner = str(block[ID])
    here = str(block[ID])
    _inward(draft, kept, source, f"{INPUT}:{owner}", where, todo.into)
    _outward(draft, gone, str(group[-1][ID]), here, {id(entry) for entry in walk(kept)})
    if explicit:
        draft.read(where, first, [source])
    if todo.into == "Repeat" and todo.name:
        allowed(todo.name)
        block["name"] = fresh(todo.name, set(draft.names.values()))
    return (here,)


def _unit_name(draft: Draft, wanted: str | None) -> str:
    if wanted:
        allowed(wanted)
    return fresh(wanted or "Block", units_of(draft.tree))


def _define(draft: Draft, block: Tree, kept: Stack) -> None:
    """Write the unit's definition; arguments of a unit around it are handed on."""
    model = draft.tree["model"]
    used = dict.fromkeys(
        name for entry in kept for _, name in placeholders({k: v for k, v in entry.items() if k != ID})
    )
    arguments = {"arguments": dict.fromkeys(used)} if used else {}
    if used:
        block["arguments"] = {name: f"${name}" for name in used}
    model["units"] = {**units_of(draft.tree), block["unit"]: {**arguments, "layers": kept}}


def _inward(draft: Draft, kept: Stack, source: str, inner: str, where: Where, into: str) -> None:
    """Let what the group reads from its source read the new stack's input; refuse what else it reads, if it cannot."""
    inside = {str(entry[ID]) for entry in walk(kept)}
    top = {id(entry) for entry in kept}
    before = {identity(where, i) for i in range(len(where.entries))}
    for entry in walk(kept):
        for k, ref in enumerate(refs_of(entry)):
            target = ref.target
            if target is None or target in inside or target.partition(":")[2] in inside:
                continue
            if target == source and id(entry) in top:
                entry["inputs"][k] = Ref("", inner)
            elif into == "Unit" or target not in before:
                raise Refused("notice.fold_reads", name=draft.called(target))
    if [ref.target for ref in refs_of(kept[0])] == [inner]:
        kept[0].pop("inputs")


def _outward(draft: Draft, gone: set[str], last: str, here: str, inside: set[int]) -> None:
    """Let what reads the group's last block read the new one; refuse where another of its blocks is read."""
    for where in stacks(draft.tree):
        for entry in where.entries:
            for k, ref in enumerate(refs_of(entry)):
                if id(entry) in inside or ref.target not in gone:
                    continue
                if ref.target != last:
                    raise Refused("notice.fold_read", name=draft.called(str(ref.target)))
                entry["inputs"][k] = Ref("", here)


def _rounds(draft: Draft, where: Where, group: Stack, source: str) -> tuple[int, Stack]:
    """Return how often the group says the same, and the part that it says."""
    for size in range(1, len(group) // 2 + 1):
        if len(group) % size:
            continue
        parts = [group[start : start + size] for start in range(0, len(group), size)]
        inputs = [source, *(str(part[-1][ID]) for part in parts)]
        if len({_shape(part, reads) for part, reads in zip(parts, inputs, strict=False)}) > 1:
            continue
        inner = {str(entry[ID]) for part in parts for entry in part} - {str(parts[-1][-1][ID])}
        outside = [entry for place in stacks(draft.tree) for entry in place.entries
                   if not any(entry is own for own in walk(group))]  # fmt: skip
        if any(ref.target in inner for entry in outside for ref in refs_of(entry)):
            continue
        # The last round is what the stack gives, so its ids are those that are read.
        kept = parts[-1]
        for entry, named in zip(kept, parts[0], strict=True):
            if "name" in named:
                entry["name"] = named["name"]
            for k, ref in enumerate(refs_of(entry)):
                if ref.target == inputs[-2]:
                    entry["inputs"][k] = Ref("", source)
        return len(parts), kept
    return 1, group


def _shape(part: Stack, source: str) -> str:
    """Write a part of a group without names, so that equal parts are equal texts."""
    numbers = {str(entry[ID]): index for index, entry in enumerate(walk(part))}

    def plain(value: Any) -> Any:
        if isinstance(value, Ref):
            target = str(value.target)
            return "source" if target == source else numbers.get(target, target)
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items() if key != ID and key != "name"}
        return [plain(item) for item in value] if isinstance(value, list) else value

    written = plain(part)
    if written[0].get("inputs") == ["source"]:
        del written[0]["inputs"]
    return json.dumps(written, sort_keys=True)


# --- unfolding -------------------------------------------------------------------------------------------------------


def unfold(draft: Draft, todo: Unfold) -> tuple[str, ...]:
    where, index = draft.at(todo.id)
    block = draft.entry(todo.id)
    layers, times, owner = _held(draft, block)
    if times * sum(1 for _ in walk(layers)) + len(where.entries) > MOST_LAYERS // 5:
        raise Refused("notice.too_many", most=MOST_LAYERS // 5)
    source = next((target for target in draft.sources(where, index) if target is not None), input_of(where))
    explicit = bool(refs_of(block))
    del where.entries[index]
    taken = set(draft.names.values()) | given_names(where.entries)
    place, before = index, source
    for turn in range(times):
        part = layers if turn == times - 1 else copied(layers)
        if turn != times - 1 or owner.startswith(UNIT):
            draft.next_id = _renumbered(part, draft.next_id)
        _joined(part, f"{INPUT}:{owner}", before)
        for entry in part:
            if isinstance(entry.get("name"), str):
                entry["name"] = fresh(entry["name"], taken)
                taken.add(entry["name"])
        where.entries[place:place] = part
        if place == index and explicit and not refs_of(part[0]):
            draft.read(where, place, [source])
        place += len(part)
        before = str(part[-1][ID])
    draft.retarget(todo.id, before)
    if isinstance(block.get("name"), str) and draft.readers(before) and "name" not in where.entries[place - 1]:
        put(where.entries[place - 1], "name", block["name"])
    if owner.startswith(UNIT):
        _forget(draft, block["unit"])
    return tuple(identity(where, i) for i in range(index, place))


def _held(draft: Draft, block: Tree) -> tuple[Stack, int, str]:
    """Return the layers of a Repeat or Unit, how often they stand there, and who owns them."""
    if block.get("type") == "Repeat":
        layers, times, owner = block.get("layers"), block.get("n"), str(block[ID])
    elif block.get("type") == "Unit" and isinstance(block.get("unit"), str):
        unit = units_of(draft.tree).get(block["unit"])
        layers, times, owner = (_filled(unit, block), 1, UNIT + block["unit"]) if isinstance(unit, dict) else (0, 1, "")
    else:
        raise Refused("notice.not_folded")
    sound = isinstance(layers, list) and layers and all(isinstance(entry, dict) for entry in layers)
    if not sound or not isinstance(layers, list) or not isinstance(times, int) or not 1 <= times <= 1000:
        raise Refused("notice.broken_block")
    return layers, times, owner


def _filled(unit: Mapping[str, Any], block: Tree) -> Any:
    """Return a copy of a unit's layers with the arguments of one use."""
    declared, given = unit.get("arguments"), block.get("arguments")
    values = {**(declared if isinstance(declared, dict) else {}), **(given if isinstance(given, dict) else {})}

    def fill(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$") and values.get(value[1:]) is not None:
            return copied(values[value[1:]])
        if isinstance(value, dict):
            return {key: fill(part) for key, part in value.items()}
        return [fill(part) for part in value] if isinstance(value, list) else value

    return fill(unit.get("layers"))


def _renumbered(part: Stack, start: int) -> int:
    """Give the copied blocks new ids, and what names them among each other."""
    new: dict[str, str] = {}
    for entry in walk(part):
        if ID in entry:
            new[str(entry[ID])] = f"b{start}"
            start += 1
    for entry in walk(part):
        entry[ID] = new.get(str(entry.get(ID)), entry.get(ID))
        for k, ref in enumerate(refs_of(entry)):
            target = str(ref.target)
            if target in new:
                entry["inputs"][k] = Ref(ref.text, new[target])
            elif target.startswith(INPUT + ":") and target.partition(":")[2] in new:
                entry["inputs"][k] = Ref(ref.text, f"{INPUT}:{new[target.partition(':')[2]]}")
    return start


def _joined(part: Stack, inner: str, source: str) -> None:
    """Let what reads the stack's input read what the stack read."""
    for entry in walk(part):
        for k, ref in enumerate(refs_of(entry)):
            if ref.target == inner:
                entry["inputs"][k] = Ref("", source)


def _forget(draft: Draft, unit: str) -> None:
    """Take away the definition of a unit that nothing uses any more."""
    used = any(isinstance(entry, dict) and entry.get("type") == "Unit" and entry.get("unit") == unit
               for where in stacks(draft.tree) for entry in where.entries)  # fmt: skip
    if not used and unit in units_of(draft.tree):
        del draft.tree["model"]["units"][unit]
        if not draft.tree["model"]["units"]:
            del draft.tree["model"]["units"]
