"""Max, average and global average pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops

from ..emit import RULES, Emitter, Rule
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def _window(op: ops.Op, x: Tensor, y: Tensor) -> dict[str, int]:
    """Return the fields of the window; global pooling is one window over the whole image."""
    fields = {"C": x.c, "IH": x.h, "IW": x.w, "OH": y.h, "OW": y.w}
    if isinstance(op, ops.GlobalAveragePool):
        return fields | {"KH": x.h, "KW": x.w, "SH": 1, "SW": 1}
    assert isinstance(op, ops.MaxPool2d | ops.AveragePool2d)
    (top, bottom), (left, right) = op.padding
    fields |= {"KH": op.kernel[0], "KW": op.kernel[1], "SH": op.stride[0], "SW": op.stride[1], "TOP": top, "LEFT": left}
    divisor = (2 if op.total else int(op.include_padding)) if isinstance(op, ops.AveragePool2d) else 0
    return fields | {"BOTTOM": bottom, "RIGHT": right, "PADDED": divisor}


def _kernel(op: ops.Op) -> str:
    return "max_pool" if isinstance(op, ops.MaxPool2d) else "average_pool"


def forward(em: Emitter, node: Node) -> None:
    """y = largest or mean of each window."""
    x, y = em.value(node.inputs[0]), em.output(node)

    def bind(b: Binder) -> None:
        from ...kernels import pooling
        from ..bind import image

        fields = image("X", x, b) | image("Y", y, b) | _window(node.op, x, y)
        b.row(pooling, f"{_kernel(node.op)}_forward", y.n * y.h, **fields)

    em.call(node, "pooling", (x, y), bind)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx from dy; the winner of a window is found again by comparing, so that nothing need be stored."""
    x, y = em.value(node.inputs[0]), em.value(node)

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            from ...kernels import pooling
            from ..bind import image

            fields = image("DX", dx, b) | image("DY", dy, b) | _window(node.op, x, y)
            if isinstance(node.op, ops.MaxPool2d):
                fields |= image("X", x, b) | image("Y", y, b)
            b.row(pooling, f"{_kernel(node.op)}_backward", x.n, **fields)

        reads = (x, y) if isinstance(node.op, ops.MaxPool2d) else ()
        em.call(node, "pooling backward", (dx, dy, *reads), bind)

    em.give(node.inputs[0], make)


for _op in (ops.MaxPool2d, ops.AveragePool2d, ops.GlobalAveragePool):
    RULES[_op] = Rule(forward, backward)
