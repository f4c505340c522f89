"""Values and gradients inside a network in use: running statistics, no Dropout, nothing fused away.

The network is not changed. Its graph is copied with every parameter frozen, which is what makes the engine's backward
pass work with running statistics, and with a loss whose gradient is one chosen score's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from builder.compile.fuse import RULES, no_dropout_in_use
from builder.compile.lower import Lowered
from builder.compile.program import Program
from builder.compile.tensors import Node
from builder.targets import inputs
from schemas import ops
from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import shape_text
from schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from builder.network import Network

ROOM = 128 << 20
"""Bytes of values that are kept at once."""
MOST = 64
"""Samples that are looked at together at most."""
ALL = frozenset(RULES)


def layer_names(net: Network) -> list[str]:
    """Return the layers that have a value to look at, in order: all but losses and what only auxiliary losses need."""
    reads = {item.name: item.inputs for item in net.checked.layers}
    needed, stack = set(), [net.checked.output]
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += reads.get(name, ())
    return [name for name in net.graph.layers if name != "Input" and name in needed]


def losses_of(net: Network) -> tuple[str, ...]:
    """Return the names of the loss layers."""
    return (net.checked.loss, *net.checked.auxiliary)


def find(net: Network, layer: str) -> Node:
    """Return the node of a layer's value, or raise UsageError with the name that was probably meant."""
    if layer in losses_of(net):
        raise UsageError(
            say("{layer!r} is the loss: it has no value to look at. Look at the layers before it.", layer=layer)
        )
    if layer not in net.graph.layers:
        meant = did_you_mean(layer, ["Input", *layer_names(net)], {})
        known = ", ".join(layer_names(net)[:12])
        hint = say("did you mean {name!r}?", name=meant[0]) if meant else say("its layers are {names}.", names=known)
        raise UsageError(say("The network has no layer {layer!r}: {hint}", layer=layer, hint=hint))
    if layer != "Input" and net.checked.auxiliary and layer not in layer_names(net):
        raise UsageError(
            say("Layer {layer!r} belongs to an auxiliary loss: it is there in training alone.", layer=layer)
        )
    return net.graph.layers[layer]


def shape_of(net: Network, layer: str) -> tuple[int, ...]:
    """Return the shape of a layer's value for one sample."""
    return tuple(find(net, layer).op.shape)


def grid(net: Network) -> tuple[int, int, int] | None:
    """Return (C, H, W) of the network's input; None where it is a table.

    A row of values (C, L) is an image of height 1. A Reshape that the network begins with says what the values are.
    """
    shape = tuple(net.input_shape)
    readers = [node.op for node in net.graph.nodes if net.graph.input in node.inputs]
    formed = {tuple(op.shape) for op in readers if isinstance(op, ops.Reshape) and math.prod(op.shape[1:]) > 1}
    if len(formed) == 1 and all(isinstance(op, ops.Reshape) for op in readers):
        (shape,) = formed
    if len(shape) == 2 and shape[1] > 1:
        shape = (shape[0], 1, shape[1])
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else None


def images(net: Network, what: str) -> tuple[int, int, int]:
    """Return (C, H, W) of the network's input, or raise UsageError where it reads no images."""
    shape = grid(net)
    if shape is None:
        raise UsageError(
            say(
                "{what} needs images, but this network reads {shape} numbers from a table.",
                what=what,
                shape=shape_text(tuple(net.input_shape)),
            )
        )
    return shape


def planes(values: np.ndarray) -> np.ndarray:
    """Return values (N, C, L) as images of height 1; all others as they are."""
    return values[:, :, None] if values.ndim == 3 else values


def values(net: Network, x: Any, layers: Sequence[str]) -> dict[str, np.ndarray]:
    """Return {layer: its values (N, *shape)} for samples x (N, ...), as in use."""
    for name in layers:
        find(net, name)
    given = inputs(x, net.input_shape, net.params.dtype)
    found = {name: np.empty((len(given), *shape_of(net, name)), net.params.dtype) for name in layers}
    size = _batch(net.graph, len(given))
    if not size:
        return found
    program = Program(net.graph, net.params, size, "predict", without=ALL, keep_all=True)
    for start in range(0, len(given), size):
        stop = min(start + size, len(given))
        program.feeds.inputs[: stop - start] = given[start:stop]
        program.run(net.threads)
        for name, out in found.items():
            out[start:stop] = _view(program, name)[: stop - start]
    return found


def score_shape(net: Network) -> tuple[int, ...]:
    """Return the shape of the scores: what goes into the head's Softmax or Sigmoid, or the output where none is."""
    return tuple(score_node(net.graph).op.shape)


