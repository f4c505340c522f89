"""Sigmoid: an activation."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="Sigmoid", nnc="Sigmoid", since=1)
class Sigmoid(Layer):
    """Squash values into 0 to 1: y = 1 / (1 + exp(-x))."""

    type: Literal["Sigmoid"] = "Sigmoid"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Pointwise((x,), x.shape, function="sigmoid(x)", derivative="y * (1 - y)")
