"""Enlarging images by tables of which inputs an output reads, and with what weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule
from ..tensors import Node, Tensor

if TYPE_CHECKING:
    from ..bind import Binder


def _table(
    b: Binder, prefix: str, count: int, place: np.ndarray, at: np.ndarray, weights: np.ndarray
) -> dict[str, int]:
    """Return the fields of one axis: for each of `count` targets at `place` the sources `at` and their weights."""
    order = np.argsort(place, kind="stable")
    name = prefix.removesuffix("S")
    return {
        prefix: b.keep(np.searchsorted(place[order], np.arange(count + 1))),
        f"{name}_AT": b.keep(at[order]),
        f"{name}_WEIGHTS": b.keep(weights[order], np.float64),
    }


def _resample(em: Emitter, node: Node, source: Tensor, target: Tensor, back: bool) -> None:
    op = node.op
    assert isinstance(op, ops.Resample)
    small, large = (target, source) if back else (source, target)

    def bind(b: Binder) -> None:
        from ...kernels import resample
        from ..bind import image

        fields = image("X", source, b) | image("Y", target, b) | {"OH": target.h, "OW": target.w, "C": target.c}
        for prefix, size, out in (("ROWS", small.h, large.h), ("COLUMNS", small.w, large.w)):
            outputs, inputs, weights = resample.axis_entries(size, out, op.mode, op.align_corners)
            pair = (inputs, outputs) if back else (outputs, inputs)
            fields |= _table(b, prefix, size if back else out, *pair, weights)
        b.row(resample, "resample", target.n * target.h, **fields)

    em.call(node, "resample backward" if back else "resample", (source, target), bind)


def forward(em: Emitter, node: Node) -> None:
    """y = x enlarged."""
    _resample(em, node, em.value(node.inputs[0]), em.output(node), back=False)


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx gathers dy by the transposed tables."""
    em.give(node.inputs[0], lambda dx: _resample(em, node, dy, dx, back=True))


RULES[ops.Resample] = Rule(forward, backward)
