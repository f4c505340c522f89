"""From the document's layers to one networkx graph: Repeat and Unit expanded, inputs resolved, in order of computation.

    graph = build(document)        a dict or a schemas Document
    graph.net                      networkx.DiGraph; nodes are layer names, with attributes layer, pointer and inputs
    graph.order                    layer names, each after what it reads
    graph.problems                 what cannot be wired: unknown inputs, loops, unread layers, names given twice, ...

A broken layer stays in the graph without its Layer, so that the checks can go on around it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.document import plain
from schemas.errors import Problem
from schemas.layer import REGISTRY, Layer
from schemas.patch import join
from schemas.stack import usable

from .checks.found import Found
from .checks.stacks import MOST_NESTED, Call, Stacks

if TYPE_CHECKING:
    import networkx as nx

INPUT = "Input"
"""How `inputs` calls the input of the stack a layer stands in; in the graph, the network's input."""


@dataclass(eq=False)
class Node:
    """One layer of the expanded network. `layer` is None where the document's entry is invalid."""

    name: str
    type: str
    pointer: str
    entry: Mapping[str, Any]
    """As it stands in the document."""
    fields: Mapping[str, Any]
    """The same with a unit's arguments filled in."""
    layer: Layer | None
    scope: Scope
    position: int
    inputs: list[str | None] = field(default_factory=list)
    """Names of the layers it reads, None where one does not exist."""
    share: str | None = None
    """Name of the layer whose parameters it uses, None where it has its own, or where there is no such layer."""

    @property
    def call(self) -> Call | None:
        """The use of the unit in which it stands."""
        return self.scope.call

    def output(self) -> Node:
        """Return itself, as a Repeat or Unit returns its last layer."""
        return self

    @property
    def is_loss(self) -> bool:
        return self.layer is not None and REGISTRY[self.type].category == "Loss"


@dataclass(eq=False)
class Scope:
    """One list of layers, at one place of the expanded network: names mean something only within it."""

    pointer: str
    """Of the list."""
    prefix: str = ""
    parent: Block | None = None
    """The Repeat or Unit it belongs to; None for the network's own list."""
    call: Call | None = None
    before: Scope | None = None
    """The round before it, in a Repeat."""
    items: list[Node | Block] = field(default_factory=list)
    names: dict[str, list[int]] = field(default_factory=dict)
    """Name -> positions in `items`; more than one where a name was given twice."""

    def visible(self, position: int) -> Iterator[str]:
        """Yield every name that a layer at `position` may read."""
        yield INPUT
        yield from (name for name, places in self.names.items() if places != [position])
        if self.parent is not None and self.parent.type == "Repeat":
            outer, here = self.parent.scope, self.parent.position
            yield from (name for name, places in outer.names.items() if places[0] < here)

    def source(self) -> Node | None:
        """Return the layer that "Input" means here; None for the network's input. Raises LookupError if unknown."""
        if self.before is not None:
            return self.before.output()
        if self.parent is None:
            return None
        given = self.parent.reads
        return self.parent.scope.find(given[0] if given else None, self.parent.position)

    def output(self) -> Node:
        """Return the layer that the stack as a whole gives: its last."""
        return self.items[-1].output()

    def find(self, name: str | None, position: int) -> Node | None:
        """Return the layer that `name`, said at `position`, means; None for the network's input.

        Without a name it is the layer before. Raises LookupError where there is no such layer.
        """
        if name is None and position > 0:
            return self.items[position - 1].output()
        if name is None or (name == INPUT and INPUT not in self.names):
            return self.source()
        places = self.names.get(name, [])
        block = self.parent
        while not places and block is not None and block.type == "Repeat":
            # Layers of a Repeat also see what stands before it in the stack around it.
            places = [place for place in block.scope.names.get(name, ()) if place < block.position]
            scope, block = block.scope, block.scope.parent
            if places:
                return scope.items[places[0]].output()
        if not places:
            raise LookupError(name)
        return self.items[places[0]].output()


@dataclass(eq=False)
class Block:
    """A Repeat or Unit in the expanded network."""

    name: str
    type: str
    pointer: str
    entry: Mapping[str, Any]
    scope: Scope
    position: int
    reads: list[str]
    rounds: list[Scope] = field(default_factory=list)

    def output(self) -> Node:
        return self.rounds[-1].output()


