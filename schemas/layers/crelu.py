"""CReLU: an activation."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx=None, nnc="CReLU", since=1)
class CReLU(Layer):
    """Keep positive and negative values apart: ReLU(x) and ReLU(-x) behind each other, twice as many channels.

    Shang et al. 2016.
    """

    type: Literal["CReLU"] = "CReLU"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return (2 * x[0], *x[1:])

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        positive = ops.Pointwise((x,), x.shape, function="max(x, 0)", derivative="where(x > 0, 1, 0)")
        negative = ops.Pointwise((x,), x.shape, function="max(-x, 0)", derivative="where(x < 0, -1, 0)")
        return ops.Concatenate((positive, negative), self.infer(x.shape), 0)
