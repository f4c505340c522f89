"""Batch normalisation: block sums, statistics, then one pass that applies them; backward likewise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule, rows
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder

PIXELS = 512
"""Pixels of a block at least; its second pass then finds them in cache."""


def _blocks(x: Tensor) -> int:
    return max(1, min(256, rows(x), rows(x) * x.w // PIXELS))


def frozen_statistics(em: Emitter, op: ops.BatchNorm) -> bool:
    """A frozen layer works with its running statistics, as in Keras: its data may be few."""
    return em.mode != "train" or not op.gamma.trainable


def norm_fields(b: Binder, op: ops.BatchNorm, frozen: bool) -> dict[str, int]:
    """Return the addresses of a normalisation's parameters and of [momentum, epsilon]."""
    key = b.graph.key(op.mean)
    if key not in b.feeds.momentum:
        b.feeds.momentum[key] = np.array([op.momentum, op.epsilon])
    hyper = b.keep(np.array([-1.0, op.epsilon]), np.float64) if frozen else int(b.feeds.momentum[key].ctypes.data)
    return {
        "GAMMA": b.value_of(op.gamma),
        "BETA": b.value_of(op.beta),
        "MEAN": b.value_of(op.mean),
        "VARIANCE": b.value_of(op.variance),
        "HYPER": hyper,
    }


def _fields(b: Binder, op: ops.BatchNorm, x: Tensor, coefficients: int, frozen: bool) -> dict[str, int]:
    sizes = {"N": x.n, "H": x.h, "W": x.w, "C": x.c, "BLOCKS": _blocks(x), "COEF": coefficients}
    return sizes | norm_fields(b, op, frozen)


def forward(em: Emitter, node: Node) -> None:
    """y = (x - mean) / std * gamma + beta, with the batch's statistics in training and the running ones in use."""
    op = node.op
    assert isinstance(op, ops.BatchNorm)
    x, y = em.value(node.inputs[0]), em.output(node)
    frozen = frozen_statistics(em, op)
    coefficients, part = em.scratch(4 * x.c), em.scratch(2 * x.c * _blocks(x))
    em.saved[id(node)] = coefficients

    def bind(b: Binder) -> None:
        from ...kernels import batch_norm
        from ..bind import image

        fields: dict[str, Any] = image("X", x, b) | image("Y", y, b)
        fields |= _fields(b, op, x, b.arena + coefficients.offset, frozen)
        if frozen:
            b.row(batch_norm, "batch_norm_running", 1, **fields)
        else:
            fields["PART"] = b.arena + part.offset
            b.row(batch_norm, "batch_norm_sums", fields["BLOCKS"], **fields)
            b.row(batch_norm, "batch_norm_statistics", 1, **fields)
        b.row(batch_norm, "batch_norm_apply", fields["BLOCKS"], **fields)

    em.call(node, "batch norm", (x, y, coefficients, part), bind)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Gradients of gamma and beta, and dx = gamma / std * (dy - mean(dy) - xhat * mean(dy * xhat))."""
    op = node.op
    assert isinstance(op, ops.BatchNorm)
    x, coefficients, frozen = em.value(node.inputs[0]), em.saved[id(node)], frozen_statistics(em, op)
    part = em.scratch(2 * x.c * _blocks(x))

    def sums(b: Binder) -> None:
        from ...kernels import batch_norm
        from ..bind import image

        fields = image("X", x, b) | image("DY", dy, b) | _fields(b, op, x, b.arena + coefficients.offset, frozen)
        fields["PART"] = b.arena + part.offset
        if em.trains(op.gamma):
            fields |= {"DGAMMA": b.gradient_of(op.gamma), "DBETA": b.gradient_of(op.beta)}
        b.row(batch_norm, "batch_norm_gradient_sums", fields["BLOCKS"], **fields)
        b.row(batch_norm, "batch_norm_gradient", 1, **fields)

    em.call(node, "batch norm gradient", (x, dy, coefficients, part), sums)

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import batch_norm
            from ..bind import image

            fields = image("X", x, b) | image("DY", dy, b) | image("DX", dx, b)
            fields |= _fields(b, op, x, b.arena + coefficients.offset, frozen)
            b.row(batch_norm, "batch_norm_backward", fields["BLOCKS"], **fields)

        em.call(node, "batch norm backward", (x, dy, dx, coefficients), bind)

    em.give(node.inputs[0], make)


RULES[ops.BatchNorm] = Rule(forward, backward)
