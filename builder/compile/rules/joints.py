"""The network's input, sums, products, Concatenate and Dropout."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Forward, Rule, rows, slices, values
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def combine(em: Emitter, node: Node, kernel: str, a: Tensor, b: Tensor, y: Tensor) -> None:
    """y = a + b or y = a * b; y may be a."""
    cut = min(rows(y), slices(values(y)))

    def bind(binder: Binder, back: int) -> None:
        from ...kernels import elementwise
        from ..bind import strided

        binder.row(elementwise, kernel, cut, SLICES=cut, BACK=back, **strided(binder, "L", A=a, B=b, Y=y))

    em.turn(node, kernel, (a, b, y), bind)


def add_into(em: Emitter, node: Node, a: Tensor, b: Tensor, y: Tensor | None = None) -> Tensor:
    """Return a + b, in the memory of `y` (which may be b) or in new memory."""
    y = em.tensor(node.op.shape) if y is None else y
    combine(em, node, "add", a, b, y)
    return y


def copy(em: Emitter, node: Node, source: Tensor, target: Tensor, part: tuple[int, int, int], into: bool) -> None:
    """Copy the smaller tensor into (`into`) or out of the larger one, at (row, column, channel) `part` of it."""
    small, large = (source, target) if into else (target, source)

    def bind(b: Binder) -> None:
        from ...kernels import elementwise

        place = b.at(large) + part[0] * large.row + part[1] * large.pixel + part[2] * large.item
        one = (b.at(small), small.image, small.row, small.pixel)
        other = (place, large.image, large.row, large.pixel)
        a, y = (one, other) if into else (other, one)
        names = zip(("A", "A0", "A1", "A2", "Y", "Y0", "Y1", "Y2"), (*a, *y), strict=True)
        cut = min(rows(small), slices(values(small)))
        fields = dict(names) | {"D0": small.n, "D1": small.h, "D2": small.w, "L": small.c, "SLICES": cut}
        b.row(elementwise, "copy", cut, **fields)

    em.call(node, "copy", (source, target), bind)


def input_forward(em: Emitter, node: Node) -> None:
    """x = the user's (N, C, H, W) in the engine's layout."""
    x = em.output(node)

    def bind(b: Binder) -> None:
        from ...kernels import layout
        from ..bind import image

        b.row(layout, "from_nchw", x.n, FLAT=int(b.feeds.inputs.ctypes.data), C=x.c, H=x.h, W=x.w, **image("X", x, b))

    em.call(node, "input", (x,), bind)


def chain_forward(kernel: str) -> Forward:
    """Return the forward rule of an n-ary sum or product, from left to right."""

    def forward(em: Emitter, node: Node) -> None:
        inputs = [em.value(i) for i in node.inputs]
        y = em.output(node)
        combine(em, node, kernel, inputs[0], inputs[1], y)
        for more in inputs[2:]:
            combine(em, node, kernel, y, more, y)

    return forward


def add_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Each input's gradient is dy itself."""
    for source in node.inputs:
        em.accept(source, dy)


def multiply_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Each input's gradient is dy times the product of the others."""
    for number, source in enumerate(node.inputs):
        others = [em.value(i) for k, i in enumerate(node.inputs) if k != number]

        def make(dx: Tensor, others: list[Tensor] = others) -> None:
            combine(em, node, "multiply", dy, others[0], dx)
            for more in others[1:]:
                combine(em, node, "multiply", dx, more, dx)

        em.give(source, make)


def _places(em: Emitter, node: Node) -> list[tuple[int, int, int]]:
    """Return where each input of a Concatenate begins: (row, column, channel)."""
    op = node.op
    assert isinstance(op, ops.Concatenate)
    found, at = [], 0
    axis = {1: (2,), 2: (2, 1), 3: (2, 0, 1)}[len(op.shape)][op.axis]
    for source in node.inputs:
        place = [0, 0, 0]
        place[axis] = at
        found.append((place[0], place[1], place[2]))
        at += source.op.shape[op.axis]
    return found


def concatenate_forward(em: Emitter, node: Node) -> None:
    """Copy every input to its place."""
    y = em.output(node)
    for source, place in zip(node.inputs, _places(em, node), strict=True):
        copy(em, node, em.value(source), y, place, into=True)


def concatenate_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Copy every input's share out of dy."""
    for source, place in zip(node.inputs, _places(em, node), strict=True):
        em.give(source, functools.partial(_copy_out, em, node, dy, place))


def _copy_out(em: Emitter, node: Node, dy: Tensor, place: tuple[int, int, int], dx: Tensor) -> None:
    copy(em, node, dy, dx, place, into=False)


def _drop(em: Emitter, node: Node, a: Tensor, y: Tensor) -> None:
    op = node.op
    assert isinstance(op, ops.Dropout)
    cut = min(rows(y), slices(values(y)))

    def bind(b: Binder) -> None:
        from ...kernels import elementwise
        from ..bind import pixels

        # Rows are pixels whatever the border, so that a value's random number depends on its position alone.
        fields = pixels(b, A=a, Y=y)
        fields["L"] = fields.pop("C")
        threshold = min(round(op.p * 2**32), 2**32 - 1)
        key = int(b.feeds.key.ctypes.data)
        kernel = "dropout_channels" if op.channels else "dropout"
        b.row(elementwise, kernel, cut, SLICES=cut, KEY=key, STREAM=em.streams[id(node)], THRESHOLD=threshold, **fields)

    em.call(node, "dropout", (a, y), bind)


def dropout_forward(em: Emitter, node: Node) -> None:
    """Drop values; the same mask comes again in backward."""
    x = em.value(node.inputs[0])
    _drop(em, node, x, em.output(node))


def dropout_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = dy through the same mask."""
    em.give(node.inputs[0], lambda dx: _drop(em, node, dy, dx))


def noise_forward(em: Emitter, node: Node) -> None:
    """y = x + noise; its gradient is dy itself."""
    op = node.op
    assert isinstance(op, ops.GaussianNoise)
    x, y = em.value(node.inputs[0]), em.output(node)
    cut = min(rows(y), slices(values(y)))

    def bind(b: Binder) -> None:
        from ...kernels import elementwise
        from ..bind import pixels

        fields = pixels(b, A=x, Y=y)
        fields["L"] = fields.pop("C")
        fields |= {"KEY": int(b.feeds.key.ctypes.data), "STREAM": em.streams[id(node)]}
        b.row(elementwise, "gaussian_noise", cut, SLICES=cut, B=b.keep([op.std], np.float64), **fields)

    em.call(node, "noise", (x, y), bind)


RULES[ops.GaussianNoise] = Rule(noise_forward, add_backward)
RULES[ops.Input] = Rule(input_forward)
RULES[ops.Add] = Rule(chain_forward("add"), add_backward)
RULES[ops.Multiply] = Rule(chain_forward("multiply"), multiply_backward)
RULES[ops.Concatenate] = Rule(concatenate_forward, concatenate_backward)
RULES[ops.Dropout] = Rule(dropout_forward, dropout_backward)
