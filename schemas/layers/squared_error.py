"""SquaredError: the loss for regression."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="SquaredError", since=1)
class SquaredError(Layer):
    """Loss for numbers: (y - t)^2, the mean over batch and outputs, without the factor 1/2."""

    type: Literal["SquaredError"] = "SquaredError"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return ()

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.SquaredError((x,), ())