def score_gradients(
    net: Network, x: Any, outputs: Sequence[int], layers: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return (scores (N, K, ...), values by layer, gradients by layer) for samples x (N, ...).

    The gradient of sample i is that of its own score `outputs[i]` with respect to the layer's value, the score being
    the input of the head's Softmax or Sigmoid (summed over the pixels where the head has any). "Input" is the
    network's input. Raises UsageError where a layer does not lie before the scores.
    """
    for name in layers:
        find(net, name)
    given = inputs(x, net.input_shape, net.params.dtype)
    shape = score_shape(net)
    if len(outputs) != len(given) or not all(0 <= k < shape[0] for k in outputs):
        raise UsageError(
            say(
                "Give an output from 0 to {last} for each of the {count} samples.",
                last=shape[0] - 1,
                count=len(given),
            )
        )
    if not len(given):
        raise UsageError(say("There is no sample: give at least one."))
    graph = _frozen(net.graph)
    size = _batch(graph, len(given))
    program = Program(graph, net.params, size, "train", without=ALL, keep_all=True, input_gradient=True)
    for name in layers:
        if id(_made(program, name)) not in program.emitted.gradients:
            raise UsageError(
                say("Layer {name!r} does not lie before the scores, so they have no gradient there.", name=name)
            )
    scores = np.empty((len(given), *shape), net.params.dtype)
    seen = {name: np.empty((len(given), *shape_of(net, name)), net.params.dtype) for name in layers}
    slopes = {name: np.empty_like(value) for name, value in seen.items()}
    half = size * math.prod(shape) / 2
    for start in range(0, len(given), size):
        n = min(size, len(given) - start)
        program.feeds.inputs[:n] = given[start : start + n]
        program.run(net.threads)
        scores[start : start + n] = program.output[:n]
        # The loss is mean((y - t)^2): with t = y - e * half its gradient is e, one at the chosen outputs.
        wanted = program.output.copy()
        for i in range(n):
            wanted[i, outputs[start + i]] -= half
        program.feeds.targets.reshape(size, -1)[:] = np.moveaxis(wanted, 1, -1).reshape(size, -1)
        program.run(net.threads)
        for name in layers:
            seen[name][start : start + n] = _view(program, name)[:n]
            slope = program.view(program.emitted.gradients[id(_made(program, name))])
            slopes[name][start : start + n] = slope.reshape(size, *shape_of(net, name))[:n]
    return scores, seen, slopes


def score_node(graph: Lowered) -> Node:
    """Return the node of the scores: what goes into the head's Softmax or Sigmoid."""
    head = graph.output
    smooth = isinstance(head.op, ops.Softmax) or (
        isinstance(head.op, ops.Pointwise) and head.op.function == "sigmoid(x)"
    )
    return head.inputs[0] if smooth else head


def samples_for(net: Network, most: int, *, work: float = 0, room: float = 0) -> int:
    """Return how many samples, at most `most`, fit into `work` multiply-adds or `room` bytes of values."""
    if work:
        most = min(most, int(work // max(1, net.report.totals["multiply_adds"] or 0)))
    if room:
        most = min(most, int(room // (sum(math.prod(node.op.shape) for node in net.graph.nodes) * 8)))
    return max(2, most)


def _batch(graph: Lowered, count: int) -> int:
    """Return how many samples fit at once with every value and gradient kept."""
    sample = sum(math.prod(node.op.shape) for node in graph.nodes) * 8
    return min(count, MOST, max(1, ROOM // max(sample, 1)))


def _made(program: Program, layer: str) -> Node:
    """Return the node whose tensor holds a layer's values: a Reshape that only Affine reads is not carried out."""
    node = program.graph.layers[layer]
    while id(node) not in program.emitted.values and isinstance(node.op, ops.Reshape):
        node = node.inputs[0]
    return node


def _view(program: Program, layer: str) -> np.ndarray:
    """Return a layer's present values as (N, *shape)."""
    tensor = program.emitted.values[id(_made(program, layer))]
    return program.view(tensor).reshape(program.batch, *program.graph.layers[layer].op.shape)


def _frozen(graph: Lowered) -> Lowered:
    """Return a copy of the graph for use: parameters frozen, no Dropout, the scores as output under SquaredError."""
    keys: dict[int, str] = {}
    frozen: dict[int, ops.Parameter] = {}

    def still(parameter: ops.Parameter) -> ops.Parameter:
        if id(parameter) not in frozen:
            frozen[id(parameter)] = made = replace(parameter, trainable=False)
            keys[id(made)] = graph.key(parameter)
        return frozen[id(parameter)]

    copies: dict[int, Node] = {}
    for node in graph.nodes:
        held = {f.name: getattr(node.op, f.name) for f in fields(node.op)}
        swaps: dict[str, Any] = {n: still(v) for n, v in held.items() if isinstance(v, ops.Parameter)}
        copies[id(node)] = Node(replace(node.op, **swaps), [], node.layer)
    for node in graph.nodes:
        copies[id(node)].inputs = [copies[id(i)] for i in node.inputs]
    score = copies[id(score_node(graph))]
    loss = Node(ops.SquaredError((score.op,), ()), [score], graph.loss.layer)
    made = Lowered(
        copies[id(graph.input)],
        score,
        loss,
        [*copies.values(), loss],
        {name: copies[id(node)] for name, node in graph.layers.items()},
        {keys[id(p)]: p for p in frozen.values()},
        keys,
    )
    no_dropout_in_use(made)
    return made
