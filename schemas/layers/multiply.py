"""Multiply the values of several layers of equal shape."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import same_shape
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Mul", nnc="Mul2", since=1)
class Multiply(Layer):
    """Multiply the values of several layers of equal shape."""

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Multiply"] = "Multiply"

    def infer(self, *shapes: Shape) -> Shape:
        return same_shape("Multiply", shapes)

    def lower(self, *values: Value) -> Value:
        return ops.Multiply(values, self.infer(*(v.shape for v in values)))
