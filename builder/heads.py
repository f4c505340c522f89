"""Task, head and loss: what a network's end says, which task it is for, and what is filled in where it says nothing.

    task              head      loss
    classification    Softmax   CategoricalCrossEntropy
    binary            Sigmoid   BinaryCrossEntropy
    regression        none      SquaredError

The table is a default, not a law: a document may state another loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.shapes import Shape, elements

if TYPE_CHECKING:
    from .checks.shapes import Shapes
    from .data.facts import DataFacts
    from .graph import Node

HEADS: dict[str, tuple[str | None, str]] = {
    "classification": ("Softmax", "CategoricalCrossEntropy"),
    "binary": ("Sigmoid", "BinaryCrossEntropy"),
    "regression": (None, "SquaredError"),
}
"""Task -> the activation that makes its predictions, and its loss."""

LOSS_TASKS = {
    "SoftmaxCrossEntropy": "classification",
    "SigmoidCrossEntropy": "binary",
    "AbsoluteError": "regression",
    "Huber": "regression",
    "EpsilonInsensitive": "regression",
}
"""Other losses that are for one task alone."""

RAW = {"SoftmaxCrossEntropy": "CategoricalCrossEntropy", "SigmoidCrossEntropy": "BinaryCrossEntropy", "Hinge": "Hinge"}
"""Losses that read raw values -> the one that reads the probabilities of their activation."""

PASSING = ("Identity", "Flatten", "Reshape", "Dropout")
"""Layers behind which a head is still a head."""

ACTIVATIONS = ("Softmax", "Sigmoid", "Tanh", "ReLU")

WIDTHS = {
    "Affine": "out_features",
    "Convolution": "out_channels",
    "SeparableConvolution": "out_channels",
    "Deconvolution": "out_channels",
}
"""Layers that decide how many outputs there are, and by which field."""


@dataclass(frozen=True)
class Head:
    """How a network ends. Every part may be missing."""

    prediction: Node
    """The layer whose values are the prediction: what the loss reads, or the last layer."""
    loss: Node | None
    activation: Node | None
    """The activation that makes the prediction, if one does."""
    linear: Node | None
    """The layer that decides how many outputs there are."""
    width: int | None
    """Number of outputs; None where it is unknown."""
    shape: Shape | None = None
    """Shape of the prediction of one sample; None where it is unknown."""

    @property
    def sites(self) -> Shape:
        """Height and width of the prediction where it has several pixels, else ()."""
        return self.shape[1:] if self.shape is not None and elements(self.shape[1:]) > 1 else ()


def read(state: Shapes) -> Head | None:
    """Return how the network ends, or None where its end is broken."""
    last = state.graph.last
    if last is None or last.layer is None:
        return None
    return _read(state, last, last if last.is_loss else None)


def read_loss(state: Shapes, loss: Node) -> Head | None:
    """Return the head that ends in one loss of several, or None where it is broken."""
    return _read(state, loss, loss)


def _read(state: Shapes, last: Node, loss: Node | None) -> Head | None:
    nodes = state.graph.nodes
    prediction: Node | None = last
    if loss is not None:
        prediction = nodes.get(loss.inputs[0] or "") if len(loss.inputs) == 1 else None
    if prediction is None or prediction.layer is None or prediction.is_loss:
        return None
    node = _behind(state, prediction)
    activation = node if node.type in ACTIVATIONS else None
    linear = _decider(state, prediction)
    shape = state.shapes.get(prediction.name)
    if shape is not None:
        width: int | None = elements(shape)
    else:
        width = getattr(linear.layer, "out_features", None) if linear is not None else None
    return Head(prediction, loss, activation, linear, width, shape)


def _behind(state: Shapes, node: Node) -> Node:
    """Return the layer whose values reach `node` unchanged."""
    seen = {node.name}
    while node.type in PASSING and len(node.inputs) == 1:
        before = state.graph.nodes.get(node.inputs[0] or "")
        if before is None or before.name in seen:
            break
        seen.add(before.name)
        node = before
    return node


def _decider(state: Shapes, node: Node) -> Node | None:
    """Return the layer that decides how many outputs `node` has, if a single one does; a broken one may be it."""
    seen: set[str] = set()
    while node.layer is None or node.type not in WIDTHS:
        if node.layer is None:
            return None
        before = state.graph.nodes.get(node.inputs[0] or "") if len(node.inputs) == 1 else None
        if before is None or before.name in seen or before.is_loss:
            return None
        shape = state.shapes.get(before.name)
        if node.type in ("Flatten", "Reshape") and shape is not None and shape[0] != elements(shape):
            return None
        seen.add(before.name)
        node = before
    return node


def stated_task(raw: Mapping[str, Any]) -> str | None:
    """Return the task that the document states, if it is one."""
    task = raw.get("task")
    return task if isinstance(task, str) and task in HEADS else None


def task_of(raw: Mapping[str, Any], head: Head | None, facts: DataFacts | None) -> str:
    """Return the task: as stated, else as the loss, the head or the data tell; classification where nothing does."""
    stated = stated_task(raw)
    if stated is not None:
        return stated
    if head is not None:
        kind = head.activation.type if head.activation is not None else None
        for task, (_, loss) in HEADS.items():
            if head.loss is not None and head.loss.type == loss:
                return task
        if head.loss is not None and head.loss.type in LOSS_TASKS:
            return LOSS_TASKS[head.loss.type]
        if kind == "Softmax":
            return "classification"
        if kind == "Sigmoid" and head.width == 1 and head.loss is None:
            return "binary"
    if facts is not None and facts.kind is not None:
        two = head is not None and head.loss is None and head.linear is head.prediction and head.width == 2
        return "classification" if facts.kind == "binary" and two else facts.kind
    return "classification"


def ignored(raw: Any) -> int | None:
    """Return the label that the main loss leaves out (`ignore_index`), None where it leaves out none."""
    model = raw.get("model") if isinstance(raw, Mapping) else None
    units = model.get("units") if isinstance(model, Mapping) else None
    inner: Any = model
    for _ in range(100):  # the last layer of the last Unit or Repeat
        layers = inner.get("layers") if isinstance(inner, Mapping) else None
        last = layers[-1] if isinstance(layers, list | tuple) and layers else None
        if not isinstance(last, Mapping):
            return None
        if last.get("type") not in ("Unit", "Repeat"):
            found = last.get("ignore_index")
            return found if isinstance(found, int) and not isinstance(found, bool) else None
        unit = last.get("unit")
        inner = last if last["type"] == "Repeat" else units.get(unit) if isinstance(units, Mapping) else None
    return None


def wanted_width(task: str, facts: DataFacts | None) -> int | None:
    """Return how many outputs the task needs with these data, or None where they do not tell."""
    if task == "binary":
        return 1
    if facts is None:
        return None
    return facts.classes if task == "classification" else facts.targets


def wanted_shape(task: str, facts: DataFacts | None) -> Shape | None:
    """Return the prediction that data whose targets are images ask for, (C, H, W); None where targets are no images."""
    if facts is None or facts.target_shape is None:
        return None
    if task != "classification":
        return facts.target_shape if len(facts.target_shape) == 3 else (1, *facts.target_shape)
    return None if facts.classes is None else (facts.classes, *facts.target_shape[-2:])


@dataclass(frozen=True)
class Filling:
    """The layers that are filled in behind the document's own, and which parts were missing."""

    entries: tuple[dict[str, Any], ...] = ()
    missing: str | None = None
    """"head" (with the loss), "loss", or None."""
    unknown: bool = False
    """Whether the head could not be filled in, because nobody says how many classes there are."""


