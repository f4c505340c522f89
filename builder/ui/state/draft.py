"""One edit under way: a copy of the tree in which `inputs` and `share` hold ids instead of names, so that nothing that
is moved, renamed, added or taken away changes what a block reads. `finished` writes names again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.layer import REGISTRY

from .names import ALLOWED, Names, Scopes, fresh, given_names, input_of, name_of, names_of, said
from .state import Refused, State
from .tree import INPUT, Stack, Tree, Where, copied, find, identity, number, shown, stacks, stripped

MOST_PASSES = 20
"""Giving one layer a name can renumber others, which may then need theirs; more than a few passes never happened."""


SHARE = -1
"""Stands for `share` among the numbers of inputs."""


@dataclass(frozen=True)
class Ref:
    """What one entry of `inputs` means: the id of a block, `Input:<owner>`, or None where it means nothing."""

    text: str
    target: str | None


class Draft:
    """A tree that may be changed, with the ids of what it reads."""

    def __init__(self, state: State) -> None:
        self.tree: Tree = copied(state.tree)
        self.next_id = state.next_id
        self.place = state.place
        self.names: Names = state.names
        self.lost: list[str] = []
        """Names in `inputs` that mean something else after the edit, which no new name could mend."""
        self.bind(list(stacks(self.tree)))

    # --- looking ---

    @property
    def stack(self) -> Where:
        """The shown stack. A document that has no model yet gets an empty one."""
        if not self.place and "model" not in self.tree:
            self.tree["model"] = {"layers": []}
        model = self.tree.get("model")
        if not self.place and isinstance(model, dict) and "layers" not in model:
            model["layers"] = []
        where = shown(self.tree, self.place)
        if where is None:
            raise Refused("notice.no_stack")
        return where

    def at(self, block: str) -> tuple[Where, int]:
        """Return where a block of the shown stack is; raise Refused where it is not there."""
        where = self.stack
        for index in range(len(where.entries)):
            if identity(where, index) == block:
                return where, index
        raise Refused("notice.no_block")

    def entry(self, block: str) -> Tree:
        """Return a block of the shown stack that is an object."""
        where, index = self.at(block)
        entry = where.entries[index]
        if not isinstance(entry, dict):
            raise Refused("notice.no_block")
        return entry

    def several(self, ids: tuple[str, ...]) -> list[int]:
        """Return the positions of blocks of the shown stack, in order; those that are not there are left out."""
        where = self.stack
        wanted = set(ids)
        found = [index for index in range(len(where.entries)) if identity(where, index) in wanted]
        if not found:
            raise Refused("notice.nothing_selected")
        return found

    def called(self, block: str) -> str:
        return name_of(self.tree, block, self.names)

    def sources(self, where: Where, index: int) -> list[str | None]:
        """Return the ids of what a block reads: what `inputs` says, else what stands before it."""
        refs = refs_of(where.entries[index])
        if refs:
            return [ref.target for ref in refs]
        return [identity(where, index - 1) if index else input_of(where)]

    def readers(self, block: str) -> list[tuple[Tree, int]]:
        """Return (block, number of its input) for each `inputs` that names a block."""
        return [
            (entry, k)
            for where in stacks(self.tree)
            for entry in where.entries
            for k, ref in enumerate(refs_of(entry))
            if ref.target == block
        ]

    def real(self, block: str) -> str:
        """Return the id as the draft knows it: the canvas says "Input" for the shown stack's input."""
        return input_of(self.stack) if block == INPUT else block

    # --- changing ---

    def add(self, where: Where, index: int, entry: Tree) -> str:
        """Put a new block into a list and return its id."""
        where.entries.insert(index, entry)
        self.next_id = number(self.tree, self.next_id)
        return identity(where, index)

    def read(self, where: Where, index: int, targets: list[str]) -> None:
        """Let a block read these; nothing is written where that is what it would read anyway."""
        entry = where.entries[index]
        before = identity(where, index - 1) if index else input_of(where)
        if targets == [before]:
            entry.pop("inputs", None)
            return
        refs = [Ref("", target) for target in targets]
        if "inputs" in entry:
            entry["inputs"] = refs
        else:
            put(entry, "inputs", refs)

    def retarget(self, old: str, new: str | None) -> None:
        """Let everything that names one block name another."""
        for entry, _ in self.readers(old):
            refs = [Ref("", new) if ref.target == old else ref for ref in refs_of(entry)]
            # Where it was read already, it is read once.
            first = next(k for k, ref in enumerate(refs) if ref.target == new)
            entry["inputs"] = [ref for k, ref in enumerate(refs) if k == first or ref.target != new]

    # --- names and ids ---

    def bind(self, places: list[Where], names: Names | None = None) -> None:
        """Put ids in the place of names in `inputs`."""
        scopes = Scopes(self.tree, names or self.names)
        for where in places:
            for entry in where.entries:
                texts = said(entry)
                if texts and isinstance(entry.get("inputs"), list) and all(isinstance(text, str) for text in texts):
                    entry["inputs"] = [Ref(text, scopes.resolve(where, text)) for text in texts]
                if isinstance(entry, dict) and isinstance(entry.get("share"), str):
                    entry["share"] = Ref(entry["share"], scopes.resolve(where, entry["share"]))

    def finished(self) -> Tree:
        """Write names for ids, and return the tree. Blocks that need a name to be named get one."""
        for _ in range(MOST_PASSES):
            plain = self._plain()
            if not any(_named(entry) for where in stacks(self.tree) for entry in where.entries):
                return plain
            names = names_of(plain)
            scopes = Scopes(plain, names)
            wrong = [
                (where, entry, k, ref)
                for where in stacks(self.tree)
                for entry in where.entries
                for k, ref in _named(entry)
                if ref.target is not None and (not ref.text or scopes.resolve(where, ref.text) != ref.target)
            ]
            if not wrong:
                return plain
            changed = False
            self.lost = []
            for where, entry, k, ref in wrong:
                text = self._name_for(ref, where, names, scopes)
                self.lost += [] if text else [ref.text]
                changed = changed or (text or ref.text) != ref.text
                again = Ref(text or ref.text, ref.target if text else None)
                if k == SHARE:
                    entry["share"] = again
                else:
                    entry["inputs"][k] = again
            if not changed:
                break
        return self._plain()

    def _name_for(self, ref: Ref, where: Where, names: Names, scopes: Scopes) -> str | None:
        """Return a text that means the target in this stack; None where there is none."""
        target = str(ref.target)
        if target.startswith(INPUT + ":"):
            return INPUT if target == input_of(where) else None
        place = find(self.tree, target)
        if place is None or not isinstance(place[0].entries[place[1]], dict):
            return None
        there, index = place
        entry = there.entries[index]
        current = names.get(target, "")
        if isinstance(entry.get("name"), str):
            return current if scopes.resolve(where, current) == target else None
        # A counted number can change with any edit, so what is read by name gets one: the number it goes by.
        base = ref.text or (current if there.owner == "" else str(entry.get("type", "layer")))
        base = base if ALLOWED.fullmatch(base) else "layer"
        taken = given_names(there.entries)
        if there.owner:
            taken |= {name for block, name in names.items() if block != target}
        put(entry, "name", fresh(base, taken))
        return str(entry["name"])

    def _plain(self) -> Tree:
        """Return the tree with texts for refs; a block that would read nothing reads what stands before it."""
        tree: Tree = _written(self.tree)
        return tree


