"""Tanh: an activation."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="Tanh", nnc="Tanh", since=1)
class Tanh(Layer):
    """Squash values into -1 to 1: y = tanh(x)."""

    type: Literal["Tanh"] = "Tanh"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Pointwise((x,), x.shape, function="tanh(x)", derivative="1 - y * y")
