"""Normalisation within a sample, and local response normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule, slices, values
from ..tensors import Node, Scratch, Tensor

if TYPE_CHECKING:
    from ..bind import Binder

DOUBLE = 8


def _cut(x: Tensor) -> int:
    return min(x.n * x.h * x.w, slices(values(x), 2048))


def _fields(b: Binder, op: ops.Normalize, x: Tensor, stat: Scratch) -> dict[str, int]:
    from ..bind import image

    full = op.gamma is not None and len(op.gamma.shape) > 1
    sizes = {"N": x.n, "H": x.h, "W": x.w, "C": x.c, "GROUPS": op.groups or 1, "SLICES": _cut(x)}
    how = {"CENTER": int(op.center), "TOTAL": int(op.total), "EPSILON": b.keep([op.epsilon], np.float64)}
    fields = image("X", x, b) | sizes | how | {"FULL": int(full)}
    if op.gamma is not None:
        fields["GAMMA"] = b.value_of(op.gamma)
    if op.beta is not None:
        fields["BETA"] = b.value_of(op.beta)
    return fields | {"STAT": b.arena + stat.offset}


def forward(em: Emitter, node: Node) -> None:
    """y = (x - mean) / root * gamma + beta."""
    op = node.op
    assert isinstance(op, ops.Normalize)
    x, y = em.value(node.inputs[0]), em.output(node)
    pixels = 2 * x.n * x.h * x.w
    stat = em.scratch(2 * x.n * op.groups, DOUBLE) if op.groups is not None else em.scratch(pixels)
    em.saved[id(node)] = stat

    def bind(b: Binder) -> None:
        from ...kernels import normalize
        from ..bind import image

        fields = _fields(b, op, x, stat) | image("Y", y, b)
        if op.groups is None:
            b.row(normalize, "pixel_forward", fields["SLICES"], **fields)
        else:
            b.row(normalize, "group_forward", x.n, **fields)

    em.call(node, "normalisation", (x, y, stat), bind)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Gradients of gamma, beta and input."""
    op = node.op
    assert isinstance(op, ops.Normalize)
    source, stat = node.inputs[0], em.saved[id(node)]
    x = em.value(source)
    parts = x.n if op.groups is not None else _cut(x)
    part = em.scratch(2 * x.c * parts, DOUBLE)
    dx = em.tensor(source.op.shape) if em.needs(source) else None

    def bind(b: Binder) -> None:
        from ...kernels import normalize
        from ..bind import image

        fields = _fields(b, op, x, stat) | image("DY", dy, b)
        fields |= {"PART": b.arena + part.offset, "PARTS": parts} | (image("DX", dx, b) if dx is not None else {})
        b.row(normalize, "group_backward" if op.groups is not None else "pixel_backward", parts, **fields)
        if op.gamma is None or not em.trains(op.gamma):
            return
        fields["DGAMMA"] = b.gradient_of(op.gamma)
        fields["DBETA"] = b.gradient_of(op.beta) if op.beta is not None else 0
        if fields["FULL"]:
            b.row(normalize, "full_gradient", x.h, **fields)
        else:
            b.row(normalize, "channel_gradient", 1, **fields)

    touched = [t for t in (x, dy, part, stat, dx) if t is not None]
    em.call(node, "normalisation backward", touched, bind)
    if dx is not None:
        em.accept(source, dx)


def _lrn(b: Binder, op: ops.LRN, x: Tensor) -> dict[str, int]:
    hyper = b.keep([op.alpha, op.beta, op.k], np.float64)
    return {"SLICES": _cut(x), "REACH": op.size // 2, "HYPER": hyper}


def lrn_forward(em: Emitter, node: Node) -> None:
    """y = x * s^-beta."""
    op = node.op
    assert isinstance(op, ops.LRN)
    x, y = em.value(node.inputs[0]), em.output(node)

    def bind(b: Binder) -> None:
        from ...kernels import lrn
        from ..bind import pixels

        b.row(lrn, "lrn_forward", _cut(x), **_lrn(b, op, x), **pixels(b, X=x, Y=y))

    em.call(node, "local response normalisation", (x, y), bind)


def lrn_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx, with s made anew."""
    op = node.op
    assert isinstance(op, ops.LRN)
    x = em.value(node.inputs[0])

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import lrn
            from ..bind import pixels

            b.row(lrn, "lrn_backward", _cut(x), **_lrn(b, op, x), **pixels(b, X=x, DY=dy, DX=dx))

        em.call(node, "local response normalisation backward", (x, dy, dx), bind)

    em.give(node.inputs[0], make)


RULES[ops.Normalize] = Rule(forward, backward)
RULES[ops.LRN] = Rule(lrn_forward, lrn_backward)
