"""GlobalAveragePooling: the mean of each channel."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape
from ..window import image


@layer(category="Pooling", onnx="GlobalAveragePool", nnc="GlobalAveragePooling", since=1)
class GlobalAveragePooling(Layer):
    """Take the mean of each channel over the whole image: (C, H, W) becomes (C, 1, 1), and (C, L) becomes (C, 1)."""

    type: Literal["GlobalAveragePooling"] = "GlobalAveragePooling"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image("GlobalAveragePooling", x)
        return (x[0], *(1 for _ in x[1:]))

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.GlobalAveragePool((x,), self.infer(x.shape))
