"""Rewrite rules on the operation graph. Each is small, tested alone, and can be switched off: results must agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from schemas import ops

from .folding import normalisation_folds
from .lower import Lowered
from .tensors import Node


@dataclass(frozen=True, eq=False)
class SoftmaxCrossEntropy(ops.CrossEntropy):
    """Softmax and CrossEntropy in one: stable for any logits, and its gradient is y - t."""


@dataclass(frozen=True, eq=False)
class SigmoidBinaryCrossEntropy(ops.BinaryCrossEntropy):
    """Sigmoid and BinaryCrossEntropy in one: stable for any logits, and its gradient is y - t."""


@dataclass(frozen=True, eq=False)
class ConvolutionReLU(ops.Conv2d):
    """Conv2d whose results below zero are stored as zero."""


@dataclass(frozen=True, eq=False)
class AffineReLU(ops.Affine):
    """Affine whose results below zero are stored as zero."""


WITH_RELU: dict[type[ops.Op], type[ops.Op]] = {ops.Conv2d: ConvolutionReLU, ops.Affine: AffineReLU}


@dataclass(frozen=True, eq=False)
class NormAct(ops.Op):
    """BatchNorm, then the sum with a second input where there is one, then ReLU where `relu`."""

    norm: ops.BatchNorm
    relu: bool

    @property
    def parameters(self) -> tuple[ops.Parameter, ...]:
        return self.norm.parameters


TAPS = 127
"""Taps of a window that are told apart by a signed byte, the winner of `NormActPool`."""


@dataclass(frozen=True, eq=False)
class NormActPool(ops.Op):
    """BatchNorm where there is one, ReLU where `relu`, then max pooling.

    `joined`: in one pass with the convolution before it, where that is of use (see rules/pooled.py).
    """

    norm: ops.BatchNorm | None
    relu: bool
    pool: ops.MaxPool2d
    joined: bool = False

    @property
    def parameters(self) -> tuple[ops.Parameter, ...]:
        return self.norm.parameters if self.norm is not None else ()


def consumers(graph: Lowered) -> dict[int, int]:
    """Return how many nodes read each node."""
    counts: dict[int, int] = {}
    for node in graph.nodes:
        for source in node.inputs:
            counts[id(source)] = counts.get(id(source), 0) + 1
    return counts


def loss_takes_logits(graph: Lowered) -> None:
    """CrossEntropy(Softmax(x)) and BinaryCrossEntropy(Sigmoid(x)) become one operation on x."""
    counts = consumers(graph)
    for loss in graph.losses:
        if counts.get(id(loss.inputs[0])) == 1:
            _take_logits(loss, loss.inputs[0])


def _take_logits(loss: Node, head: Node) -> None:
    """Make one operation of a loss and the activation before it, where there is one for both."""
    if isinstance(head.op, ops.Softmax) and isinstance(loss.op, ops.CrossEntropy):
        loss.op = SoftmaxCrossEntropy(**vars(loss.op))
    elif _applies(head, "sigmoid(x)") and isinstance(loss.op, ops.BinaryCrossEntropy):
        loss.op = SigmoidBinaryCrossEntropy(**vars(loss.op))
    else:
        return
    loss.inputs = list(head.inputs)


def _applies(node: Node, function: str) -> bool:
    return isinstance(node.op, ops.Pointwise) and node.op.function == function


def _is_relu(node: Node) -> bool:
    return _applies(node, "max(x, 0)")


def absorbs(graph: Lowered, counts: dict[int, int], node: Node) -> bool:
    """Say whether a node's own value may vanish: one reader, and not the network's prediction."""
    return counts.get(id(node)) == 1 and node is not graph.output


def pooling_normalises(graph: Lowered) -> None:
    """MaxPool(ReLU(BatchNorm(x))), each but the pooling optional, in one pass: the largest value is found first."""
    counts = consumers(graph)
    for node in graph.nodes:
        if not isinstance(node.op, ops.MaxPool2d) or math.prod(node.op.kernel) > TAPS:
            continue
        pool, source = node.op, node.inputs[0]
        relu = _is_relu(source) and absorbs(graph, counts, source)
        if relu:
            source = source.inputs[0]
        norm = source.op if isinstance(source.op, ops.BatchNorm) and absorbs(graph, counts, source) else None
        if norm is not None:
            source = source.inputs[0]
        node.op, node.inputs = NormActPool(pool.inputs, pool.shape, norm, relu, pool), [source]


def pooling_joins_convolution(graph: Lowered) -> None:
    """Pooling in 2 x 2 windows side by side goes through a convolution's value while that is in cache."""
    counts = consumers(graph)
    for node in graph.nodes:
        if not isinstance(node.op, NormActPool):
            continue
        source, pool = node.inputs[0], node.op.pool
        pairs = pool.kernel == pool.stride == (2, 2) and pool.padding == ((0, 0), (0, 0))
        # With ceil_mode the last windows may reach beyond the image.
        pairs = pairs and all(2 * out <= size for out, size in zip(pool.shape[1:], source.op.shape[1:], strict=True))
        if pairs and type(source.op) is ops.Conv2d and source.op.groups == 1 and absorbs(graph, counts, source):
            node.op = replace(node.op, joined=True)


