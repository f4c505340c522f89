"""Formulas of two values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops
from schemas.expression import Term, derive, parse

from ..emit import RULES, Emitter, Rule, rows, slices, values
from ..expression import program
from ..tensors import Node, Tensor
from .pointwise import fields_of

if TYPE_CHECKING:
    from ..bind import Binder


def _term(node: Node) -> Term:
    assert isinstance(node.op, ops.Binary)
    return parse(node.op.function)


def forward(em: Emitter, node: Node) -> None:
    """y = f(a, b)."""
    a, b, y = em.value(node.inputs[0]), em.value(node.inputs[1]), em.output(node)
    cut = min(rows(y), slices(values(y)))

    def bind(binder: Binder) -> None:
        from ...kernels import binary
        from ..bind import strided

        code = fields_of(binder, program(_term(node)))
        binder.row(binary, "binary_forward", cut, SLICES=cut, **strided(binder, "L", A=a, B=b, Y=y), **code)

    em.call(node, "formula", (a, b, y), bind)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """da = dy * df/da, db = dy * df/db."""
    a, b = em.value(node.inputs[0]), em.value(node.inputs[1])
    cut = min(rows(dy), slices(values(dy)))
    for name, source in zip("xy", node.inputs, strict=True):
        code = program(derive(_term(node), name))

        def make(dx: Tensor, code: object = code) -> None:
            def bind(binder: Binder) -> None:
                from ...kernels import binary
                from ..bind import strided

                fields = strided(binder, "L", A=a, B=b, Y=dx, DY=dy)
                binder.row(binary, "binary_backward", cut, SLICES=cut, **fields, **fields_of(binder, code))  # type: ignore[arg-type]  # a Program, bound early

            em.call(node, "formula backward", (a, b, dy, dx), bind)

        em.give(source, make)


RULES[ops.Binary] = Rule(forward, backward)
