"""Softmax, and the losses: prediction, loss and its gradient in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule, slices, values
from ..fuse import SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder

LABELLED = (SoftmaxCrossEntropy, ops.CrossEntropy)
PREDICTING = (SoftmaxCrossEntropy, SigmoidBinaryCrossEntropy)
KERNELS: dict[type[ops.Op], str] = {
    SoftmaxCrossEntropy: "softmax_cross_entropy",
    SigmoidBinaryCrossEntropy: "sigmoid_binary_cross_entropy",
    ops.CrossEntropy: "cross_entropy",
    ops.BinaryCrossEntropy: "binary_cross_entropy",
    ops.SquaredError: "squared_error",
}


def softmax_forward(em: Emitter, node: Node) -> None:
    """y = softmax(x) over the channels."""
    x, y = em.value(node.inputs[0]), em.output(node)
    cut = min(x.n * x.h * x.w, slices(values(x), 2048))

    def bind(b: Binder) -> None:
        from ...kernels import losses
        from ..bind import pixels

        b.row(losses, "softmax_forward", cut, SLICES=cut, **pixels(b, X=x, Y=y))

    em.call(node, "softmax", (x, y), bind)


def softmax_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = y * (dy - sum(dy * y))."""
    y = em.value(node)
    cut = min(y.n * y.h * y.w, slices(values(y), 2048))

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import losses
            from ..bind import pixels

            b.row(losses, "softmax_backward", cut, SLICES=cut, **pixels(b, Y=y, DY=dy, DX=dx))

        em.call(node, "softmax backward", (y, dy, dx), bind)

    em.give(node.inputs[0], make)


def loss_forward(em: Emitter, node: Node) -> None:
    """Loss of the batch; in training also the gradient of the loss's input, in the same pass."""
    op = node.op
    source = node.inputs[0]
    x = em.value(source)
    y = em.tensor(source.op.shape) if isinstance(op, PREDICTING) else None
    if y is not None:
        em.prediction = y
    dx: list[Tensor] = []
    em.give(source, dx.append)
    pixels_ = x.n * x.h * x.w
    cut = min(pixels_, slices(values(x), 2048))
    part = em.scratch(cut, 8)
    touches = [t for t in (x, y, *dx, part) if t is not None]

    def bind(b: Binder) -> None:
        from ...kernels import losses
        from ..bind import pixels

        count = pixels_ if isinstance(op, LABELLED) else values(x)
        fields = pixels(b, X=x, **({"Y": y} if y is not None else {}), **({"DX": dx[0]} if dx else {}))
        fields |= {
            "SLICES": cut,
            "LABEL": int(b.feeds.labels.ctypes.data),
            "TARGET": int(b.feeds.targets.ctypes.data),
            "WEIGHT": int(b.feeds.weights.ctypes.data),
            "PART": b.arena + part.offset,
            "GAIN": b.keep([1.0 / count], np.float64),
            "TOTAL": int(b.feeds.loss.ctypes.data),
        }
        b.row(losses, KERNELS[type(op)], cut, **fields)
        b.row(losses, "loss_total", 1, **fields)

    em.call(node, "loss", touches, bind)


RULES[ops.Softmax] = Rule(softmax_forward, softmax_backward)
for _op in KERNELS:
    RULES[_op] = Rule(loss_forward)
