"""Activations: one function of each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule, rows, slices, values
from ..expression import parse
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def _program(b: Binder, text: str, own: bool) -> dict[str, int]:
    """Return the fields of a program; `own`: `text` is a function with a loop of its own, and backward means that."""
    from ...kernels.pointwise import KINDS

    if own:
        return {
            "KIND": KINDS[text],
            "CODE": b.keep([0]),
            "CONSTANTS": b.keep([0.0], np.float64),
            "NCODE": 0,
            "DEPTH": 1,
        }
    program = parse(text)
    constants = b.keep([*program.constants, 0.0], np.float64)
    return {
        "KIND": 0,
        "CODE": b.keep(program.code),
        "NCODE": len(program.code) // 2,
        "CONSTANTS": constants,
        "DEPTH": program.depth,
    }


def forward(em: Emitter, node: Node) -> None:
    """y = f(x)."""
    op = node.op
    assert isinstance(op, ops.Pointwise)
    x, y = em.value(node.inputs[0]), em.output(node)
    cut = min(rows(y), slices(values(y)))

    def bind(b: Binder) -> None:
        from ...kernels import pointwise
        from ..bind import strided

        b.row(
            pointwise,
            "pointwise_forward",
            cut,
            SLICES=cut,
            **strided(b, "L", X=x, Y=y),
            **_program(b, op.function, op.function in pointwise.KINDS),
        )

    em.call(node, "activation", (x, y), bind)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = dy * f'(x)."""
    op = node.op
    assert isinstance(op, ops.Pointwise)
    x, y = em.value(node.inputs[0]), em.value(node)
    cut = min(rows(y), slices(values(y)))

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import pointwise
            from ..bind import strided

            own = op.function in pointwise.KINDS
            # The loops of their own read y alone; x may then share its memory with something else.
            source = y if own else x
            fields = strided(b, "L", X=source, Y=y, DY=dy, DX=dx)
            b.row(
                pointwise,
                "pointwise_backward",
                cut,
                SLICES=cut,
                **fields,
                **_program(b, op.function if own else op.derivative, own),
            )

        from ...kernels.codes import KINDS

        reads = (y,) if op.function in KINDS else (x, y)
        em.call(node, "activation backward", (*reads, dy, dx), bind)

    em.give(node.inputs[0], make)


RULES[ops.Pointwise] = Rule(forward, backward)
