"""GlobalMaxPooling: the largest value of each channel."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape
from ..window import image


@layer(category="Pooling", onnx="GlobalMaxPool", nnc=None, since=1)
class GlobalMaxPooling(Layer):
    """Keep the largest value of each channel: (C, H, W) becomes (C, 1, 1), and (C, L) becomes (C, 1)."""

    type: Literal["GlobalMaxPooling"] = "GlobalMaxPooling"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image("GlobalMaxPooling", x)
        return (x[0], *(1 for _ in x[1:]))

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        size = (1, *x.shape[1:])[-2:]
        return ops.MaxPool2d((x,), self.infer(x.shape), (size[0], size[1]), (1, 1), ((0, 0), (0, 0)))
