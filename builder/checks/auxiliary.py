"""Losses beside the main one: whether their heads fit the target, which is the main head's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.heads import WIDTHS, Filling, Head, read_loss
from schemas.errors import Fix
from schemas.loss import ClassLoss, Loss
from schemas.patch import join
from schemas.say import say
from schemas.shapes import Shape, elements, shape_text

from .ending import Ending
from .found import Found, changed, found, insert, outputs, over, put, remove
from .heads import check_agreement
from .rehead import retyped
from .unread import outermost, without

if TYPE_CHECKING:
    from builder.graph import Node


def check(end: Ending, main: Head) -> Iterator[Found]:
    """Yield at most one problem for each auxiliary loss, and one where the main loss compares with the input."""
    last = end.state.graph.last
    yield from _main(main)
    seen: set[str] = set()
    for node in end.state.graph.nodes.values():
        if not node.is_loss or node is last or node.pointer in seen or end.state.graph.readers[node.name]:
            continue
        seen.add(node.pointer)
        head = read_loss(end.state, node)
        if head is None or head.shape is None or main.shape is None or head.loss is None:
            continue  # what it reads has a problem of its own
        yield from (_reconstruction(end, head, node) if _compares(node) == "input" else _other(end, head, node, main))


def _compares(node: Node | None) -> str:
    return node.layer.target if node is not None and isinstance(node.layer, Loss) else "labels"


def _main(main: Head) -> Iterator[Found]:
    """Yield a problem where the main loss takes the input for its target: the data say what the main target is."""
    if main.loss is None or _compares(main.loss) == "labels":
        return
    node = main.loss
    yield found(
        "main_target_input",
        say("{name} is the main loss, so it compares with the target of the data.", name=node.name),
        say('Where the whole network is to reproduce its input, data.target says so: "input".'),
        pointer=join(node.pointer, "target"),
        layer=node.name,
        propose=lambda: [
            Fix(
                say("Make the input the target of the data"),
                (remove(join(node.pointer, "target")), put("/data/target", "input")),
            ),
            changed(node, {"target": None}, say("Compare with the target of the data")),
        ],
    )


def _other(end: Ending, head: Head, node: Node, main: Head) -> Iterator[Found]:
    """Yield a problem of a loss that compares with the same target as the main one."""
    agreement = list(check_agreement(replace(end, head=head, filled=Filling()), head))
    if agreement:
        first, graph = agreement[0], end.state.graph
        yield replace(first, propose=lambda: [*first.propose(), without(graph, outermost(node))])
        return
    assert head.shape is not None and main.shape is not None
    if _form(head.shape) != _form(main.shape):
        yield _unlike(end, head, node, head.shape, main)
        return
    yield from _ignoring(node, main)


def _form(shape: Shape) -> Shape:
    """Return a shape without axes of length 1 behind the first."""
    return (shape[0], *(n for n in shape[1:] if n != 1))


def _unlike(end: Ending, head: Head, node: Node, shape: Shape, main: Head) -> Found:
    wanted = main.shape or ()

    def propose() -> Iterator[Fix]:
        target = head.activation or node
        if _form(shape)[1:] == _form(wanted)[1:] and head.linear is not None:
            title = say("Make {outputs} in {names}", outputs=outputs(wanted[0]), names=head.linear.name)
            yield changed(head.linear, {WIDTHS[head.linear.type]: wanted[0]}, title)
        elif head.sites and not main.sites:
            yield from _inserted(target, {"type": "GlobalAveragePooling"})
            yield from _inserted(target, {"type": "Affine", "out_features": wanted[0]})
        elif head.sites and main.sites and all(b % a == 0 for a, b in zip(shape[1:], wanted[1:], strict=False)):
            scale = [b // a for a, b in zip(shape[1:], wanted[1:], strict=False)]
            yield from _inserted(target, {"type": "Upsample", "scale": scale, "mode": "bilinear"})
        yield without(end.state.graph, outermost(node))

    return found(
        "auxiliary_outputs",
        say(
            "{name} gives {shape} to {loss}, but the main head gives {wanted}.",
            name=head.prediction.name,
            shape=shape_text(shape),
            loss=node.name,
            wanted=shape_text(wanted),
        ),
        say("All losses compare with the same target unless one says otherwise, so their heads have the same outputs."),
        pointer=(head.linear or head.prediction).pointer,
        layer=(head.linear or head.prediction).name,
        propose=propose,
    )


def _inserted(target: Node, new: dict[str, object]) -> Iterator[Fix]:
    title = say("Insert {names} before {name}", names=str(new["type"]), name=target.name)
    if "inputs" not in target.entry:
        yield Fix(title, (insert(target.pointer, new),))
        return
    patch = (remove(join(target.pointer, "inputs")), insert(target.pointer, {**new, "inputs": target.entry["inputs"]}))
    yield Fix(title, patch)


def _ignoring(node: Node, main: Head) -> Iterator[Found]:
    """Yield a problem where the losses do not agree about the label that is left out."""
    of_main = main.loss.layer.ignore_index if main.loss is not None and isinstance(main.loss.layer, ClassLoss) else None
    own = node.layer.ignore_index if isinstance(node.layer, ClassLoss) else None
    if own == of_main or main.loss is None:
        return
    loss = main.loss

    def propose() -> Iterator[Fix]:
        if not isinstance(node.layer, ClassLoss):
            yield Fix(
                say("Replace {name} by {kind}", name=node.name, kind=loss.type),
                (over(node.pointer, {**retyped(node, loss.type), "ignore_index": of_main}),),
            )
        elif of_main is None:
            yield changed(node, {"ignore_index": None}, say("Let {name} leave out no label", name=node.name))
            title = say("Let {name} leave out label {label}", name=loss.name, label=own)
            yield changed(loss, {"ignore_index": own}, title)
        else:
            title = say("Let {name} leave out label {label}", name=node.name, label=of_main)
            yield changed(node, {"ignore_index": of_main}, title)

    yield found(
        "auxiliary_ignore_index",
        say("{name} and {other} do not leave out the same label.", name=node.name, other=loss.name),
        say("They compare with the same target. A label that one of them leaves out is no class for the other."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _reconstruction(end: Ending, head: Head, node: Node) -> Iterator[Found]:
    """Yield a problem of a loss that compares with the network's input."""
    given, shape = end.state.input_shape, head.shape
    if given is None or shape is None:
        return
    if isinstance(node.layer, ClassLoss):
        yield found(
            "reconstruction_of_classes",
            say("{name} compares with the number of a class, which an input is not.", name=node.name),
            say("The network's input is values; a reconstruction is compared with them one by one."),
            pointer=join(node.pointer, "target"),
            layer=node.name,
            propose=lambda: [
                Fix(
                    say("Use {loss}", loss="SquaredError"),
                    (over(node.pointer, {**retyped(node, "SquaredError"), "target": "input"}),),
                ),
                changed(node, {"target": None}, say("Compare with the target of the data")),
            ],
        )
    elif elements(shape) != elements(given) or (_form(shape)[1:] and _form(shape) != _form(given)):
        yield _reshaped(head, node, shape, given)


def _reshaped(head: Head, node: Node, shape: Shape, given: Shape) -> Found:
    def propose() -> Iterator[Fix]:
        linear = head.linear
        if linear is not None and linear.type == "Affine":
            count = elements(given)
            title = say("Make {outputs} in {names}", outputs=outputs(count), names=linear.name)
            yield changed(linear, {"out_features": count}, title)
        elif linear is not None and shape[1:] == given[1:]:
            title = say("Make {outputs} in {names}", outputs=outputs(given[0]), names=linear.name)
            yield changed(linear, {WIDTHS[linear.type]: given[0]}, title)
        yield changed(node, {"target": None}, say("Compare with the target of the data"))

    return found(
        "reconstruction_size",
        say(
            "{name} gives {shape} to {loss}, but the network's input is {wanted}.",
            name=head.prediction.name,
            shape=shape_text(shape),
            loss=node.name,
            wanted=shape_text(given),
        ),
        say("This loss compares with the input, value by value."),
        pointer=(head.linear or head.prediction).pointer,
        layer=(head.linear or head.prediction).name,
        propose=propose,
    )
