"""L2Normalization: vectors of length 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..normal import Epsilon
from ..ops import Value
from ..shapes import Shape


@layer(category="Normalization", onnx="LpNormalization", nnc=None, since=1)
class L2Normalization(Layer):
    """Divide by the Euclidean length: y = x / sqrt(sum(x²) + epsilon), a vector of length 1. It has no parameters."""

    type: Literal["L2Normalization"] = "L2Normalization"
    over: Literal["channels", "sample"] = Field(
        "channels", description="channels: the vector of each pixel; sample: all values of a sample as one vector."
    )
    epsilon: Epsilon = Field(1e-12, description="Added to the sum of squares, so that zeros do not divide by zero.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        groups = None if self.over == "channels" else 1
        return ops.Normalize((x,), x.shape, groups, False, True, self.epsilon, None, None)
