"""Unpooling: every value stands for a whole window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..enlarge import enlarged
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2


@layer(category="Pooling", onnx="Resize", nnc="Unpooling", since=1)
class Unpooling(Layer):
    """Repeat every value over a window: the way back through a pooling, in autoencoders and U-Nets."""

    type: Literal["Unpooling"] = "Unpooling"
    kernel_size: Size2 = Field((2, 2), description="Height and width of the window that each value fills, in pixels.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return enlarged("Unpooling", x, "kernel_size", self.kernel_size)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Resample((x,), self.infer(x.shape), "nearest")
