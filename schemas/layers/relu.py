"""ReLU: an activation."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="Relu", nnc="ReLU", since=1)
class ReLU(Layer):
    """Keep positive values, make the others zero: y = max(x, 0)."""

    type: Literal["ReLU"] = "ReLU"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Pointwise((x,), x.shape, function="max(x, 0)", derivative="where(x > 0, 1, 0)")
