"""Agreement of task, head and loss. One root cause is one problem: what follows from it is not listed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.heads import HEADS, PASSING, RAW, WIDTHS, Filling, Head, wanted_width
from schemas.errors import Fix
from schemas.patch import join
from schemas.say import Said, commas, listed, say

from .found import Found, changed, found, insert, outputs, over, put, remove
from .rehead import inserted, reheaded, retyped

if TYPE_CHECKING:
    from builder.data.facts import DataFacts
    from builder.graph import Graph, Node

    from .shapes import Shapes

NEEDS = {"CategoricalCrossEntropy": "Softmax", "BinaryCrossEntropy": "Sigmoid"}
"""Losses that read probabilities -> the activation that makes them."""

WHY = {
    "CategoricalCrossEntropy": say("It takes the logarithm of one probability per class; Softmax makes them sum to 1."),
    "BinaryCrossEntropy": say(
        "It takes the logarithm of the probability of yes (or no); Sigmoid puts it between 0 and 1."
    ),
}


def needs(task: str) -> Said:
    """Say which activation and loss a task has."""
    activation, loss = HEADS[task]
    if activation is None:
        return say("{task} needs no activation and {loss}.", task=task, loss=loss)
    return say("{task} needs {kind} and {loss}.", task=task, kind=activation, loss=loss)


@dataclass(frozen=True)
class Ending:
    """Everything that the checks of a network's end look at."""

    state: Shapes
    raw: Mapping[str, Any]
    task: str
    head: Head | None
    filled: Filling
    facts: DataFacts | None
    unreadable: bool = False
    """Whether the document names data, but nothing could be learned from them."""


def check(end: Ending) -> tuple[list[Found], bool]:
    """Return the problems, and whether the number of outputs can still be compared with the data."""
    misplaced = [*_misplaced(end.state), *_bare_loss(end)]
    constant = list(_one_class(end))
    problems = [*misplaced, *constant, *_twice(end.state)]
    if end.head is None or misplaced or constant:
        return problems, False
    if any(item.problem.pointer == end.head.prediction.pointer for item in end.state.errors) or _stranded(
        end, end.head
    ):
        return problems, False
    if end.filled.missing is not None and not (end.filled.unknown and end.unreadable):
        problems.append(_missing(end))
    agreement = list(_agreement(end, end.head))
    wrong = any(item.problem.severity == "error" for item in agreement)
    if wrong and _classes_anyway(end, end.head):
        wrong = False
    return [*problems, *agreement], not wrong and not end.filled.unknown


def _stranded(end: Ending, head: Head) -> bool:
    """Tell whether layers stand behind the head that cannot stand there: they have a problem of their own."""
    wanted, unknown = HEADS[end.task][0], end.state.shapes.get(head.prediction.name) is None
    above = any(
        node.type == wanted and end.state.shapes.get(node.name) is not None for node in end.state.graph.nodes.values()
    )
    other = head.activation is None or head.activation.type != wanted
    return unknown and other and above and bool(end.state.errors)


def _classes_anyway(end: Ending, head: Head) -> bool:
    """Tell whether the number of classes is wrong or right by itself: the loss is the task's own, and the data agree
    that there are several classes, so that a wrong activation between does not explain a wrong number."""
    facts = end.facts
    several = facts is not None and facts.kind == end.task == "classification" and (facts.classes or 0) > 2
    wanted, loss = HEADS[end.task]
    own = head.loss is not None and head.loss.type == loss
    # Where the right activation stands further up, it is the layers between that are too many.
    misplaced = head.activation is None and any(node.type == wanted for node in end.state.graph.nodes.values())
    return several and own and not misplaced and (head.width or 0) > 1


# --- nothing to train ---


def untrained(state: Shapes) -> Iterator[Found]:
    """Warn where training would change nothing: no parameter may learn, or there is none."""

    def still(node: Node) -> bool:
        return node.layer is not None and node.layer.learning_rate_factor == 0

    infos = [(node, state.infos.get(node.name)) for node in state.graph.nodes.values()]
    if any(i is None or i.output_shape is None or (i.trainable and not still(node)) for node, i in infos) or not infos:
        return
    frozen = [node for node, info in infos if info is not None and info.parameters]
    last = frozen[-1] if frozen else infos[-1][0]
    names = list(dict.fromkeys(node.name for node in frozen))
    shown = listed(names) if len(names) < 6 else say("{name} and {count} more", name=names[0], count=len(names) - 1)
    learn = {"trainable": True} | ({"learning_rate_factor": 1.0} if still(last) else {})
    yield found(
        "nothing_trained",
        say("Training would change nothing: {names} may not learn.", names=shown)
        if frozen
        else say("Training would change nothing: no layer has parameters."),
        say("A layer learns unless its trainable is false or its learning_rate_factor is 0."),
        pointer=last.pointer,
        layer=last.name,
        warning=True,
        propose=lambda: [changed(last, learn, say("Let {name} learn", name=last.name))] if frozen else [],
    )


