"""LayerNormalization: each sample gets mean 0 and variance 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..normal import Epsilon, scale_and_shift, several
from ..ops import Value
from ..say import say
from ..shapes import Shape, elements


@layer(category="Normalization", onnx="LayerNormalization", nnc="LayerNormalization", since=1)
class LayerNormalization(Layer):
    """Give the values of each sample mean 0 and variance 1, then scale them by gamma and shift them by beta.

    Ba, Kiros and Hinton 2016. Training and use are the same, and the batch does not matter. Over the sample, gamma and
    beta are one per value, as in PyTorch and NNabla; over the channels of each pixel, as in Keras, one per channel.
    """

    type: Literal["LayerNormalization"] = "LayerNormalization"
    over: Literal["sample", "channels"] = Field(
        "sample", description="sample: all values of a sample together; channels: those of each pixel."
    )
    affine: bool = Field(True, strict=True, description="Whether a trained gamma and beta follow.")
    epsilon: Epsilon = Field(1e-5, description="Added to the variance, so that equal values do not divide by zero.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        pixel = self.over == "channels"
        several(
            "LayerNormalization", x[0] if pixel else elements(x), say("the channels") if pixel else say("the sample")
        )
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        pixel = self.over == "channels"
        gamma, beta = scale_and_shift((x.shape[0],) if pixel else x.shape, self.trainable)
        own = (gamma, beta) if self.affine else (None, None)
        return ops.Normalize((x,), x.shape, None if pixel else 1, True, False, self.epsilon, *own)
