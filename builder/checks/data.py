"""Agreement of the model with the data: input shape, task, number of outputs, labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder.heads import WIDTHS, Head, stated_task, wanted_shape
from schemas.errors import Fix
from schemas.say import say
from schemas.shapes import Shape, elements, shape_text

from .ending import Ending, needs
from .found import Found, changed, found, insert, outputs, put
from .rehead import reheaded

if TYPE_CHECKING:
    from builder.data.facts import DataFacts


def check_input(raw: Any, shape: Shape | None, facts: DataFacts | None) -> Iterator[Found]:
    """Compare model.input with the shape of the data; `shape` is what the model states, None if nothing valid."""
    model = raw.get("model") if isinstance(raw, dict) else None
    known = facts.shape if facts is not None else None
    if shape is None:
        # A wrong value has its own problem, and so have data that cannot be read; this is about what is left out.
        told = isinstance(model, dict) and (model.get("input") is not None or "layers" not in model)
        if known is None and isinstance(model, dict) and not told and not isinstance(raw.get("data"), dict):
            yield _no_input()
        return
    if known is None or tuple(known) == shape:
        return
    yield _other_input(shape, tuple(known))


def _no_input() -> Found:
    return found(
        "missing_input",
        say("Neither the model's input nor data tell the shape of one sample."),
        say("Shapes and costs are counted from it: [channels, height, width] or [features]."),
        pointer="/model",
        propose=lambda: [
            Fix(say("Set the input to {shape}", shape=shape_text(shape)), (put("/model/input", list(shape)),))
            for shape in ((1, 28, 28), (3, 32, 32), (16,))
        ],
    )


def _other_input(shape: Shape, known: Shape) -> Found:
    def propose() -> Iterator[Fix]:
        take = put("/model/input", list(known))
        yield Fix(say("Use the data's shape {known}", known=shape_text(known)), (take,))
        if elements(known) == elements(shape):
            reshape = insert("/model/layers/0", {"type": "Reshape", "shape": list(shape)})
            yield Fix(
                say("Read {known} and reshape it to {shape}", known=shape_text(known), shape=shape_text(shape)),
                (take, reshape),
            )
        if len(known) == 3 and len(shape) == 3 and known[0] == shape[0]:
            resize = {"type": "Resize", "size": list(shape[1:])}
            title = say("Resize the images to {height} × {width}", height=shape[1], width=shape[2])
            yield Fix(title, (put("/data/preprocessing/-", resize),))
            yield Fix(title, (put("/data/preprocessing", [resize]),))

    return found(
        "input_shape",
        say(
            "The model's input is {shape}, but one sample of the data is {known}.",
            shape=shape_text(shape),
            known=shape_text(known),
        ),
        say("The network reads the samples as they are after preprocessing."),
        pointer="/model/input",
        propose=propose,
    )


def check_outputs(end: Ending, head: Head) -> Iterator[Found]:
    """Compare task and number of outputs with the data; one problem at most, and labels if that is none."""
    facts = end.facts
    image = wanted_shape(end.task, facts) if facts is not None and facts.kind in (None, end.task) else None
    if image is not None and head.shape is not None:
        yield from _maps(end, head, head.shape, image)
        return
    other = _image(end, head) or _other_task(end, head)
    if other is not None:
        yield other
        if other.problem.severity == "error":
            return
    need = 1 if end.task == "binary" else None
    if facts is not None and end.task != "binary":
        need = facts.classes if end.task == "classification" else facts.targets
    if head.sites and end.task != "regression":
        return
    # Only a loss of its own table compares outputs with classes one by one.
    if need is not None and head.width is not None and head.width != need:
        yield _count(end, head, head.width, need)
    elif facts is not None:
        yield from _labels(end, head, facts)


def _other_task(end: Ending, head: Head) -> Found | None:
    facts, task = end.facts, end.task
    if facts is None or facts.kind is None or facts.kind == task:
        return None
    classes = facts.classes or 2
    if facts.kind == "regression":
        what, better = say("the data have numbers to predict, not classes"), "regression"
    elif task == "binary" and classes > 2:
        what, better = say("the data have {classes} classes", classes=classes), "classification"
    elif task == "regression":
        what, better = say("the data have {classes} classes, not numbers to predict", classes=classes), facts.kind
    else:
        return None
    width = {"regression": facts.targets or 1, "binary": 1}.get(better, classes)

    def propose() -> Iterator[Fix]:
        if stated_task(end.raw) is not None:
            yield Fix(say("Make the task {task}", task=better), (put("/task", better),))
        patch = reheaded(end, head, better)
        title = say("Make it a {task} network", task=better)
        if head.linear is not None:
            resized = changed(head.linear, {WIDTHS[head.linear.type]: width}, "").patch
            yield Fix(say("{title} with {outputs}", title=title, outputs=outputs(width)), resized + patch)
        yield Fix(title, patch)

    return found(
        "task_data_mismatch",
        say("The task is {task}, but {what}.", task=task, what=what),
        needs(better),
        pointer="/task" if stated_task(end.raw) is not None else "/model",
        warning=task == "regression",
        propose=propose,
    )


def _count(end: Ending, head: Head, width: int, need: int) -> Found:
    node = head.linear or head.prediction

    def propose() -> Iterator[Fix]:
        if head.linear is not None:
            yield changed(head.linear, {WIDTHS[head.linear.type]: need}, say("Make {outputs}", outputs=outputs(need)))
        else:
            target = head.activation or head.loss or head.prediction
            new = {"type": "Affine", "out_features": need}
            yield Fix(
                say("Insert Affine with {count} outputs before {name}", count=need, name=target.name),
                (insert(target.pointer, new),),
            )
        if end.task == "binary" and width > 1:
            yield Fix(say("Make it a {task} network", task="classification"), reheaded(end, head, "classification"))

    source = {
        "binary": say("task binary needs 1 output"),
        "classification": say("the data have {classes} classes", classes=need),
        "regression": say("the data have {count} numbers to predict", count=need),
    }[end.task]
    return found(
        "class_count" if end.task == "classification" else "output_count",
        say("{name} makes {outputs}, but {source}.", name=node.name, outputs=outputs(width), source=source),
        say("Each output is the probability of one class.")
        if end.task == "classification"
        else say("Each output answers one question."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _labels(end: Ending, head: Head, facts: DataFacts) -> Iterator[Found]:
    """Compare the labels with the outputs that they choose from."""
    if end.task == "regression" or facts.label_max is None or facts.label_min is None:
        return
    most = 2 if end.task == "binary" else head.width
    if most is None or (facts.label_min >= 0 and facts.label_max < most):
        return

    def propose() -> Iterator[Fix]:
        if (
            facts.label_min is not None
            and facts.label_min >= 0
            and head.linear is not None
            and facts.label_max is not None
        ):
            count = facts.label_max + 1
            yield changed(head.linear, {WIDTHS[head.linear.type]: count}, say("Make {outputs}", outputs=outputs(count)))

    node = head.linear or head.prediction
    yield found(
        "label_range",
        say(
            "The data's labels run from {label_min} to {label_max}, but {most} classes have 0 to {last}.",
            label_min=facts.label_min,
            label_max=facts.label_max,
            most=most,
            last=most - 1,
        ),
        say("A label is the number of the output that should be 1."),
        pointer=node.pointer,
        layer=node.name,
        propose=propose,
    )


def _maps(end: Ending, head: Head, shape: Shape, image: Shape) -> Iterator[Found]:
    """Compare a prediction with targets that are images: pixels first, then channels."""
    if end.task != "classification" and elements(shape[1:]) == 1 and shape[0] == elements(image):
        return  # a row of as many values, in (C, H, W) order
    if shape[1:] == image[1:] and shape[0] != image[0]:
        yield _count(end, head, shape[0], image[0])
    elif shape[1:] != image[1:]:
        size = " × ".join(map(str, image[1:]))
        yield found(
            "target_size",
            say(
                "{name} gives {shape}, but the targets are images of {size} pixels.",
                name=head.prediction.name,
                shape=shape_text(shape),
                size=size,
            ),
            say(
                "Each pixel of a target is compared with its own prediction, so it should be {shape}.",
                shape=shape_text(image),
            ),
            pointer=head.prediction.pointer,
            layer=head.prediction.name,
            propose=lambda: _sized(head, shape, image),
        )


def _sized(head: Head, shape: Shape, image: Shape) -> Iterator[Fix]:
    """Propose a row of as many values as the targets have pixels, under their shape."""
    if len(shape) == 1 and head.linear is not None and head.linear.type == "Affine" and head.linear.scope.items:
        node = head.linear
        target = head.activation or head.loss
        if target is not None and "inputs" not in target.entry:
            wide = changed(node, {"out_features": elements(image)}, "").patch
            reshape = insert(target.pointer, {"type": "Reshape", "shape": list(image)})
            title = say(
                "Make {count:,} outputs and reshape them to {shape}", count=elements(image), shape=shape_text(image)
            )
            yield Fix(title, (reshape, *wide))


def _image(end: Ending, head: Head) -> Found | None:
    """Return a problem where a prediction is an image, but targets are not, or nobody knows: then only a warning."""
    shape = end.state.shapes.get(head.prediction.name)
    if end.task == "regression" or shape is None or elements(shape[1:]) == 1:
        return None
    unknown = end.facts is None or (end.facts.kind is None and end.facts.target_shape is None)
    target = head.activation or head.prediction
    classes = (end.facts.classes if end.facts is not None else None) or 10
    count = 1 if end.task == "binary" else classes

    def propose() -> Iterator[Fix]:
        for new in ({"type": "Affine", "out_features": count}, {"type": "GlobalAveragePooling"}):
            yield Fix(
                say("Insert {names} before {name}", names=new["type"], name=target.name),
                (insert(target.pointer, new),),
            )

    if unknown and not end.filled.entries:
        sites = " × ".join(map(str, shape[1:]))
        return found(
            "output_per_pixel",
            say(
                "{name} gives {shape}: an answer for each of {sites} pixels.",
                name=head.prediction.name,
                shape=shape_text(shape),
                sites=sites,
            ),
            say(
                "That is right where the targets are images of as many pixels (segmentation). For one answer per "
                "sample, Affine or GlobalAveragePooling makes one row of them."
            ),
            pointer=target.pointer,
            layer=target.name,
            warning=True,
            propose=propose,
        )
    return found(
        "output_not_vector",
        say(
            "{name} gives {shape} values per sample; {task} needs one per class.",
            name=head.prediction.name,
            shape=shape_text(shape),
            task=end.task,
        ),
        say(
            "A whole image of values is no answer to one question. Affine or GlobalAveragePooling "
            "makes one row of them."
        ),
        pointer=target.pointer,
        layer=target.name,
        propose=propose,
    )
