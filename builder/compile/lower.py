"""From checked layers to a graph of primitive operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

from schemas import ops
from schemas.layer import Layer
from schemas.loss import Loss
from schemas.shapes import Shape

from .tensors import Node, image_axes

if TYPE_CHECKING:
    from .folding import Folded


class CheckedLayer(Protocol):
    """What `check` says of a layer."""

    @property
    def name(self) -> str: ...
    @property
    def layer(self) -> Layer: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def share(self) -> str | None: ...


class Checked(Protocol):
    """What `check` says of a network: its layers in order, and which of them are prediction, loss and other losses."""

    @property
    def layers(self) -> Iterable[CheckedLayer]: ...
    @property
    def input_shape(self) -> Shape: ...
    @property
    def output(self) -> str: ...
    @property
    def loss(self) -> str: ...
    @property
    def auxiliary(self) -> tuple[str, ...]: ...


@dataclass
class Lowered:
    """The network as nodes in order of computation, and the parameters they use."""

    input: Node
    output: Node
    loss: Node
    nodes: list[Node]
    layers: dict[str, Node]
    parameters: dict[str, ops.Parameter] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    folded: tuple[Folded, ...] = ()
    auxiliary: list[Node] = field(default_factory=list)
    """Losses beside the main one, in order."""
    own: dict[int, str] = field(default_factory=dict)
    """What an auxiliary loss compares with, "labels" or "input", by its node's id."""

    @property
    def losses(self) -> tuple[Node, ...]:
        """The main loss, then the auxiliary ones."""
        return self.loss, *self.auxiliary

    def key(self, parameter: ops.Parameter) -> str:
        """Return '<layer>/<parameter>'."""
        return self.keys[id(parameter)]


def _without_reshape(op: ops.Op) -> ops.Op:
    """Affine(Reshape(x)) = Affine(x): Affine takes its input in (C, H, W) order whatever the shape is called.

    Not a rewrite rule: the layout of its weight follows the shape that it reads, so all programs must agree.
    """
    while isinstance(op, ops.Affine) and isinstance(op.inputs[0], ops.Reshape):
        op = replace(op, inputs=op.inputs[0].inputs)
    return op


def _with_pace(op: ops.Op, layer: Layer) -> ops.Op:
    """Return the operation with parameters that say how fast this layer learns and how its weights decay."""
    factor, decay = layer.learning_rate_factor, layer.weight_decay
    if factor == 1 and decay is None:
        return op
    held = {f.name: getattr(op, f.name) for f in fields(op)}
    made: dict[str, Any] = {
        name: replace(part, learning_rate_factor=factor, weight_decay=decay)
        for name, part in held.items()
        if isinstance(part, ops.Parameter)
    }
    return replace(op, **made) if made else op


def _as_its_owner(node: Node, owner: ops.Op) -> Node | None:
    """Return a Reshape for an Affine that shares the weight of one whose input has other axes; None if none is needed.

    The layout of a weight follows the shape that its Affine reads, and there is one weight for both.
    """
    if not isinstance(node.op, ops.Affine):
        return None
    wanted, given = owner.inputs[0].shape, node.op.inputs[0].shape
    if image_axes(wanted) == image_axes(given):
        return None
    turned = ops.Reshape(node.op.inputs, wanted)
    made = Node(turned, node.inputs, node.layer)
    node.op, node.inputs = replace(node.op, inputs=(turned,)), [made]
    return made


def _share(order: list[Node], parameters: dict[str, ops.Parameter], keys: dict[int, str]) -> list[Node]:
    """Return the nodes with what those need that use another layer's parameters."""
    owners = {id(p): node for node in order for p in node.op.parameters}
    result = []
    for node in order:
        for parameter in node.op.parameters:
            own = parameters[keys[id(parameter)]]
            made = _as_its_owner(node, owners[id(own)].op) if own is not parameter else None
            result += [made] if made is not None else []
        result.append(node)
    return result


def lower(checked: Checked) -> Lowered:
    """Ask every layer for its operations and join them. Parameters get the key '<layer>/<parameter>'.

    Where a layer shares another's, its records have the other's keys, and `parameters` holds the other's records.
    """
    source = ops.value(checked.input_shape)
    values: dict[str, ops.Value] = {"Input": source}
    nodes: dict[int, Node] = {id(source): Node(source, [], "Input")}
    order = [nodes[id(source)]]
    parameters: dict[str, ops.Parameter] = {}
    keys: dict[int, str] = {}
    for item in checked.layers:
        inputs = [values[name] for name in item.inputs]
        result = item.layer.lower(*inputs)
        values[item.name] = result
        for op in ops.walk([result], stop=inputs):
            kept = _with_pace(_without_reshape(op), item.layer)
            nodes[id(op)] = node = Node(kept, [nodes[id(i)] for i in kept.inputs], item.name)
            order.append(node)
            for parameter in kept.parameters:
                key = keys[id(parameter)] = f"{item.share or item.name}/{parameter.name}"
                if item.share is not None:
                    continue
                if key in parameters:
                    raise ValueError(f"layer {item.name!r} lowers to two parameters named {parameter.name!r}")
                parameters[key] = parameter
    order = _share(order, parameters, keys)
    layers = {name: nodes[id(op)] for name, op in values.items()}
    own: dict[int, str] = {
        id(layers[item.name]): item.layer.target for item in checked.layers if isinstance(item.layer, Loss)
    }
    # A loss that takes raw values makes its own probabilities, and these are the network's prediction.
    return Lowered(
        layers["Input"],
        layers[checked.loss].inputs[0],
        layers[checked.loss],
        order,
        layers,
        parameters,
        keys,
        auxiliary=[layers[name] for name in checked.auxiliary],
        own=own,
    )
