"""The gradient through a ReLU that its convolution or Affine applies when it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops

from ..emit import Emitter, rows, slices, values
from ..tensors import Node, Tensor
from .bias import add_sums

if TYPE_CHECKING:
    from ..bind import Binder


def relu_gradient(em: Emitter, node: Node, da: Tensor, bias: ops.Parameter | None = None) -> Tensor:
    """Return dy = da where the stored value is above zero, in that value's own memory: all its readers are done.

    The gradient of `bias`, the sum of dy over batch and pixels, is found in the same pass.
    """
    a = em.value(node)
    dy = em.tensor(node.op.shape) if node is em.graph.output else a
    cut = min(rows(a), slices(values(a)))
    part = em.scratch(cut * a.c if bias is not None else 0)

    def bind(b: Binder) -> None:
        from ...kernels import fused
        from .norm_act import lines

        at = b.arena + part.offset if bias is not None else 0
        fields = lines(b, A=a, DA=da, DY=dy) | {"C": a.c, "SLICES": cut, "PART": at, "FLOOR": b.floor(True)}
        b.row(fused, "relu_backward", cut, **fields)
        if bias is not None:
            add_sums(b, at, cut, a.c, b.gradient_of(bias))

    em.call(node, "activation backward", (a, da, dy, part), bind)
    return dy