class Graph:
    """The expanded network. `order` has every layer; those on a loop and behind it come last."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.nodes: dict[str, Node] = {}
        self.blocks: list[Block] = []
        self.found: list[Found] = []
        self._numbers: dict[str, int] = {}
        self._layers: dict[tuple[str, str], Layer | None] = {}
        self._model = raw.get("model") if isinstance(raw.get("model"), Mapping) else {}
        entries = self._model.get("layers") if isinstance(self._model, Mapping) else None
        self.entries: list[Any] = list(entries) if isinstance(entries, list) else []
        self.stacks = Stacks(self._model if isinstance(self._model, Mapping) else {})
        self.found += self.stacks.recursions()
        too_many = self.stacks.too_many(self.entries)
        if too_many is not None:
            self.found.append(too_many)
            self.entries = []
        self.root = Scope("/model/layers")
        self._taken = set(_given(self.entries))
        for unit in self.stacks.units.values():
            self._taken.update(_given(unit["layers"]))
        self._fill(self.root, self.entries)
        self.wire()

    # --- expansion ---

    def _fill(self, scope: Scope, entries: Sequence[Any]) -> None:
        for position, entry in enumerate(entries):
            self._place(scope, position, entry)

    def _place(self, scope: Scope, position: int, entry: Any) -> None:
        """Add one entry of a list of layers to the scope, expanded if it is a Repeat or a Unit."""
        pointer = join(scope.pointer, position)
        fields = self.stacks.filled(entry, scope.call)
        stated = fields.get("type")
        kind = stated[:100] if isinstance(stated, str) else "?"
        given = fields.get("name")
        named = usable(given)
        name = scope.prefix + str(given) if named else self._number(kind)
        raw = entry if isinstance(entry, Mapping) else {}
        block = Block(name, kind, pointer, raw, scope, position, _reads(fields))
        rounds = self.stacks.rounds(raw, fields, pointer, scope.call) if kind in ("Repeat", "Unit") else None
        if rounds is None:
            node = Node(self._unique(name), kind, pointer, raw, fields, None, scope, position)
            node.layer = self._layer(node)
            scope.items.append(node)
            self.nodes[node.name] = node
        else:
            scope.items.append(block)
            self.blocks.append(block)
            for number in range(rounds.times):
                prefix = f"{name}/{number + 1}/" if kind == "Repeat" else f"{name}/"
                before = block.rounds[-1] if block.rounds else None
                inner = Scope(rounds.pointer, prefix, block, rounds.call, before)
                block.rounds.append(inner)
                self._fill(inner, rounds.entries)
        scope.names.setdefault(str(given) if named else name, []).append(position)

    def _number(self, kind: str) -> str:
        """Return `<Type>_<n>` with the next number that no layer was given as its name."""
        while True:
            self._numbers[kind] = self._numbers.get(kind, 0) + 1
            name = f"{kind}_{self._numbers[kind]}"
            if name not in self._taken:
                return name

    def _unique(self, name: str) -> str:
        """Return the name, or a marked one where it was given twice; that is a problem of its own."""
        number, unique = 1, name
        while unique in self.nodes or unique == INPUT:
            number += 1
            unique = f"{name} ({number})"
        return unique

    def _layer(self, node: Node) -> Layer | None:
        """Return the validated layer, or None; each entry is validated once for each set of arguments."""
        if node.type not in REGISTRY:
            return None
        key = (node.pointer, node.call.key if node.call else "")
        if key not in self._layers:
            try:
                self._layers[key] = REGISTRY[node.type].cls.model_validate(node.fields)
            except ValidationError:
                self._layers[key] = None
        return self._layers[key]

    # --- wiring ---

    def append(self, entry: dict[str, Any]) -> Node:
        """Add a layer at the network's end, as `render` does with head and loss; `wire` again afterwards."""
        self._place(self.root, len(self.root.items), entry)
        node = self.root.items[-1]
        assert isinstance(node, Node), "only layers are appended, never a Repeat or Unit"
        self._resolve(node)
        return node

    def _resolve(self, node: Node) -> None:
        node.inputs = []
        names: list[str | None] = [*_reads(node.fields)]
        if node.layer is not None and node.layer.arity[1] == 0 and not names:
            return  # it reads nothing
        for name in names or [None]:
            try:
                source = node.scope.find(name, node.position)
            except LookupError:
                node.inputs.append(None)
            else:
                node.inputs.append(INPUT if source is None else source.name)
        node.share = self._shared(node)

    def _shared(self, node: Node) -> str | None:
        """Return the layer that `share` means, where it is one that this layer can share with."""
        name = node.fields.get("share")
        if not isinstance(name, str):
            return None
        try:
            source = node.scope.find(name, node.position)
        except LookupError:
            return None
        own = source is not None and source.fields.get("share") is None and source.type == node.type
        return source.name if source is not None and own and source is not node else None

    def wire(self) -> None:
        """Resolve all inputs and put the layers in order."""
        for node in self.nodes.values():
            self._resolve(node)
        place = {name: index for index, name in enumerate(self.nodes)}
        place[INPUT] = -1
        self.forward = all(
            i is None or place[i] < place[node.name] for node in self.nodes.values() for i in node.inputs
        )
        self.order: tuple[str, ...] = tuple(self.nodes)
        if not self.forward:
            self.order = self._sorted()
        self.__dict__.pop("readers", None)
        self.__dict__.pop("net", None)

    def _sorted(self) -> tuple[str, ...]:
        """Return the names in order of computation, otherwise as in the document; loops and what follows them last."""
        place = {name: index for index, name in enumerate(self.nodes)}
        missing = {name: len(set(node.inputs) - {None, INPUT}) for name, node in self.nodes.items()}
        ready = [place[name] for name, count in missing.items() if count == 0]
        names, order = list(self.nodes), []
        self.__dict__.pop("readers", None)
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(name)
            for reader in self.readers[name]:
                missing[reader] -= 1
                if missing[reader] == 0:
                    heapq.heappush(ready, place[reader])
        return (*order, *(name for name, count in missing.items() if count))

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """Layer name (or "Input") -> the layers that read it."""
        found: dict[str, list[str]] = {INPUT: [], **{name: [] for name in self.nodes}}
        for node in self.nodes.values():
            for name in dict.fromkeys(node.inputs):
                if name is not None:
                    found[name].append(node.name)
        return found

    @cached_property
    def net(self) -> nx.DiGraph:
        """The network as networkx sees it: an edge from each layer to those that read it."""
        import networkx as nx

        net = nx.DiGraph()
        net.add_node(INPUT, layer=None, pointer="/model/input", inputs=())
        for node in self.nodes.values():
            net.add_node(node.name, layer=node.layer, pointer=node.pointer, inputs=tuple(node.inputs))
        net.add_edges_from((i, node.name) for node in self.nodes.values() for i in node.inputs if i is not None)
        return net

    def scopes(self) -> Iterator[Scope]:
        """Yield every list of layers at every place of the expanded network."""
        yield self.root
        for block in self.blocks:
            yield from block.rounds

    @property
    def last(self) -> Node | None:
        """The network's last layer: its loss, where it has one."""
        return self.root.output() if self.root.items else None

    @cached_property
    def wiring(self) -> list[Found]:
        """What is wrong with names and connections."""
        from .checks import wiring

        return [*self.found, *wiring.check(self)]

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(item.problem for item in self.wiring)


def _given(entries: Sequence[Any], depth: int = 0) -> Iterator[str]:
    """Yield the names that layers of a list were given, those within Repeats included."""
    for entry in entries:
        if isinstance(entry, Mapping):
            if isinstance(entry.get("name"), str):
                yield entry["name"]
            if isinstance(entry.get("layers"), list) and depth < MOST_NESTED:
                yield from _given(entry["layers"], depth + 1)


def _reads(fields: Mapping[str, Any]) -> list[str]:
    """Return the names that `inputs` says; a single text counts as a list of one, which it was meant to be."""
    given = fields.get("inputs")
    if isinstance(given, str):
        return [given]
    return [name for name in given if isinstance(name, str)] if isinstance(given, list) else []


def as_dict(document: Any) -> dict[str, Any]:
    """Return a document (a dict or a schemas Document) as a plain dict."""
    if isinstance(document, Mapping):
        return dict(document)
    dumped: dict[str, Any] = plain(document)
    return dumped


def build(document: Any) -> Graph:
    """Return the graph of a document, a dict or a schemas Document."""
    return Graph(as_dict(document))
