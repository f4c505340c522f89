"""Divide: arithmetic of several inputs."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import broadcast, repeated
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Div", nnc="Div2", since=1)
class Divide(Layer):
    """Divide the values of the first layer by those of the others.

    Where a size is 1, or an input is a single number, its values are repeated.
    Division by zero gives infinity or NaN, and training stops there.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Divide"] = "Divide"

    def infer(self, *shapes: Shape) -> Shape:
        return broadcast("Divide", shapes)

    def lower(self, *values: Value) -> Value:
        shape = self.infer(*(v.shape for v in values))
        result, *others = repeated(values, shape)
        for other in others:
            result = ops.Binary((result, other), shape, function="x / y")
        return result
