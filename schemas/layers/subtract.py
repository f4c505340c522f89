"""Subtract: arithmetic of several inputs."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import broadcast, repeated
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Sub", nnc="Sub2", since=1)
class Subtract(Layer):
    """Subtract the values of the other layers from those of the first.

    Where a size is 1, or an input is a single number, its values are repeated.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Subtract"] = "Subtract"

    def infer(self, *shapes: Shape) -> Shape:
        return broadcast("Subtract", shapes)

    def lower(self, *values: Value) -> Value:
        shape = self.infer(*(v.shape for v in values))
        result, *others = repeated(values, shape)
        for other in others:
            result = ops.Binary((result, other), shape, function="x - y")
        return result
