"""Turn the values into probabilities that sum to 1 over the channels: exp(x) / sum(exp(x))."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="Softmax", nnc="Softmax", since=1)
class Softmax(Layer):
    """Turn the values into probabilities that sum to 1 over the channels: exp(x) / sum(exp(x)).

    On an image, each pixel has its own probabilities.
    """

    type: Literal["Softmax"] = "Softmax"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Softmax((x,), x.shape)
