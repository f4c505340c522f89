"""Enlarging images by tables of which inputs an output reads, and with what weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def _table(b: Binder, prefix: str, weights: np.ndarray) -> dict[str, int]:
    """Return the fields of one axis: a matrix (outputs, inputs) as lists of what is not zero."""
    place, at = np.nonzero(weights)
    starts = np.searchsorted(place, np.arange(len(weights) + 1))
    name = prefix.removesuffix("S")
    return {
        prefix: b.keep(starts),
        f"{name}_AT": b.keep(at if len(at) else [0]),
        f"{name}_WEIGHTS": b.keep(weights[place, at] if len(at) else [0.0], np.float64),
    }


def _resample(em: Emitter, node: Node, source: Tensor, target: Tensor, back: bool) -> None:
    op = node.op
    assert isinstance(op, ops.Resample)
    small, large = (target, source) if back else (source, target)

    def bind(b: Binder) -> None:
        from ...kernels import resample
        from ..bind import image

        axes = [
            resample.axis_weights(size, out, op.mode, op.align_corners)
            for size, out in ((small.h, large.h), (small.w, large.w))
        ]
        rows, columns = (weights.T if back else weights for weights in axes)
        fields = image("X", source, b) | image("Y", target, b) | {"OH": target.h, "OW": target.w, "C": target.c}
        fields |= _table(b, "ROWS", rows) | _table(b, "COLUMNS", columns)
        b.row(resample, "resample", target.n * target.h, **fields)

    em.call(node, "resample backward" if back else "resample", (source, target), bind)


def forward(em: Emitter, node: Node) -> None:
    """y = x enlarged."""
    _resample(em, node, em.value(node.inputs[0]), em.output(node), back=False)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx gathers dy by the transposed tables."""
    em.give(node.inputs[0], lambda dx: _resample(em, node, dy, dx, back=True))


RULES[ops.Resample] = Rule(forward, backward)
