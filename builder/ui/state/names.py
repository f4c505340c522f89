"""Which block each name means, by builder/graph.py's own numbering, and names that are still free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.graph import Graph

from .tree import ID, INPUT, MOST_LEVELS, Stack, Tree, Where, find, identity, stacks, stripped

Names = Mapping[str, str]
"""Id of a block -> how its own stack calls it."""

ALLOWED = re.compile(r"[^/$\x00-\x1f\x7f]{1,100}")
"""What schemas/layer.py allows as a name."""


def graph_of(tree: Tree) -> Graph:
    """Return the graph of the tree's document."""
    return Graph(stripped(tree))


def names_of(tree: Tree, graph: Graph | None = None) -> dict[str, str]:
    """Return what every block is called in its stack: its name, or the one that the graph counts for it."""
    graph = graph or graph_of(tree)
    counted: dict[str, list[str]] = {}
    for scope in graph.scopes():
        if scope.pointer not in counted:
            counted[scope.pointer] = [item.name for item in scope.items]
    names = {}
    for where in stacks(tree):
        numbers = counted.get(where.pointer, [])
        for index, entry in enumerate(where.entries):
            given = entry.get("name") if isinstance(entry, dict) else None
            if isinstance(given, str) and 0 < len(given) <= 100 and "/" not in given:
                names[identity(where, index)] = given
            elif index < len(numbers):
                names[identity(where, index)] = numbers[index]
    return names


def said(entry: Any) -> list[Any]:
    """Return what `inputs` says, an empty list where it says nothing that could be meant."""
    given = entry.get("inputs") if isinstance(entry, dict) else None
    if isinstance(given, list):
        return given
    return [given] if isinstance(given, str) else []


class Scopes:
    """Where each stack stands, to resolve names as builder/graph.py does: the own stack, then around a Repeat."""

    def __init__(self, tree: Tree, names: Names) -> None:
        self.names = names
        self.stacks = {where.owner: where for where in stacks(tree)}
        self.around: dict[str, tuple[Where, int]] = {}
        self._known: dict[tuple[int, int], dict[str, tuple[int, str]]] = {}
        for where in self.stacks.values():
            for index, entry in enumerate(where.entries):
                if isinstance(entry, dict) and isinstance(entry.get("layers"), list) and ID in entry:
                    self.around[entry[ID]] = where, index

    def resolve(self, where: Where, name: str) -> str | None:
        """Return the id of the block that a name means in a stack, `Input:<owner>` for its input, None for nothing."""
        found = self._here(where).get(name)
        if found is not None:
            return found[1]
        if name == INPUT:
            return input_of(where)
        for _ in range(MOST_LEVELS):
            outside = self.around.get(where.owner)
            if outside is None:
                return None
            where, position = outside
            found = self._here(where).get(name)
            if found is not None and found[0] < position:
                return found[1]
        return None

    def _here(self, where: Where) -> dict[str, tuple[int, str]]:
        """Return name -> (position, id) of the first block in a stack that goes by it; made once for each stack."""
        key = id(where.entries), len(where.entries)
        if key not in self._known:
            known: dict[str, tuple[int, str]] = {}
            for index in range(len(where.entries)):
                block = identity(where, index)
                if block in self.names:
                    known.setdefault(self.names[block], (index, block))
            self._known[key] = known
        return self._known[key]

    def sources(self, where: Where, index: int) -> list[str | None]:
        """Return the ids of what a block reads."""
        entry = where.entries[index]
        texts = [text for text in said(entry) if isinstance(text, str)]
        if texts:
            return [self.resolve(where, text) for text in texts]
        return [identity(where, index - 1) if index else input_of(where)]

    def edges(self, where: Where) -> Iterator[tuple[str, str]]:
        """Yield (source, target) of a stack; "Input" is its input, what stands outside of it is left out."""
        inside = {identity(where, i) for i in range(len(where.entries))}
        for index in range(len(where.entries)):
            for source in dict.fromkeys(self.sources(where, index)):
                if source in inside or source == input_of(where):
                    yield INPUT if source == input_of(where) else str(source), identity(where, index)


def input_of(where: Where) -> str:
    """Return the id of a stack's input."""
    return f"{INPUT}:{where.owner}"


def fresh(base: str, taken: Iterable[str]) -> str:
    """Return `base`, or with the first number that makes it new.

    >>> fresh("conv", {"conv", "conv_2"}), fresh("conv_2", {"conv_2"})
    ('conv_3', 'conv_3')
    """
    used = set(taken)
    if base not in used and base != INPUT:
        return base
    stem = re.sub(r"_\d{1,6}$", "", base)[:90]
    number = 2
    while f"{stem}_{number}" in used:
        number += 1
    return f"{stem}_{number}"


def given_names(entries: Stack) -> set[str]:
    """Return the names that blocks of a list were given."""
    return {entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)}


def name_of(tree: Tree, block: str, names: Names) -> str:
    """Return how messages call a block."""
    if block.startswith(INPUT):
        return INPUT
    place = find(tree, block)
    kind = place[0].entries[place[1]].get("type") if place else None
    return names.get(block) or str(kind or block)