def _written(value: Any) -> Any:
    """Write refs as texts; what nothing can name is left out, and so is an `inputs` that is then empty."""
    if isinstance(value, Ref):
        return value.text
    if isinstance(value, dict):
        return {key: _written(part) for key, part in value.items() if not (key == "inputs" and _nameless(part))}
    if isinstance(value, list):
        return [_written(part) for part in value if not (isinstance(part, Ref) and not part.text)]
    return value


def _nameless(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(ref, Ref) and not ref.text for ref in value)


def refs_of(entry: Any) -> list[Ref]:
    """Return what a block's `inputs` mean."""
    given = entry.get("inputs") if isinstance(entry, dict) else None
    return [ref for ref in given if isinstance(ref, Ref)] if isinstance(given, list) else []


def _named(entry: Any) -> list[tuple[int, Ref]]:
    """Return (number of the input, or SHARE, and what it means) for all that names a block."""
    share = entry.get("share") if isinstance(entry, dict) else None
    return [*enumerate(refs_of(entry)), *([(SHARE, share)] if isinstance(share, Ref) else [])]


def put(entry: Tree, field: str, value: Any) -> None:
    """Set a field of a block: a new one in the order in which its layer's schema has the fields."""
    if field in entry:
        entry[field] = value
        return
    kind = entry.get("type")
    known = REGISTRY.get(kind) if isinstance(kind, str) else None
    known_fields = known.cls.model_fields if known else ("n", "unit", "arguments", "layers")
    order = list(dict.fromkeys(("type", "name", "inputs", *known_fields)))
    later = set(order[order.index(field) + 1 :]) if field in order else set()
    rest = list(entry.items())
    place = next((i for i, (key, _) in enumerate(rest) if key in later), len(rest))
    entry.clear()
    entry.update([*rest[:place], (field, value), *rest[place:]])


def clean(entries: Stack) -> list[dict[str, Any]]:
    """Return blocks as a document says them."""
    result: list[dict[str, Any]] = stripped(_written(entries))
    return result
