"""Rewrite rules on the operation graph. Each is small, tested alone, and can be switched off: results must agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from schemas import ops

from .lower import Lowered
from .tensors import Node


@dataclass(frozen=True, eq=False)
class SoftmaxCrossEntropy(ops.Op):
    """Softmax and CrossEntropy in one: stable for any logits, and its gradient is y - t."""


@dataclass(frozen=True, eq=False)
class SigmoidBinaryCrossEntropy(ops.Op):
    """Sigmoid and BinaryCrossEntropy in one: stable for any logits, and its gradient is y - t."""


def consumers(graph: Lowered) -> dict[int, int]:
    """Return how many nodes read each node."""
    counts: dict[int, int] = {}
    for node in graph.nodes:
        for source in node.inputs:
            counts[id(source)] = counts.get(id(source), 0) + 1
    return counts


def affine_reads_any_shape(graph: Lowered) -> None:
    """Affine(Reshape(x)) = Affine(x): Affine takes its input in (C, H, W) order whatever the shape is called."""
    for node in graph.nodes:
        while isinstance(node.op, ops.Affine) and isinstance(node.inputs[0].op, ops.Reshape):
            node.inputs[0] = node.inputs[0].inputs[0]


def loss_takes_logits(graph: Lowered) -> None:
    """CrossEntropy(Softmax(x)) and BinaryCrossEntropy(Sigmoid(x)) become one operation on x."""
    head, loss = graph.output, graph.loss
    if consumers(graph).get(id(head)) != 1:
        return
    if isinstance(head.op, ops.Softmax) and isinstance(loss.op, ops.CrossEntropy):
        loss.op = SoftmaxCrossEntropy(loss.op.inputs, loss.op.shape)
    elif isinstance(head.op, ops.Pointwise) and head.op.function == "sigmoid(x)" and isinstance(loss.op, ops.BinaryCrossEntropy):
        loss.op = SigmoidBinaryCrossEntropy(loss.op.inputs, loss.op.shape)
    else:
        return
    loss.inputs = list(head.inputs)


def drop_nothing(graph: Lowered) -> None:
    """Dropout(p=0) is the identity."""
    _bypass(graph, lambda node: isinstance(node.op, ops.Dropout) and node.op.p == 0)


def no_dropout_in_use(graph: Lowered) -> None:
    """In use, Dropout is the identity."""
    _bypass(graph, lambda node: isinstance(node.op, ops.Dropout))


def _bypass(graph: Lowered, redundant: Callable[[Node], bool]) -> None:
    """Let the readers of each redundant node read its input instead."""

    def real(node: Node) -> Node:
        while redundant(node):
            node = node.inputs[0]
        return node

    for node in graph.nodes:
        node.inputs = [real(i) for i in node.inputs]
    graph.layers = {name: real(node) for name, node in graph.layers.items()}
    graph.output = real(graph.output)


RULES: dict[str, Callable[[Lowered], None]] = {
    rule.__name__: rule for rule in (affine_reads_any_shape, drop_nothing, loss_takes_logits)
}
"""Rules in the order in which they are applied when a network is trained."""


def fuse(graph: Lowered, training: bool, without: frozenset[str] = frozenset()) -> Lowered:
    """Apply the rules to a copy of the graph and drop the nodes that nothing needs any more."""
    copies = {id(node): Node(node.op, [], node.layer) for node in graph.nodes}
    for node in graph.nodes:
        copies[id(node)].inputs = [copies[id(i)] for i in node.inputs]
    fused = replace(
        graph,
        input=copies[id(graph.input)],
        output=copies[id(graph.output)],
        loss=copies[id(graph.loss)],
        nodes=[copies[id(n)] for n in graph.nodes],
        layers={name: copies[id(n)] for name, n in graph.layers.items()},
    )
    if not training:
        no_dropout_in_use(fused)
    for name, rule in RULES.items():
        if name not in without:
            rule(fused)
    needed: set[int] = set()
    stack = [fused.loss, fused.input] if training else [fused.output, fused.input]
    while stack:
        node = stack.pop()
        if id(node) not in needed:
            needed.add(id(node))
            stack.extend(node.inputs)
    fused.nodes = [node for node in fused.nodes if id(node) in needed]
    return fused
