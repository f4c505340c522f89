"""Names and connections: inputs that do not exist, names given twice, loops, layers that nobody reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix
from schemas.patch import join
from schemas.say import Said, either, listed, say, sentences
from schemas.stack import usable
from schemas.suggest import did_you_mean
from schemas.words import show

from . import unread
from .found import Found, found, fresh, insert, over, put, remove
from .unread import Excused

if TYPE_CHECKING:
    from builder.graph import Block, Graph, Node, Scope

_PLAIN = {"type", "name", "inputs", "layers", "arguments", "unit"}
"""Fields whose texts are no misspelt name."""


def check(graph: Graph) -> Iterator[Found]:
    """Yield every problem of the graph's wiring, each once however often its place is expanded."""
    seen: set[tuple[str, str]] = set()
    excused = Excused(graph)
    for item in (
        *_misuse(graph),
        *_names(graph),
        *_inputs(graph, excused),
        *_cycles(graph, excused),
        *unread.check(graph, excused),
    ):
        key = (item.problem.code, item.problem.pointer)
        if key not in seen:
            seen.add(key)
            yield item


# --- units ---


def _misuse(graph: Graph) -> Iterator[Found]:
    missing: set[str] = set()
    for node in graph.nodes.values():
        if node.type == "Unit" and node.layer is None:
            unit = str(node.fields.get("unit"))
            if unit not in missing:  # one unit that is missing is one mistake, however often it is used
                yield from graph.stacks.misuse(node.fields, node.pointer, node.name)
            if unit not in graph.stacks.units:
                missing.add(unit)
    for block in graph.blocks:
        if block.type == "Unit":
            yield from graph.stacks.misuse(block.entry, block.pointer, block.name)
    yield from graph.stacks.undeclared()


# --- names ---


def _names(graph: Graph) -> Iterator[Found]:
    for scope in graph.scopes():
        for name, places in scope.names.items():
            if name == "Input":
                yield _reserved(scope, places[0])
            for place in places[1:]:
                if scope.items[place].entry.get("name") == name:
                    yield _twice(scope, name, places[0], place)


def _reserved(scope: Scope, place: int) -> Found:
    item = scope.items[place]
    pointer = join(item.pointer, "name")
    return found(
        "duplicate_name",
        say("A layer is named 'Input', which is what the input of every stack is called."),
        say("With both under one name, `inputs` could not tell them apart."),
        pointer=pointer,
        layer=item.name,
        propose=lambda: [Fix(say("Rename it to Input_layer"), (put(pointer, fresh("Input_layer", scope.names)),))],
    )


def _twice(scope: Scope, name: str, first: int, second: int) -> Found:
    def propose() -> Iterator[Fix]:
        new = fresh(name, scope.names)
        yield Fix(say("Rename the second to {new}", new=new), (put(join(scope.items[second].pointer, "name"), new),))
        yield Fix(say("Rename the first to {new}", new=new), (put(join(scope.items[first].pointer, "name"), new),))

    item = scope.items[second]
    return found(
        "duplicate_name",
        say("Two layers of the same stack are named {name}.", name=show(name)),
        say(
            "{kind} at {pointer} has that name already, and `inputs` names layers.",
            kind=scope.items[first].type,
            pointer=scope.items[first].pointer,
        ),
        pointer=join(item.pointer, "name"),
        layer=scope.prefix + name,
        propose=propose,
    )


# --- inputs ---


def _inputs(graph: Graph, excused: Excused) -> Iterator[Found]:
    """Yield inputs that do not exist, and wrong numbers of inputs."""
    for node in graph.nodes.values():
        yield from _unknown(node, node.fields, excused)
        if node.layer is not None:
            least, most = node.layer.arity
            if len(node.inputs) < least:
                excused.missing[id(node.scope)] = excused.missing.get(id(node.scope), 0) + least - len(node.inputs)
                yield _too_few(graph, node, least)
            elif most is not None and len(node.inputs) > most:
                yield _too_many(node, len(node.inputs), most)
    for block in graph.blocks:
        yield from _unknown(block, block.entry, excused)
        if len(block.reads) > 1:
            for name in block.reads:
                excused.meant(block.scope, block.position, name)
            yield _too_many(block, len(block.reads), 1)


