"""RMSNormalization: layer normalisation without the mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..normal import Epsilon, scale_and_shift
from ..ops import Value
from ..shapes import Shape


@layer(category="Normalization", onnx="RMSNormalization", nnc=None, since=1)
class RMSNormalization(Layer):
    """Divide by the root of the mean square, then scale by gamma: y = x / sqrt(mean(x²) + epsilon) · gamma.

    Zhang and Sennrich 2019: layer normalisation without the mean. Training and use are the same.
    """

    type: Literal["RMSNormalization"] = "RMSNormalization"
    over: Literal["channels", "sample"] = Field(
        "channels", description="channels: those of each pixel, with one gamma each; sample: all its values together."
    )
    affine: bool = Field(True, strict=True, description="Whether a trained gamma follows.")
    epsilon: Epsilon = Field(1e-6, description="Added to the mean square, so that zeros do not divide by zero.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        pixel = self.over == "channels"
        gamma, _ = scale_and_shift((x.shape[0],) if pixel else x.shape, self.trainable)
        groups = None if pixel else 1
        return ops.Normalize((x,), x.shape, groups, False, False, self.epsilon, gamma if self.affine else None, None)
