"""Deconvolution: the transpose of a convolution, so its forward pass is that one's gradient of the input."""

from __future__ import annotations

from schemas import ops

from ..emit import RULES, Emitter, Rule
from ..tensors import Node, Tensor
from . import depthwise
from .bias import bias_gradient
from .convolution import convolve_tiles, transposed, weights


def forward(em: Emitter, node: Node) -> None:
    """y = transposed convolution of x, plus bias."""
    op = node.op
    assert isinstance(op, ops.Deconv2d)
    x = em.value(node.inputs[0])
    transposed(em, node, op, x, em.output(node), op.bias)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Gradients of weight, bias and input; x and dy change places."""
    op = node.op
    assert isinstance(op, ops.Deconv2d)
    x = em.value(node.inputs[0])
    if em.trains(op.weight):
        weights(em, node, op, dy, x)
    if op.bias is not None and em.trains(op.bias):
        bias_gradient(em, node, op.bias, dy, 1 if op.depthwise else op.groups)
    convolve = depthwise.convolve if op.depthwise else convolve_tiles
    em.give(node.inputs[0], lambda dx: convolve(em, node, op, dy, dx, None))


RULES[ops.Deconv2d] = Rule(forward, backward)
