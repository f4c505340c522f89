"""Sum over axes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..axes import Axes, chosen, without
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="ReduceSum", nnc="Sum", since=1)
class Sum(Layer):
    """Add the values up along some axes."""

    type: Literal["Sum"] = "Sum"
    axes: Axes | None = Field(None, description="Axes to go along, 0 for channels; all of them when left out.")
    keep_axes: bool = Field(False, strict=True, description="Whether these axes stay, with size 1.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return without("Sum", x, self.axes, self.keep_axes)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Reduce((x,), self.infer(x.shape), "sum", chosen("Sum", x.shape, self.axes))
