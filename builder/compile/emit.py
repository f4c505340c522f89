"""From a graph of operations to a list of calls: forward, loss, backward in reverse order. No kernel is touched yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas import ops

from .layouts import Layout, layout_of
from .lower import Lowered
from .tensors import Block, Node, Scratch, Tensor, image_axes

if TYPE_CHECKING:
    from .bind import Binder

Mode = Literal["predict", "evaluate", "train"]


@dataclass(eq=False)
class Call:
    """One step of a program: what it touches, and how to write its rows once every address is known."""

    layer: str
    name: str
    touches: tuple[Block, ...]
    bind: Callable[[Binder], None]
    op: ops.Op


Forward = Callable[["Emitter", Node], None]
Backward = Callable[["Emitter", Node, Tensor], None]


@dataclass(frozen=True)
class Rule:
    """How one kind of operation runs. `backward` gets the gradient of its value and gives those of its inputs."""

    forward: Forward
    backward: Backward | None = None


RULES: dict[type[ops.Op], Rule] = {}


@dataclass(frozen=True, eq=False)
class Sums:
    """Statistics of a value taken while it was made: mean and squared deviations of each block, and its pixels."""

    part: Scratch
    counts: np.ndarray


@dataclass(eq=False)
class Emitter:
    """Collects the calls of a program for one batch size."""

    graph: Lowered
    batch: int
    mode: Mode
    item: int
    lanes: int
    calls: list[Call] = field(default_factory=list)
    values: dict[int, Tensor] = field(default_factory=dict)
    gradients: dict[int, Tensor] = field(default_factory=dict)
    prediction: Tensor | None = None
    loss_units: int = 0
    wanted: set[int] = field(default_factory=set)
    saved: dict[int, Any] = field(default_factory=dict)
    sums: dict[int, Sums] = field(default_factory=dict)
    streams: dict[int, int] = field(default_factory=dict)
    readers: dict[int, list[Node]] = field(default_factory=dict)
    shared: dict[int, Scratch] = field(default_factory=dict)
    input_gradient: bool = False
    exact: bool = False
    winograd: bool = False
    backward: bool = False
    alone: set[int] = field(default_factory=set)
    """Ids of gradients that nobody else knows of: the share of another reader may be added in their memory."""

    def tensor(self, shape: Sequence[int]) -> Tensor:
        """Return a new value of a whole batch for a sample's public shape."""
        h, w, c = image_axes(tuple(shape))
        return Tensor(self.batch, h, w, c, self.item)

    def scratch(self, values: int, item: int | None = None) -> Scratch:
        return Scratch(values * (item or self.item))

    def weights(self, values: int, item: int | None = None) -> Scratch:
        """Return memory for what is made of parameters alone: in use it lasts from step to step."""
        return Scratch(values * (item or self.item), lasting=self.mode != "train")

    def value(self, node: Node) -> Tensor:
        return self.values[id(node)]

    def output(self, node: Node) -> Tensor:
        """Make the tensor of a node's value."""
        made = self.values[id(node)] = self.tensor(node.op.shape)
        return made

    def layout(self, node: Node, parameter: ops.Parameter) -> Layout:
        return layout_of(node.op, parameter, self.lanes)

    def call(self, node: Node, name: str, touches: Sequence[Block], bind: Callable[[Binder], None]) -> None:
        self.calls.append(Call(node.layer, name, tuple(touches), bind, node.op))
        self.backward = False

    def turn(self, node: Node, name: str, touches: Sequence[Block], bind: Callable[[Binder, int], None]) -> None:
        """Emit a pass that goes through its slices the other way than the call before it: what that one has just
        written or read is still in cache. `bind` takes 1 where the last slice comes first."""
        back = not self.backward
        self.call(node, name, touches, lambda b: bind(b, int(back)))
        self.backward = back

    def trains(self, parameter: ops.Parameter | None) -> bool:
        """Say whether a use of a parameter makes a gradient; where layers share it, its owner has a say too."""
        if self.mode != "train" or parameter is None or not parameter.trainable or parameter.statistic:
            return False
        return self.graph.parameters[self.graph.key(parameter)].trainable

    def needs(self, node: Node) -> bool:
        """Say whether the gradient of this node's value is of use."""
        return id(node) in self.wanted

    def give(self, node: Node, make: Callable[[Tensor], None], into: Callable[[Tensor], bool] | None = None) -> None:
        """Make this reader's share of the gradient of `node`'s value in new memory.

        `into` adds the share to the gradient that other readers have made so far, or says that it cannot.
        """
        if not self.needs(node):
            return
        before = self.gradients.get(id(node))
        if before is not None and into is not None and id(before) in self.alone and into(before):
            return
        share = self.tensor(node.op.shape)
        make(share)
        self.accept(node, share, own=True)

    def accept(self, node: Node, share: Tensor, own: bool = False) -> None:
        """Take a reader's share of the gradient of `node`'s value; shares of several readers are added in order.

        A share may be another value's gradient too, and then it is never changed. With `own` nobody else knows this
        share, and the sum may take its memory.
        """
        if not self.needs(node):
            return
        before = self.gradients.get(id(node))
        if before is not None:
            from .rules.joints import add_into

            share, own = add_into(self, node, before, share, share if own else None), True
        self.gradients[id(node)] = share
        if own:
            self.alone.add(id(share))
        else:
            self.alone.discard(id(share))  # it was the gradient of another value, and is that of two now

    def sole_reader(self, node: Node) -> Node | None:
        """Return the only node that reads this one, or None where there are several or none."""
        found = self.readers.get(id(node), [])
        return found[0] if len(found) == 1 else None

    def spare(self, node: Node) -> bool:
        """Say whether a value's memory may take its own gradient: its one reader has just used it for the last time.

        True of plain convolutions and Affines alone, whose own backward pass does not look at their value.
        """
        plain = type(node.op) in (ops.Conv2d, ops.Affine) and node is not self.graph.output
        return plain and len(self.readers.get(id(node), [])) == 1