# --- losses in the wrong place ---


def _misplaced(state: Shapes) -> Iterator[Found]:
    graph = state.graph
    last = graph.last
    seen: set[str] = set()
    for node in graph.nodes.values():
        if not node.is_loss or node is last or last is None or node.pointer in seen:
            continue
        seen.add(node.pointer)
        yield _second_loss(node, last) if last.is_loss else _early_loss(graph, node)


def _bare_loss(end: Ending) -> Iterator[Found]:
    """Yield a problem where the loss reads the network's input itself, so that there is nothing to train."""
    loss = end.state.graph.last
    if loss is None or not loss.is_loss or loss.inputs != ["Input"]:
        return
    wanted = HEADS[end.task][0]
    new: list[dict[str, Any]] = [
        *([{"type": wanted}] if wanted else []),
        {"type": "Affine", "out_features": wanted_width(end.task, end.facts) or 10},
    ]

    def propose() -> Iterator[Fix]:
        clear = (remove(join(loss.pointer, "inputs")),) if "inputs" in loss.entry else ()
        names = listed([entry["type"] for entry in reversed(new)])
        yield Fix(
            say("Insert {names} before {name}", names=names, name=loss.name),
            (*clear, *(insert(loss.pointer, entry) for entry in new)),
        )

    yield found(
        "missing_head",
        say("{name} reads the network's input, so there is nothing to train.", name=loss.name),
        say("A loss compares a prediction with the target; a layer with weights has to make it."),
        pointer=loss.pointer,
        layer=loss.name,
        propose=propose,
    )


