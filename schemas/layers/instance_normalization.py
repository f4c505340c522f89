"""InstanceNormalization: each channel of each sample gets mean 0 and variance 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..normal import Epsilon, scale_and_shift, several
from ..ops import Value
from ..say import say
from ..shapes import Shape, elements
from ..window import image


@layer(category="Normalization", onnx="InstanceNormalization", nnc="InstanceNormalization", since=1)
class InstanceNormalization(Layer):
    """Give each channel of each sample mean 0 and variance 1, then scale it by gamma and shift it by beta.

    Ulyanov, Vedaldi and Lempitsky 2016, for pictures in a style. Training and use are the same.
    """

    type: Literal["InstanceNormalization"] = "InstanceNormalization"
    affine: bool = Field(True, strict=True, description="Whether a trained gamma and beta per channel follow.")
    epsilon: Epsilon = Field(1e-5, description="Added to the variance, so that equal values do not divide by zero.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image("InstanceNormalization", x)
        several("InstanceNormalization", elements(x[1:]), say("the pixels of a channel"))
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        own = scale_and_shift((x.shape[0],), self.trainable) if self.affine else (None, None)
        return ops.Normalize((x,), x.shape, x.shape[0], True, False, self.epsilon, *own)
