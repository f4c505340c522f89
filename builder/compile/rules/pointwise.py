"""Activations: one function of each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops
from schemas.expression import derive, parse as read

from ..emit import RULES, Emitter, Rule, rows, slices, values
from ..expression import Program, parse, program as compiled
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
    return {"KIND": 0, **fields_of(b, parse(text))}


def fields_of(b: Binder, program: Program) -> dict[str, int]:
    """Return the fields of a stack program."""
    constants = b.keep([*program.constants, 0.0], np.float64)
    return {
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
            if own:
                code = _program(b, op.function, own)
            elif op.derivative is None:
                code = {"KIND": 0, **fields_of(b, compiled(derive(read(op.function, ("x",)), "x")))}
            else:
                code = _program(b, op.derivative, own)
            b.row(pointwise, "pointwise_backward", cut, SLICES=cut, **fields, **code)

        from ...kernels.codes import KINDS

        reads = (y,) if op.function in KINDS else (x, y)
        em.call(node, "activation backward", (*reads, dy, dx), bind)

    em.give(node.inputs[0], make)


RULES[ops.Pointwise] = Rule(forward, backward)
