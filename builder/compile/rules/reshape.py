"""Reshape: the values keep their (C, H, W) order, so in NHWC memory they move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops

from ..emit import RULES, Emitter, Rule, values
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def _move(em: Emitter, node: Node, source: Tensor, target: Tensor) -> None:
    """Write source as (N, C, H, W) and read that as target."""
    flat = em.scratch(values(source))

    def bind(b: Binder) -> None:
        from ...kernels import layout
        from ..bind import image

        at = b.arena + flat.offset
        for kernel, t in (("to_nchw", source), ("from_nchw", target)):
            b.row(layout, kernel, t.n, FLAT=at, C=t.c, H=t.h, W=t.w, **image("X", t, b))

    em.call(node, "reshape", (source, target, flat), bind)


def forward(em: Emitter, node: Node) -> None:
    """y has x's values in (C, H, W) order."""
    x = em.value(node.inputs[0])
    _move(em, node, x, em.output(node))


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx has dy's values in (C, H, W) order."""
    em.give(node.inputs[0], lambda dx: _move(em, node, dy, dx))


RULES[ops.Reshape] = Rule(forward, backward)
