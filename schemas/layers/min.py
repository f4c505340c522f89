"""Min over axes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..axes import Axes, chosen, without
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Arithmetic", onnx="ReduceMin", nnc="Min", since=1)
class Min(Layer):
    """Keep the smallest value along some axes.

    Where several values are it, they share the gradient equally.
    """

    type: Literal["Min"] = "Min"
    axes: Axes | None = Field(None, description="Axes to go along, 0 for channels; all of them when left out.")
    keep_axes: bool = Field(False, strict=True, description="Whether these axes stay, with size 1.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return without("Min", x, self.axes, self.keep_axes)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Reduce((x,), self.infer(x.shape), "min", chosen("Min", x.shape, self.axes))
