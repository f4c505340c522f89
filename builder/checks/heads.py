"""Agreement of task, head and loss. One root cause is one problem: what follows from it is not listed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.heads import HEADS, LOSS_TASKS, RAW, WIDTHS, Head
from schemas.errors import Fix
from schemas.say import commas, say

from . import losses, softmaxes
from .ending import Ending, needs
from .found import Found, changed, found, outputs, over, put, remove
from .rehead import inserted, reheaded, retyped

if TYPE_CHECKING:
    from builder.graph import Node

NEEDS = {"CategoricalCrossEntropy": "Softmax", "BinaryCrossEntropy": "Sigmoid"}
"""Losses that read probabilities -> the activation that makes them."""

WHY = {
    "CategoricalCrossEntropy": say("It takes the logarithm of one probability per class; Softmax makes them sum to 1."),
    "BinaryCrossEntropy": say(
        "It takes the logarithm of the probability of yes (or no); Sigmoid puts it between 0 and 1."
    ),
}


def check(end: Ending) -> tuple[list[Found], bool]:
    """Return the problems, and whether the number of outputs can still be compared with the data."""
    misplaced = list(losses.misplaced(end))
    constant = list(softmaxes.one_class(end))
    problems = [*misplaced, *constant, *softmaxes.twice(end.state)]
    if end.head is None or misplaced or constant:
        return problems, False
    if any(item.problem.pointer == end.head.prediction.pointer for item in end.state.errors) or _stranded(
        end, end.head
    ):
        return problems, False
    if end.filled.missing is not None and not (end.filled.unknown and end.unreadable):
        problems.append(_missing(end))
    agreement = list(check_agreement(end, end.head))
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


def check_agreement(end: Ending, head: Head) -> Iterator[Found]:
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
    elif loss in LOSS_TASKS and end.task != LOSS_TASKS[loss] != "regression":
        yield _task(end, head, head.loss or head.prediction)
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
    if head.loss is not None and fitting is None:
        fitting = LOSS_TASKS.get(head.loss.type)

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
    auxiliary = head.loss is not None and head.loss is not end.state.graph.last
    return found(
        "head_task_mismatch",
        say("The task is {task}, but an auxiliary head ends with {ending}.", task=end.task, ending=ending)
        if auxiliary
        else say("The task is {task}, but the network ends with {ending}.", task=end.task, ending=ending),
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
