"""The gradient through a ReLU that its convolution or Affine applies when it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..emit import Emitter, rows, slices, values
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def relu_gradient(em: Emitter, node: Node, da: Tensor) -> Tensor:
    """Return dy = da where the stored value is above zero, in that value's own memory: all its readers are done."""
    a = em.value(node)
    dy = em.tensor(node.op.shape) if node is em.graph.output else a
    cut = min(rows(a), slices(values(a)))

    def bind(b: Binder) -> None:
        from ...kernels import fused
        from .norm_act import lines

        b.row(fused, "relu_backward", cut, SLICES=cut, C=a.c, FLOOR=b.floor(True), **lines(b, A=a, DA=da, DY=dy))

    em.call(node, "activation backward", (a, da, dy), bind)
    return dy
