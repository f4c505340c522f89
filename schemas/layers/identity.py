"""Pass the values on unchanged; useful to give a point of the network a name."""

from __future__ import annotations

from typing import Literal

from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Shape", onnx="Identity", nnc="Identity", since=1)
class Identity(Layer):
    """Pass the values on unchanged; useful to give a point of the network a name."""

    type: Literal["Identity"] = "Identity"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return x