def _unknown(item: Node | Block, fields: Mapping[str, Any], excused: Excused) -> Iterator[Found]:
    given = fields.get("inputs")
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    for index, name in enumerate(names):
        if isinstance(name, str) and name != "Input":
            try:
                item.scope.find(name, item.position)
            except LookupError:
                lost = _nameless(item, name)
                if lost:
                    excused.names.update(other.output().name for other in lost)
                    continue
                pointer = (
                    join(item.pointer, "inputs", index) if isinstance(given, list) else join(item.pointer, "inputs")
                )
                yield _no_such_input(item, name, pointer, len(names), excused)


def _nameless(item: Node | Block, name: str) -> list[Node | Block]:
    """Return the layers beside `item` that `name` may have meant before their own name broke, which is told already.

    One that is no object, or whose `name` cannot be used, may be any of them; one that says the word under another
    field has misspelt "name".
    """
    others = [other for other in item.scope.items if other is not item]
    given = [other.entry["name"] for other in others if usable(other.entry.get("name"))]
    broken = [
        other
        for other in others
        if not other.entry
        or other.entry.get("name") == "Input"
        or (other.entry.get("name") is not None and not usable(other.entry["name"]))
    ]
    if broken and not did_you_mean(name, given, {}):
        return broken
    return [other for other in others if any(other.entry[key] == name for key in set(other.entry) - _PLAIN)]


def _no_such_input(item: Node | Block, name: str, pointer: str, count: int, excused: Excused) -> Found:
    scope = item.scope
    visible = list(dict.fromkeys(scope.visible(item.position)))
    meant = did_you_mean(name, visible, {})
    head = name.split("/")[0]
    why: Said = say("`inputs` names layers of the same stack, or 'Input'.")
    if "/" in name:
        why = sentences(
            why, say("Layers inside a Repeat or Unit cannot be read from outside; its name stands for its output.")
        )
        meant = [head] if head in visible else meant
    elif _elsewhere(scope, name):
        why = sentences(
            why, say("There is a layer {name} elsewhere, but it cannot be read from here.", name=show(name))
        )
    for other in (*meant, None):
        excused.meant(scope, item.position, other)
    idle = excused.idle(scope, item.position)
    if not set(meant) & set(idle):
        meant = [*meant, *idle[:1]]
        # Whatever the name meant has lost its reader; that is the same mistake.
        excused.missing[id(scope)] = excused.missing.get(id(scope), 0) + 1
    hint = say("Did you mean {meant}?", meant=either(meant)) if meant else ""

    def propose() -> Iterator[Fix]:
        for other in meant:
            yield Fix(say("Read {name}", name=other), (over(pointer, other),))
        if count == 1:
            yield Fix(say("Read the layer before"), (remove(join(item.pointer, "inputs")),))
        else:
            yield Fix(say("Do not read {name}", name=name), (remove(pointer),))
            previous = _previous(item)
            if previous is not None:
                yield Fix(say("Read {name}", name=previous), (over(pointer, previous),))

    return found(
        "unknown_input",
        sentences(say("{name} reads {given}, but there is no such layer.", name=item.name, given=show(name)), hint),
        why,
        pointer=pointer,
        layer=item.name,
        propose=propose,
    )


def _elsewhere(scope: Scope, name: str) -> bool:
    from builder.graph import Block

    while scope.parent is not None:
        scope = scope.parent.scope
    waiting = [scope]
    while waiting:
        here = waiting.pop()
        if name in here.names:
            return True
        waiting += [inner for item in here.items if isinstance(item, Block) for inner in item.rounds[:1]]
    return False


def _previous(item: Node | Block) -> str | None:
    """Return the name by which `inputs` can say the layer before."""
    if item.position == 0:
        return "Input"
    return next((name for name, places in item.scope.names.items() if item.position - 1 in places), None)


def said(item: Node | Block) -> str:
    """Return the name by which a layer is read within its own stack."""
    return next(name for name, places in item.scope.names.items() if item.position in places)


