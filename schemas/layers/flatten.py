"""Make one long row of the values, in (C, H, W) order."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, elements


@layer(category="Shape", onnx="Flatten", nnc="Flatten", since=1)
class Flatten(Layer):
    """Make one long row of the values, in (C, H, W) order."""

    type: Literal["Flatten"] = "Flatten"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return (elements(x),)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Reshape((x,), self.infer(x.shape))