def emit(
    graph: Lowered,
    batch: int,
    mode: Mode,
    item: int,
    vector_bytes: int,
    input_gradient: bool = False,
    exact: bool = False,
    winograd: bool = False,
) -> Emitter:
    """Return all calls of a program: 'predict', 'evaluate' (use, with loss) or 'train' (batch statistics, backward).

    `exact` keeps to direct convolutions; `winograd` takes Winograd's form wherever there is one, even in float64.
    """
    from . import rules, sharing

    rules.load()
    lanes = vector_bytes // item
    out = Emitter(graph, batch, mode, item, lanes, input_gradient=input_gradient, exact=exact, winograd=winograd)
    for node in graph.nodes:
        for source in node.inputs:
            out.readers.setdefault(id(source), []).append(node)
    if mode == "train":
        _want(out)
    for number, node in enumerate(graph.nodes):
        out.streams[id(node)] = number
        rule_of(node.op).forward(out, node)
    if out.prediction is None:
        out.prediction = out.value(graph.output)
    if mode == "train":
        uses = sharing.uses(out)
        for node in reversed(graph.nodes):
            backward = rule_of(node.op).backward
            gradient = out.gradients.get(id(node))
            if backward is not None and gradient is not None:
                with sharing.parts(out, node, uses):
                    backward(out, node, gradient)
        sharing.sums(out, uses)
    return out


def rule_of(op: ops.Op) -> Rule:
    """Return the rule of an operation's kind; a fused kind without one of its own runs as its base."""
    return next(RULES[kind] for kind in type(op).__mro__ if kind in RULES)


def _want(out: Emitter) -> None:
    """Find the nodes whose gradient leads to something that is trained."""
    for node in out.graph.nodes:
        own = any(out.trains(p) for p in node.op.parameters)
        if own or any(out.needs(i) for i in node.inputs) or (out.input_gradient and node is out.graph.input):
            out.wanted.add(id(node))


def rows(tensor: Tensor) -> int:
    return tensor.n * tensor.h


def slices(values: int, smallest: int = 8192, most: int = 64) -> int:
    """Return into how many units work on so many values is cut; it depends on the shape alone."""
    return max(1, min(most, values // smallest))


def values(tensor: Tensor) -> int:
    return math.prod((tensor.n, tensor.h, tensor.w, tensor.c))