def _too_few(graph: Graph, node: Node, least: int) -> Found:
    given = node.fields.get("inputs")

    def propose() -> Iterator[Fix]:
        own = list(given) if isinstance(given, list) else [_previous(node) or "Input"]
        scope = node.scope
        unread = [said(i) for i in scope.items[: node.position] if not graph.readers[i.output().name]]
        others = [said(i) for i in reversed(scope.items[: node.position])]
        for name in list(dict.fromkeys([*unread, *others, "Input"]))[:12]:
            if name not in own:
                yield Fix(say("Also read {name}", name=name), (put(join(node.pointer, "inputs"), [*own, name]),))
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))

    count = len(node.inputs)
    return found(
        "input_count",
        say(
            "{name} needs at least {least} inputs, but reads {count}: {names}.",
            name=node.name,
            least=least,
            count=count,
            names=listed([i or "?" for i in node.inputs]),
        ),
        say("{kind} joins several layers; name them in `inputs`.", kind=node.type),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _too_many(item: Node | Block, count: int, most: int) -> Found:
    where = join(item.pointer, "inputs")
    given = list(item.entry.get("inputs") or [])

    def propose() -> Iterator[Fix]:
        for kind in ("Concatenate", "Add"):
            name = fresh("joined", item.scope.names)
            new = {"type": kind, "name": name, "inputs": given}
            yield Fix(say("Join them with {kind} first", kind=kind), (put(where, [name]), insert(item.pointer, new)))
        for name in given:
            yield Fix(say("Read only {name}", name=name), (put(where, [name]),))

    return found(
        "input_count",
        say(
            "{name} can read {most}, but {count} inputs are named: {names}.",
            name=item.name,
            most=most,
            count=count,
            names=listed([str(name) for name in given]),
        ),
        say("{kind} takes 1 input; Add, Multiply and Concatenate join several.", kind=item.type)
        if most == 1
        else say("{kind} takes {most} inputs; Add, Multiply and Concatenate join several.", kind=item.type, most=most),
        pointer=where,
        layer=item.name,
        propose=propose,
    )


# --- loops ---


def _cycles(graph: Graph, excused: Excused) -> Iterator[Found]:
    if graph.forward:
        return
    import networkx as nx

    place = {name: index for index, name in enumerate(graph.nodes)}
    for group in nx.strongly_connected_components(graph.net):
        inside = graph.net.subgraph(group)
        if inside.number_of_edges():
            edges = nx.find_cycle(inside, min(group, key=place.__getitem__))
            chain = [source for source, _ in edges]
            # Where the loop goes back is where the mistake most likely is: a layer that reads one that stands after it.
            source, target = max(edges, key=lambda edge: place[edge[0]] - place[edge[1]])
            item, index = _saying(graph.nodes[target], source)
            # The layer before may be what was meant.
            excused.meant(item.scope, item.position, None)
            yield _cycle(chain, graph.nodes[target], item, index)


def _cycle(chain: list[str], node: Node, item: Node | Block, index: int) -> Found:
    where = join(item.pointer, "inputs")
    given = list(item.entry.get("inputs") or [])

    def propose() -> Iterator[Fix]:
        if len(given) > 1:
            yield Fix(say("Do not read {name}", name=given[index]), (remove(join(where, index)),))
            previous = _previous(item)
            if previous is not None and previous not in given:
                yield Fix(say("Read {name} instead", name=previous), (over(join(where, index), previous),))
        else:
            yield Fix(say("Read the layer before"), (remove(where),))
        if "Input" not in given:
            yield Fix(say("Read the input instead"), (over(join(where, index), "Input"),))
        yield Fix(say("Remove {name}", name=item.name), (remove(item.pointer),))

    shown = [*chain, chain[0]] if len(chain) <= 8 else [*chain[:4], "…", *chain[-3:], chain[0]]
    what = (
        say("{name} reads itself.", name=node.name)
        if len(chain) == 1
        else say("The layers form a loop: {chain}.", chain=" → ".join(shown))
    )
    return found(
        "cycle",
        what,
        say("Each layer is computed after those it reads, so none of these could ever be computed."),
        pointer=join(where, index),
        layer=node.name,
        propose=propose,
    )


def _saying(node: Node, source: str) -> tuple[Node | Block, int]:
    """Return the entry whose `inputs` make `node` read `source`, and which of them it is."""
    from builder.graph import Block

    item: Node | Block = node
    while True:
        names = item.reads if isinstance(item, Block) else list(item.fields.get("inputs") or [])
        for index, name in enumerate(names):
            if name == "Input" and item.scope.parent is not None:
                continue
            try:
                found_node = item.scope.find(name, item.position)
            except LookupError:
                continue
            if found_node is not None and found_node.name == source:
                return item, index
        if item.scope.parent is None:
            return node, 0
        item = item.scope.parent
