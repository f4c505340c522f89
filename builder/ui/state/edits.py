"""Edits of blocks and their connections. Each changes a Draft and returns the ids to select, or raises Refused."""

from __future__ import annotations

from typing import Any

from schemas.layer import REGISTRY
from schemas.translate import SENSIBLE
from schemas.words import schema_of

from .actions import Append, Connect, Delete, Disconnect, Field, Insert, Move, Rename, RenameUnit
from .draft import Draft, Ref, put, refs_of
from .names import ALLOWED, input_of
from .state import Refused
from .tree import INPUT, Tree, Where, copied, identity, stacks, units_of

Ids = tuple[str, ...]
UNIT_TYPE = "Unit:"
"""How the palette calls a use of a unit: "Unit:Residual"."""


def made(kind: str, fields: dict[str, Any], tree: Tree) -> Tree:
    """Return a new block; what its schema requires and `fields` do not say gets a sensible value."""
    entry: Tree = {"type": kind}
    if kind.startswith(UNIT_TYPE):
        entry = {"type": "Unit", "unit": kind.removeprefix(UNIT_TYPE)}
        unit = units_of(tree).get(entry["unit"])
        declared = unit.get("arguments") if isinstance(unit, dict) else None
        needed = [name for name, value in declared.items() if value is None] if isinstance(declared, dict) else []
        if needed:
            entry["arguments"] = dict.fromkeys(needed, 16)
    elif kind == "Repeat":
        entry |= {"n": 2, "layers": [{"type": "ReLU"}]}
    elif kind in REGISTRY:
        entry |= {name: copied(SENSIBLE[name]) for name in required(kind) if name in SENSIBLE}
    elif kind != "Unit":
        raise Refused("notice.unknown_type", type=kind)
    return {**entry, **copied(fields)}


def required(kind: str) -> list[str]:
    """Return the fields that a layer must say."""
    return [name for name in schema_of(REGISTRY[kind].cls).get("required", ()) if name != "type"]


def append(draft: Draft, todo: Append) -> Ids:
    where = draft.stack
    return (draft.add(where, len(where.entries), made(todo.type, todo.fields, draft.tree)),)


def insert(draft: Draft, todo: Insert) -> Ids:
    where = draft.stack
    block = draft.add(where, len(where.entries), made(todo.type, todo.fields, draft.tree))
    _onto(draft, block, todo.after, todo.before)
    return (block,)


def _onto(draft: Draft, block: str, after: str | None, before: str | None) -> None:
    """Take a block that nothing reads from where it stands, and put it onto an edge of the shown stack."""
    where, old = draft.at(block)
    entry = where.entries[old]
    rest = [str(ref.target) for ref in refs_of(entry)[1:] if ref.target is not None]
    entry.pop("inputs", None)
    if before is not None and before != INPUT:
        there, index = draft.at(before)
        sources = draft.sources(there, index)
        source = draft.real(after) if after is not None else sources[0]
        if source is None or source not in sources:
            raise Refused("notice.no_edge")
        explicit = refs_of(there.entries[index])
        # What followed the block in the list goes on reading what it read.
        where.entries.pop(old)
        index = draft.at(before)[1]
        where.entries.insert(index, entry)
        draft.read(where, index, [source, *rest])
        targets = [block if target == source else str(target) for target in sources if target is not None]
        if explicit:
            draft.read(where, index + 1, list(dict.fromkeys(targets)))
        return
    where.entries.pop(old)
    if after is None:
        index = len(where.entries)
    elif after == INPUT:
        index = 0
    else:
        index = draft.at(after)[1] + 1
    follows = index < len(where.entries) and not refs_of(where.entries[index])
    where.entries.insert(index, entry)
    if rest:
        draft.read(where, index, [identity(where, index - 1) if index else input_of(where), *rest])
    if after is not None and after != INPUT and not follows:
        for reader, k in draft.readers(after):
            if reader is not entry:
                reader["inputs"][k] = Ref("", block)


def _detach(draft: Draft, where: Where, index: int) -> Any:
    """Take a block out of its list; what read it reads what it read first. Return the block."""
    block = identity(where, index)
    sources = draft.sources(where, index)
    first = next((source for source in sources if source is not None), None)
    if first is not None:
        draft.retarget(block, first)
    entry = where.entries.pop(index)
    if index < len(where.entries) and isinstance(where.entries[index], dict) and first is not None:
        following = where.entries[index]
        if not refs_of(following) and "inputs" not in following:
            draft.read(where, index, [first])
    return entry


def delete(draft: Draft, todo: Delete) -> Ids:
    """Take blocks away, and select what stands in their place."""
    positions = draft.several(todo.ids)
    where = draft.stack
    for index in reversed(positions):
        _detach(draft, where, index)
    left = min(positions[0], len(where.entries) - 1)
    return (identity(where, left),) if left >= 0 else ()


def move(draft: Draft, todo: Move) -> Ids:
    where = draft.stack
    positions = draft.several(todo.ids)
    blocks = [identity(where, index) for index in positions]
    if todo.after is None and todo.before is None and todo.by:
        _shift(where, positions, todo.by)
        return tuple(blocks)
    if todo.after is None and todo.before is None:
        raise Refused("notice.nothing")
    if {todo.after, todo.before} & set(blocks):
        raise Refused("notice.moved_onto_itself")
    after = todo.after
    for block in blocks:
        draft.entry(block)
        there, index = draft.at(block)
        rest = [Ref("", ref.target) for ref in refs_of(there.entries[index])[1:]]
        entry = _detach(draft, there, index)
        entry.pop("inputs", None)
        there.entries.append(entry)
        if rest:
            entry["inputs"] = [Ref("", None), *rest]
        _onto(draft, block, after, todo.before)
        after = block
    return tuple(blocks)


