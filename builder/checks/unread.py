"""Layers that nobody reads: they would be computed for nothing, so they are a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix
from schemas.layer import REGISTRY
from schemas.patch import join
from schemas.say import listed, say

from .found import Found, found, fresh, insert, parent, put, remove, texts

if TYPE_CHECKING:
    from builder.graph import Block, Graph, Node, Scope


class Excused:
    """Layers that nobody reads only because of another problem, which is reported already."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names: set[str] = set()
        self.missing: dict[int, int] = {}
        """Scope -> inputs that its joins lack: layers left over there are probably those."""
        for node in graph.nodes.values():
            if node.layer is None:
                self._whatever(node.scope, node.position, node.fields)
                given = node.fields.get("inputs", [] if node.fields else None)
                if not isinstance(given, list | str):
                    given = [None, None]  # nothing tells how many; two is what most joins have
                lost = sum(not isinstance(name, str) for name in given)
                self.missing[id(node.scope)] = self.missing.get(id(node.scope), 0) + lost

    def _whatever(self, scope: Scope, position: int, fields: Mapping[str, Any]) -> None:
        """Whatever a broken entry names, it may have been meant to read; and so the layer before it."""
        for text in texts({key: value for key, value in fields.items() if key not in ("type", "name", "layers")}):
            self.meant(scope, position, text)
        self.meant(scope, position, None)

    def idle(self, scope: Scope, position: int) -> list[str]:
        """Return the layers before `position` that nobody reads, the nearest first, by what `inputs` calls them."""
        names = [(places[0], name) for name, places in scope.names.items() if places[0] < position]
        return [
            name
            for place, name in sorted(names, reverse=True)
            if not self.graph.readers[(output := scope.items[place].output()).name] and output.name not in self.names
        ]

    def meant(self, scope: Scope, position: int, name: str | None) -> None:
        try:
            source = scope.find(name, position)
        except LookupError:
            return
        if source is not None:
            self.names.add(source.name)


def check(graph: Graph, excused: Excused) -> Iterator[Found]:
    last = graph.last
    looping = set() if graph.forward else _looping(graph)
    left = dict(excused.missing)
    twice = {id(scope) for scope in graph.scopes() if any(len(places) > 1 for places in scope.names.values())}
    for node in reversed(graph.nodes.values()):
        if graph.readers[node.name] or node is last or node.name in excused.names or node.is_loss:
            continue
        if node.name in looping or id(node.scope) in twice:
            continue
        if left.get(id(node.scope)):
            left[id(node.scope)] -= 1
            continue
        yield _nobody(graph, outermost(node))


def _looping(graph: Graph) -> set[str]:
    """Return the layers on loops and those behind them: what is read there is not known."""
    done: set[str | None] = {"Input"}
    for name in graph.order:
        if done.issuperset(i for i in graph.nodes[name].inputs if i is not None):
            done.add(name)
    return set(graph.nodes) - done


def outermost(node: Node) -> Node | Block:
    """Return the outermost Repeat or Unit whose output the layer is, or the layer itself."""
    item: Node | Block = node
    while item.position == len(item.scope.items) - 1:
        block = item.scope.parent
        if block is None or item.scope is not block.rounds[-1]:
            break
        item = block
    return item


def _nobody(graph: Graph, item: Node | Block) -> Found:
    def propose() -> Iterator[Fix]:
        joined = list(_joined(graph, item))
        after = item.scope.items[item.position + 1 : item.position + 2]
        # Before a loss, what nobody reads is most likely the head itself.
        head = bool(after) and after[0].output().is_loss
        yield from [*joined, without(graph, item)] if head else [without(graph, item), *joined]

    return found(
        "unread_layer",
        say("Nobody reads the output of {name}, so it does nothing.", name=item.name),
        say(
            "Only the last layer of the list, the loss, may stand at the end. Name this one in "
            "another layer's `inputs`, or remove it."
        ),
        pointer=item.pointer,
        layer=item.name,
        propose=propose,
    )


def without(graph: Graph, item: Node | Block) -> Fix:
    """Return the fix that removes the item and what then has no reader either, within the same list."""
    scope, gone = item.scope, needed_by(graph, item)
    names = [scope.items[position].name for position in sorted(gone)]
    return Fix(
        say("Remove {name}", name=listed(names))
        if len(names) < 5
        else say(
            "Remove {name} and {count} more layers up to {last}",
            name=names[0],
            count=len(names) - 1,
            last=names[-1],
        ),
        tuple(remove(join(scope.pointer, position)) for position in sorted(gone, reverse=True)),
    )


def needed_by(graph: Graph, item: Node | Block) -> set[int]:
    """Return the positions of the item and of what nobody else needs, within the same list."""
    scope, gone = item.scope, {item.position}
    readers: dict[int, set[int]] = {}
    for other in scope.items:
        inner = other.output()
        for name in graph.readers[inner.name]:
            reader: Node | Block = graph.nodes[name]
            while reader.scope is not scope and reader.scope.parent is not None:
                reader = reader.scope.parent
            readers.setdefault(other.position, set()).add(reader.position if reader.scope is scope else -1)
    for position in range(item.position - 1, -1, -1):
        if readers.get(position) and readers[position] <= gone:
            gone.add(position)
    return gone


def _joined(graph: Graph, item: Node | Block) -> Iterable[Fix]:
    """Yield fixes that give the item a reader: a join that stands after it, or the layer after it."""
    scope = item.scope
    title = item.name
    patch: list[dict[str, Any]] = []
    name = item.entry.get("name")
    if not isinstance(name, str):
        # The number in an automatic name changes when layers come or go before it, so a branch gets a name of its own.
        name = fresh("branch", scope.names)
        patch.append(put(join(item.pointer, "name"), name))
    for other in scope.items[item.position + 1 :]:
        registered = REGISTRY.get(other.type)
        given = other.entry.get("inputs")
        if registered is not None and registered.cls.arity[1] is None and isinstance(given, list):
            yield Fix(
                say("Let {name} read {other} too", name=other.name, other=title),
                (*patch, put(join(other.pointer, "inputs", "-"), name)),
            )
    after = scope.items[item.position + 1] if item.position + 1 < len(scope.items) else None
    if after is None:
        return
    given = after.entry.get("inputs")
    registered = REGISTRY.get(after.type)
    if isinstance(given, list) and len(given) == 1 and registered is not None:
        instead = Fix(
            say("Let {name} read {other} instead of {given}", name=after.name, other=title, given=given[0]),
            (remove(join(after.pointer, "inputs")),),
        )
        if registered.category == "Loss":
            yield instead
            return
        head, place = parent(after.pointer)
        for kind in ("Add", "Concatenate"):
            joint = fresh("joined", [*scope.names, name])
            new = {"type": kind, "name": joint, "inputs": [*given, name]}
            reading = (put(join(after.pointer, "inputs"), [joint]), insert(f"{head}/{place}", new))
            yield Fix(
                say("Join {name} and {other} with {kind}", name=title, other=given[0], kind=kind),
                (*patch, *reading),
            )
        yield instead