def _second_loss(node: Node, last: Node) -> Found:
    def propose() -> Iterator[Fix]:
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
        yield Fix(say("Remove {name}", name=last.name), (remove(last.pointer),))

    return found(
        "several_losses",
        say("{name} is a second loss beside {other}.", name=node.name, other=last.name),
        say("A network is trained to make one number small. The last layer of the list is its loss."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _early_loss(graph: Graph, node: Node) -> Found:
    layers = graph.root.pointer

    def propose() -> Iterator[Fix]:
        yield Fix(
            say("Move {name} to the end", name=node.name),
            (remove(node.pointer), put(join(layers, "-"), dict(node.entry))),
        )
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
        if node.scope is graph.root:
            after = range(len(graph.root.items) - 1, node.position, -1)
            yield Fix(
                say("Remove what follows {name}", name=node.name), tuple(remove(join(layers, place)) for place in after)
            )

    return found(
        "loss_not_last",
        say("{name} is a loss, but stands before other layers.", name=node.name),
        say(
            "A loss makes one number of the prediction; no layer can work on with it. It belongs at "
            "the end of the list."
        ),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


# --- Softmax ---


def _twice(state: Shapes) -> Iterator[Found]:
    seen: set[str] = set()
    for node in state.graph.nodes.values():
        before = node
        for _ in range(10 if node.type == "Softmax" and node.layer is not None else 0):
            if len(before.inputs) != 1 or before.inputs[0] not in state.graph.nodes:
                break
            before = state.graph.nodes[before.inputs[0]]
            if before.type == "Softmax" and before is not node and node.pointer not in seen:
                seen.add(node.pointer)
                yield _second_softmax(node, before)
            if before.type not in PASSING:
                break


def _second_softmax(node: Node, first: Node) -> Found:
    def propose() -> Iterator[Fix]:
        yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
        yield Fix(say("Remove {name}", name=first.name), (remove(first.pointer),))

    return found(
        "softmax_twice",
        say("{name} reads {other}: Softmax stands twice in a row.", name=node.name, other=first.name),
        say("The second one makes nearly equal probabilities of the first one's, and the network hardly learns."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _one_class(end: Ending) -> Iterator[Found]:
    seen: set[str] = set()
    for node in end.state.graph.nodes.values():
        given = end.state.given(node) if node.type == "Softmax" and node.layer is not None else None
        if given and len(given) == 1 and given[0][0] == 1 and node.pointer not in seen:
            seen.add(node.pointer)
            yield _constant(end, node)


def _constant(end: Ending, node: Node) -> Found:
    def propose() -> Iterator[Fix]:
        head = end.head
        if head is None or head.activation is not node:
            loss = head.loss if head is not None and head.activation is None else None
            if loss is not None and "inputs" not in {**node.entry, **loss.entry} and node.scope is loss.scope:
                before = join(loss.scope.pointer, loss.position - 1)
                patch = (remove(node.pointer), insert(before, dict(node.entry)))
                yield Fix(say("Move {name} before {other}", name=node.name, other=loss.name), patch)
            yield Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))
            return
        classes = end.facts.classes if end.facts is not None else None
        if classes is None or classes <= 2:
            yield Fix(say("Use Sigmoid and BinaryCrossEntropy, for yes or no"), reheaded(end, head, "binary"))
        if head.linear is not None:
            width = {WIDTHS[head.linear.type]: classes or 2}
            yield changed(
                head.linear,
                width,
                say("Make {outputs} in {names}", outputs=outputs(classes or 2), names=head.linear.name),
            )

    return found(
        "softmax_one_class",
        say("{name} has only one class to choose from.", name=node.name),
        say("One probability that sums to 1 by itself is always 1, so the network cannot learn anything."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


# --- head and loss left out ---


def _missing(end: Ending) -> Found:
    names = [
        entry["type"] + (f"({entry['out_features']})" if "out_features" in entry else "")
        for entry in end.filled.entries
    ]
    if end.filled.unknown:
        return found(
            "missing_head",
            say("The network does not end with a head, and nothing says how many classes there are."),
            say("End it with Affine (out_features = number of classes), or name data that tell it."),
            pointer="/model/layers",
            propose=lambda: [
                Fix(
                    say("Add Affine with 10 outputs, Softmax and CategoricalCrossEntropy"),
                    tuple(
                        put("/model/layers/-", entry)
                        for entry in (
                            {"type": "Affine", "out_features": 10},
                            {"type": "Softmax"},
                            {"type": "CategoricalCrossEntropy"},
                        )
                    ),
                )
            ],
        )
    what = say("head and loss") if end.filled.missing == "head" else say("loss")
    return found(
        f"missing_{end.filled.missing}",
        say("The network ends without {what}; the task's own are used: {names}.", what=what, names=commas(names)),
        say("The task is {task}. `render` writes them into the document.", task=end.task),
        pointer="/model/layers",
        warning=True,
        propose=lambda: [
            Fix(
                say("Add {names}", names=commas(names)),
                tuple(put("/model/layers/-", dict(e)) for e in end.filled.entries),
            )
        ],
    )


# --- agreement ---


def _agreement(end: Ending, head: Head) -> Iterator[Found]:
    """Yield at most one problem: the loss does not fit the head, or both do not fit the task."""
    kind = head.activation.type if head.activation is not None else None
    loss = head.loss.type if head.loss is not None else None
    need = NEEDS.get(loss or "")
    if head.loss is not None and need is not None and kind != need:
        if _overlooked(end, head, need):
            return
        yield _loss_and_head(end, head, head.loss, need)
        return
    if head.loss is not None and head.activation is not None and loss in RAW and kind in ("Softmax", "Sigmoid"):
        yield _squashed_twice(head.loss, head.activation)
        return
    wanted, own = HEADS[end.task]
    known = {other for _, other in HEADS.values()}
    if head.loss is None and end.filled.missing is None and kind is not None:
        yield _task(end, head, head.activation or head.prediction)
    elif loss is not None and loss != own and loss in known:
        if loss == "SquaredError" and kind == wanted:
            yield _unusual(end, head, head.loss or head.prediction)
        else:
            yield _task(end, head, head.activation or head.loss or head.prediction)
    elif end.task == "regression" and head.activation is not None and len(end.filled.entries) < 2:
        yield _squashed(head, head.activation)


def _squashed_twice(loss: Node, activation: Node) -> Found:
    other = RAW[loss.type]

    def propose() -> Iterator[Fix]:
        yield Fix(say("Remove {name}", name=activation.name), (remove(activation.pointer),))
        if other != loss.type:
            title = say("Replace {name} by {kind}", name=loss.name, kind=other)
            yield Fix(title, (over(loss.pointer, retyped(loss, other)),))

    return found(
        "activation_before_raw_loss",
        say("{loss} reads raw values, but {name} makes probabilities of them.", loss=loss.name, name=activation.name),
        say("It applies its own activation; twice makes nearly equal answers, and the network hardly learns."),
        pointer=loss.pointer,
        layer=loss.name,
        propose=propose,
    )


def _overlooked(end: Ending, head: Head, need: str) -> bool:
    """Tell whether the activation that the loss needs is there, but nobody reads it: that is told as such."""
    graph = end.state.graph
    return any(
        node.type == need and not graph.readers[node.name] and node.inputs == [head.prediction.name]
        for node in graph.nodes.values()
    )


def _loss_and_head(end: Ending, head: Head, loss: Node, need: str) -> Found:
    kind = head.activation.type if head.activation is not None else head.prediction.type
    fitting = next((other for other, made in NEEDS.items() if made == kind), None)

    def propose() -> Iterator[Fix]:
        wanted = HEADS[end.task][0]
        options = []
        if head.activation is not None:
            patch = (over(head.activation.pointer, retyped(head.activation, need)),)
            options.append((need, Fix(say("Replace {name} by {kind}", name=head.activation.name, kind=need), patch)))
        if fitting is not None:
            patch = (over(loss.pointer, retyped(loss, fitting)),)
            options.append((kind, Fix(say("Replace {name} by {kind}", name=loss.name, kind=fitting), patch)))
            other = next(task for task, (made, _) in HEADS.items() if made == kind)
            options.append(
                (
                    kind,
                    Fix(
                        say(
                            "Make it a {task} network with {kind} and {loss}",
                            task=other,
                            kind=kind,
                            loss=fitting,
                        ),
                        reheaded(end, head, other),
                    ),
                )
            )
        if kind not in NEEDS.values():
            options.append(
                (need, Fix(say("Insert {names} before {name}", names=need, name=loss.name), inserted(loss, need)))
            )
        # What the task asks for comes first.
        yield from (fix for made, fix in sorted(options, key=lambda option: option[0] != wanted))

    return found(
        "loss_head_mismatch",
        say(
            "{name} needs {need} before it, but reads {other} ({kind}).",
            name=loss.name,
            need=need,
            other=head.prediction.name,
            kind=kind,
        ),
        WHY[loss.type],
        pointer=loss.pointer,
        layer=loss.name,
        propose=propose,
    )


def _task(end: Ending, head: Head, node: Node) -> Found:
    wanted, own = HEADS[end.task]
    kind = head.activation.type if head.activation is not None else say("no activation")
    loss = head.loss.type if head.loss is not None else say("no loss")
    fitting = next((t for t, (a, b) in HEADS.items() if (head.loss is None and a == kind) or b == loss), None)

    def propose() -> Iterator[Fix]:
        if fitting is not None:
            yield Fix(say("Make the task {task}", task=fitting), (put("/task", fitting),))
        title = (
            say("Use {kind} and {loss}", kind=wanted, loss=own)
            if wanted
            else say("Use {loss} without activation", loss=own)
        )
        yield Fix(title, reheaded(end, head, end.task))
        need = {"binary": 1}.get(end.task)
        if head.linear is not None and need is not None:
            patch = reheaded(end, head, end.task) + changed(head.linear, {WIDTHS[head.linear.type]: need}, "").patch
            yield Fix(say("{title}, with {outputs}", title=title, outputs=outputs(need)), patch)

    ending = say("{kind} and {loss}", kind=kind, loss=loss) if head.loss is not None else kind
    return found(
        "head_task_mismatch",
        say("The task is {task}, but the network ends with {ending}.", task=end.task, ending=ending),
        needs(end.task),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _unusual(end: Ending, head: Head, loss: Node) -> Found:
    own = HEADS[end.task][1]
    patch = (over(loss.pointer, retyped(loss, own)),)
    return found(
        "unusual_loss",
        say("{name} is unusual for {task}.", name=loss.name, task=end.task),
        say(
            "It works, with the target as 0 and 1, but learns more slowly from confident mistakes than {loss}.",
            loss=own,
        ),
        pointer=loss.pointer,
        layer=loss.name,
        warning=True,
        propose=lambda: [Fix(say("Use {loss}", loss=own), patch)],
    )


def _squashed(head: Head, node: Node) -> Found:
    limits = {"Sigmoid": say("between 0 and 1"), "Tanh": say("between -1 and 1"), "ReLU": say("not below 0")}
    reach = limits.get(node.type, say("between 0 and 1, and sum to 1"))
    return found(
        "activation_before_squared_error",
        say(
            "{name} keeps predictions {reach}; regression usually has no activation at its end.",
            name=node.name,
            reach=reach,
        ),
        say("Targets outside that range could never be reached."),
        pointer=node.pointer,
        layer=node.name,
        warning=True,
        propose=lambda: [Fix(say("Remove {name}", name=node.name), (remove(node.pointer),))],
    )
