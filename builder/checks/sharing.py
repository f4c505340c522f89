"""Layers that use another's parameters: there is such a layer, it is of the same type, and its parameters fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix
from schemas.patch import join
from schemas.say import say
from schemas.shapes import Shape, shape_text
from schemas.suggest import did_you_mean

from .found import Found, changed, found, put, remove

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes

PACE = ("learning_rate_factor", "weight_decay")
"""Fields that say how a layer's parameters learn."""

OWN = ("type", "name", "inputs", "trainable", *PACE, "share", "stride", "padding", "dilation", "output_padding")
"""Fields that say nothing of a layer's parameters, or may well differ."""


def check(state: Shapes) -> Iterator[Found]:
    """Yield what is wrong with `share`, once for each place in the document."""
    told: set[str] = set()
    for node in list(state.graph.nodes.values()):
        if node.fields.get("share") is None or node.layer is None or node.pointer in told:
            continue
        problem = _problem(state, node)
        if problem is not None:
            told.add(node.pointer)
            yield problem


def _problem(state: Shapes, node: Node) -> Found | None:
    name = str(node.fields["share"])
    made = partial(found, pointer=join(node.pointer, "share"), layer=node.name)
    own = Fix(say("Let {name} have its own parameters", name=node.name), (remove(join(node.pointer, "share")),))
    try:
        source = node.scope.find(name, node.position)
    except LookupError:
        return made(
            "unknown_share",
            say("{name} shares the parameters of {other!r}, but there is no such layer.", name=node.name, other=name),
            say("share names a layer of the same stack, or one before the Repeat that it stands in."),
            propose=lambda: [*_named(state, node, name), own],
        )
    if source is node:
        return made(
            "share_itself",
            say("{name} shares its parameters with itself.", name=node.name),
            say("share names another layer."),
            propose=lambda: [own],
        )
    if source is None or source.type != node.type:
        kind = say("the network's input") if source is None else say("of type {kind}", kind=source.type)
        return made(
            "share_type",
            say(
                "{name} shares the parameters of {other!r}, but that is {what}, not {kind}.",
                name=node.name,
                other=name,
                what=kind,
                kind=node.type,
            ),
            say("Only layers of the same type have the same parameters."),
            propose=lambda: [*_named(state, node, name), own],
        )
    if source.fields.get("share") is not None:
        final = str(source.fields["share"])
        direct = Fix(say("Share with {name}", name=final), (put(join(node.pointer, "share"), final),))
        return made(
            "share_chain",
            say(
                "{name} shares the parameters of {other!r}, which itself shares those of {final!r}.",
                name=node.name,
                other=name,
                final=final,
            ),
            say("Name the layer that has the parameters."),
            propose=lambda: [direct, own],
        )
    return _fit(state, node, source, made, own)


def _parameters(state: Shapes, name: str) -> dict[str, Shape] | None:
    """Return parameter -> shape, None where the layer's shape is unknown."""
    made = state.made.get(name)
    return None if made is None else {p.name: p.shape for op in made for p in op.parameters}


def _fit(state: Shapes, node: Node, source: Node, made: Any, own: Fix) -> Found | None:
    """Return what keeps a layer from using the parameters of one of its type."""
    mine, theirs = _parameters(state, node.name), _parameters(state, source.name)
    if mine is None or theirs is None:
        return None
    if not mine:
        return made(
            "share_nothing",
            say("{name} has no parameters to share.", name=node.name),
            say("A {kind} trains nothing, so it is the same wherever it stands.", kind=node.type),
            propose=lambda: [own],
        )
    groups = [getattr(one.layer, "groups", 1) for one in (node, source)]
    if mine == theirs and groups[0] == groups[1]:
        return _pace(node, source)
    here, there = (", ".join(f"{k} {shape_text(s)}" for k, s in held.items()) for held in (mine, theirs))
    if mine == theirs:
        here, there = (say("{parameters} in {count} groups", parameters=here, count=g) for g in groups)
    return made(
        "share_shape",
        say(
            "{name} cannot use the parameters of {other}: it needs {here}, but {other} has {there}.",
            name=node.name,
            other=source.name,
            here=here,
            there=there,
        ),
        say(
            "Shared parameters have the same names and shapes in both layers; the shape of a weight "
            "follows from the layer's fields and from its input."
        ),
        propose=lambda: [*_taken_over(node, source), own],
    )


def _pace(node: Node, source: Node) -> Found | None:
    """Return what a layer says of its learning that does not count, as the parameters are another's."""
    idle = [
        name for name in PACE if name in node.fields and getattr(node.layer, name) != getattr(source.layer, name, None)
    ]
    if not idle:
        return None
    return found(
        "share_pace",
        say("{name} has a {field}, but its parameters are those of {other}.",
            name=node.name, field=idle[0], other=source.name),
        say("Shared parameters learn as the layer says that has them."),
        pointer=join(node.pointer, idle[0]),
        layer=node.name,
        warning=True,
        propose=lambda: [
            Fix(say("Remove {name}", name=", ".join(idle)), tuple(remove(join(node.pointer, name)) for name in idle))
        ],
    )  # fmt: skip


def _named(state: Shapes, node: Node, name: str) -> Iterator[Fix]:
    """Propose layers of the same type that the layer could mean."""

    def fits(word: str) -> bool:
        try:
            source = node.scope.find(word, node.position)
        except LookupError:
            return False
        return source is not None and source.type == node.type and source is not node and not source.fields.get("share")

    choices = [word for word in dict.fromkeys(node.scope.visible(node.position)) if fits(word)]
    for word in (did_you_mean(name, choices, {}) or choices)[:3]:
        yield Fix(say("Share with {name}", name=word), (put(join(node.pointer, "share"), word),))


def _taken_over(node: Node, source: Node) -> Iterable[Fix]:
    """Propose to make the fields that say what parameters a layer has those of the other."""
    fields: dict[str, Any] = {}
    for name in type(node.layer).model_fields if node.layer is not None else ():
        if name not in OWN and not name.endswith("_initializer"):
            wanted, given = getattr(source.layer, name), getattr(node.layer, name)
            if wanted != given:
                fields[name] = wanted
    if fields:
        yield changed(
            node,
            fields,
            say("Give {name} the {fields} of {other}", name=node.name, fields=", ".join(fields), other=source.name),
        )
