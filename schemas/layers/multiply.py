"""Multiply: the product of several layers."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import broadcast, repeated
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Mul", nnc="Mul2", since=1)
class Multiply(Layer):
    """Multiply the values of several layers.

    Where a size is 1, or an input is a single number, its values are repeated: (C, 1, 1) weighs channels.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Multiply"] = "Multiply"

    def infer(self, *shapes: Shape) -> Shape:
        return broadcast("Multiply", shapes)

    def lower(self, *values: Value) -> Value:
        shape = self.infer(*(v.shape for v in values))
        return ops.Multiply(repeated(values, shape), shape)
