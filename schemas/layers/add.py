"""Add the values of several layers of equal shape; a skip connection ends here."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..joints import same_shape
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="Add", nnc="Add2", since=1)
class Add(Layer):
    """Add the values of several layers of equal shape; a skip connection ends here."""

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Add"] = "Add"

    def infer(self, *shapes: Shape) -> Shape:
        return same_shape("Add", shapes)

    def lower(self, *values: Value) -> Value:
        return ops.Add(values, self.infer(*(v.shape for v in values)))