def filling(head: Head | None, task: str, facts: DataFacts | None) -> Filling:
    """Return what a network without head or loss gets from its task. Parts of a head that are there are kept."""
    if head is None or head.loss is not None:
        return Filling()
    wanted, loss = HEADS[task]
    ending = {"type": loss}
    image = wanted_shape(task, facts)
    if image is not None and head.shape is not None and head.shape[1:] == image[1:]:
        return _per_pixel(head, wanted, ending, image)
    need = wanted_width(task, facts)
    kind = head.activation.type if head.activation is not None else None
    if kind == "Softmax" and wanted != "Softmax":
        return Filling()  # a head of another task: a mistake, and nothing to build upon
    if kind is not None and kind == wanted and (kind == "Softmax" or head.width in (need, None)):
        return Filling((ending,), "loss")
    if kind is not None and wanted is None and need is not None and head.width == need:
        return Filling((ending,), "loss")
    if kind == "Sigmoid" and task == "classification" and need is not None and head.width == need:
        return Filling()
    if kind is None and _fits(head, task, need):
        return Filling((*([{"type": wanted}] if wanted else []), ending), "head" if wanted else "loss")
    if need is None and task == "regression":
        need = 1
    if need is None:
        return Filling((), "head", unknown=True)
    entries: list[dict[str, Any]] = [{"type": "Affine", "out_features": need}]
    return Filling((*entries, *([{"type": wanted}] if wanted else []), ending), "head")


def _per_pixel(head: Head, wanted: str | None, ending: dict[str, Any], image: Shape) -> Filling:
    """Return the end of a network whose prediction has the pixels of the targets: a 1×1 Convolution where needed."""
    kind = head.activation.type if head.activation is not None else None
    if kind == "Softmax" and wanted != "Softmax":
        return Filling()
    if head.shape == image and kind is not None and kind == wanted:
        return Filling((ending,), "loss")
    last = [*([{"type": wanted}] if wanted else []), ending]
    if head.shape == image and kind is None and head.linear is head.prediction:
        return Filling(tuple(last), "head" if wanted else "loss")
    entries: list[dict[str, Any]] = [{"type": "Convolution", "out_channels": image[0], "kernel_size": 1}]
    return Filling((*entries, *last), "head")


def _fits(head: Head, task: str, need: int | None) -> bool:
    """Tell whether the network ends with values that need nothing but the activation."""
    if head.prediction.type == "Dropout" or head.linear is None:
        return False
    if need is not None:
        return head.width == need
    direct = head.linear is head.prediction and head.linear.type == "Affine"
    return direct and (task == "regression" or (head.width or 0) >= 2)