def _shift(where: Where, positions: list[int], by: int) -> None:
    """Move blocks by places in the list, their order kept; at an end they stay."""
    room = -positions[0] if by < 0 else len(where.entries) - 1 - positions[-1]
    step = max(by, room) if by < 0 else min(by, room)
    for index in positions if step < 0 else reversed(positions):
        where.entries.insert(index + step, where.entries.pop(index))


# --- connections -----------------------------------------------------------------------------------------------------


def connect(draft: Draft, todo: Connect) -> Ids:
    source = draft.real(todo.source)
    where, index = draft.at(todo.target)
    entry = draft.entry(todo.target)
    if todo.source != INPUT:
        draft.entry(todo.source)
    if source == todo.target or _reaches(draft, where, todo.target, source):
        raise Refused("notice.loop", source=draft.called(source), target=draft.called(todo.target))
    sources = [target for target in draft.sources(where, index) if target is not None]
    if source in sources:
        raise Refused("notice.connected", source=draft.called(source), target=draft.called(todo.target))
    most = _most_inputs(entry)
    targets = [*sources, source] if most is None or len(sources) < most else [*sources[: most - 1], source]
    draft.read(where, index, targets)
    return (todo.target,)


def disconnect(draft: Draft, todo: Disconnect) -> Ids:
    source = draft.real(todo.source)
    where, index = draft.at(todo.target)
    entry = draft.entry(todo.target)
    sources = draft.sources(where, index)
    if source not in sources:
        raise Refused("notice.no_edge")
    left = [target for target in sources if target is not None and target != source]
    if left:
        draft.read(where, index, left)
        return (todo.target,)
    # A block always reads something: without a name it is what stands before it.
    before = identity(where, index - 1) if index else input_of(where)
    if before == source:
        raise Refused("notice.reads_something", target=draft.called(todo.target))
    entry.pop("inputs", None)
    return (todo.target,)


def _most_inputs(entry: Tree) -> int | None:
    kind = entry.get("type")
    known = REGISTRY.get(kind) if isinstance(kind, str) else None
    return known.cls.arity[1] if known is not None else 1


def _reaches(draft: Draft, where: Where, start: str, goal: str) -> bool:
    """Tell whether values flow from one block to another."""
    readers: dict[str, list[str]] = {}
    for index in range(len(where.entries)):
        for source in draft.sources(where, index):
            readers.setdefault(str(source), []).append(identity(where, index))
    seen, waiting = {start}, [start]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return goal in seen


# --- fields and names ------------------------------------------------------------------------------------------------


def field(draft: Draft, todo: Field) -> Ids:
    entry = draft.entry(todo.id)
    if todo.field in ("type", "name", "inputs", "layers"):
        raise Refused("notice.not_a_field", field=todo.field)
    if todo.remove:
        if todo.field not in entry:
            raise Refused("notice.nothing")
        del entry[todo.field]
    else:
        put(entry, todo.field, copied(todo.value))
    return (todo.id,)


def rename(draft: Draft, todo: Rename) -> Ids:
    entry = draft.entry(todo.id)
    where, _ = draft.at(todo.id)
    name = (todo.name or "").strip()
    if not name:
        if "name" not in entry:
            raise Refused("notice.nothing")
        del entry["name"]
        for reader, k in draft.readers(todo.id):
            reader["inputs"][k] = Ref("", todo.id)
        return (todo.id,)
    allowed(name)
    others = {block: known for block, known in draft.names.items() if block != todo.id}
    here = {identity(where, index) for index in range(len(where.entries))}
    if name in {known for block, known in others.items() if block in here}:
        raise Refused("notice.name_taken", name=name)
    put(entry, "name", name)
    return (todo.id,)


def allowed(name: str) -> None:
    """Raise Refused for a name that a document cannot have."""
    if name == INPUT or not ALLOWED.fullmatch(name):
        raise Refused("notice.bad_name", name=name[:100])


def rename_unit(draft: Draft, todo: RenameUnit) -> Ids:
    units, name = units_of(draft.tree), todo.name.strip()
    if todo.unit not in units:
        raise Refused("notice.no_block")
    allowed(name)
    if name in units:
        raise Refused("notice.name_taken" if name != todo.unit else "notice.nothing", name=name)
    model = draft.tree["model"]
    uses = [entry for where in stacks(draft.tree) for entry in where.entries
            if isinstance(entry, dict) and entry.get("type") == "Unit" and entry.get("unit") == todo.unit]  # fmt: skip
    for entry in uses:
        entry["unit"] = name
    old, new = f"unit:{todo.unit}", f"unit:{name}"
    for where in stacks(draft.tree):
        for entry in where.entries:
            for k, ref in enumerate(refs_of(entry)):
                if ref.target == f"{INPUT}:{old}":
                    entry["inputs"][k] = Ref(ref.text, f"{INPUT}:{new}")
    model["units"] = {name if key == todo.unit else key: unit for key, unit in units.items()}
    draft.place = tuple(new if owner == old else owner for owner in draft.place)
    return ()
