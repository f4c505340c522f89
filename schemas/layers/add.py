"""Add: the sum of several layers."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import broadcast, repeated
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Add", nnc="Add2", since=1)
class Add(Layer):
    """Add the values of several layers; a skip connection ends here.

    Where a size is 1, or an input is a single number, its values are repeated.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Add"] = "Add"

    def infer(self, *shapes: Shape) -> Shape:
        return broadcast("Add", shapes)

    def lower(self, *values: Value) -> Value:
        shape = self.infer(*(v.shape for v in values))
        return ops.Add(repeated(values, shape), shape)