def normalisation_activates(graph: Lowered) -> None:
    """ReLU(BatchNorm(x) + r), with or without r and ReLU, in one pass."""
    counts = consumers(graph)
    for node in sorted(graph.nodes, key=lambda n: not _is_relu(n)):  # the ReLUs first: they take most with them
        relu = _is_relu(node)
        source = node.inputs[0] if relu else node
        rest: list[Node] = []
        if isinstance(source.op, ops.Add) and len(source.inputs) == 2 and (not relu or absorbs(graph, counts, source)):
            norms = [n for n in source.inputs if isinstance(n.op, ops.BatchNorm) and absorbs(graph, counts, n)]
            if norms and source.inputs[0] is not source.inputs[1]:
                rest = [n for n in source.inputs if n is not norms[0]]
                source = norms[0]
        elif relu and not absorbs(graph, counts, source):
            continue
        if isinstance(source.op, ops.BatchNorm):
            norm = source.op
            node.op, node.inputs = NormAct(node.op.inputs, node.op.shape, norm, relu), [source.inputs[0], *rest]


def relu_is_stored(graph: Lowered) -> None:
    """ReLU of a convolution or an Affine is applied where their results are stored."""
    counts = consumers(graph)
    for node in graph.nodes:
        if not _is_relu(node) or not absorbs(graph, counts, node.inputs[0]):
            continue
        source = node.inputs[0]
        if type(source.op) in WITH_RELU:
            node.op, node.inputs = WITH_RELU[type(source.op)](**vars(source.op)), list(source.inputs)


def drop_nothing(graph: Lowered) -> None:
    """Dropout(p=0) is the identity."""
    _bypass(graph, lambda node: isinstance(node.op, ops.Dropout) and node.op.p == 0)


def no_dropout_in_use(graph: Lowered) -> None:
    """In use, Dropout and noise are the identity."""
    _bypass(graph, lambda node: isinstance(node.op, ops.Dropout | ops.GaussianNoise))


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


IN_USE = ("normalisation_folds",)
"""Rules for use alone."""

RULES: dict[str, Callable[[Lowered], None]] = {
    rule.__name__: rule
    for rule in (
        drop_nothing,
        loss_takes_logits,
        normalisation_folds,
        pooling_normalises,
        pooling_joins_convolution,
        normalisation_activates,
        relu_is_stored,
    )
}
"""Rules in the order in which they are applied."""


def fuse(graph: Lowered, training: bool, without: frozenset[str] = frozenset(), loss: bool | None = None) -> Lowered:
    """Apply the rules to a copy of the graph and drop the nodes that nothing needs any more.

    `loss` says whether the loss is wanted: in training if it is not said, and where use is evaluated. Auxiliary losses,
    and the layers that only they need, are for training alone.
    """
    loss = training if loss is None else loss
    copies = {id(node): Node(node.op, [], node.layer) for node in graph.nodes}
    for node in graph.nodes:
        copies[id(node)].inputs = [copies[id(i)] for i in node.inputs]
    fused = replace(
        graph,
        input=copies[id(graph.input)],
        output=copies[id(graph.output)],
        loss=copies[id(graph.loss)],
        auxiliary=[copies[id(n)] for n in graph.auxiliary] if training else [],
        nodes=[copies[id(n)] for n in graph.nodes],
        layers={name: copies[id(n)] for name, n in graph.layers.items()},
    )
    if not training:
        no_dropout_in_use(fused)
    for name, rule in RULES.items():
        if name not in without and not (training and name in IN_USE):
            rule(fused)
            _prune(fused, loss)
    _prune(fused, loss)
    return fused


def _prune(fused: Lowered, loss: bool) -> None:
    """Drop the nodes that nothing needs any more."""
    needed: set[int] = set()
    stack = [*fused.losses, fused.input] if loss else [fused.output, fused.input]
    while stack:
        node = stack.pop()
        if id(node) not in needed:
            needed.add(id(node))
            stack.extend(node.inputs)
    fused.nodes = [node for node in fused.nodes if id(node) in needed]
