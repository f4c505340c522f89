"""Affine: every output reads every input (a fully connected or dense layer)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..initialisers import HeNormal, Initialiser, Zeros
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, elements


@layer(category="Basic", onnx="Gemm", nnc="Affine", since=1)
class Affine(Layer):
    """Multiply the flattened input by a matrix of weights and add a bias: y = x W + b.

    The input is flattened in (C, H, W) order, so no Flatten is needed before it.
    """

    type: Literal["Affine"] = "Affine"
    out_features: Annotated[int, Field(ge=1, le=2**24, strict=True)] = Field(description="Number of outputs.")
    bias: bool = Field(True, strict=True, description="Whether a trained number is added to each output.")
    weight_initializer: Initialiser = Field(HeNormal(), description="How the weights start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return (self.out_features,)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        inside = elements(x.shape)
        fan = (inside, self.out_features)
        weight = ops.Parameter(
            "weight", (inside, self.out_features), self.weight_initializer, fan, "weight", self.trainable
        )
        bias = ops.Parameter("bias", (self.out_features,), self.bias_initializer, fan, "bias", self.trainable)
        return ops.Affine((x,), self.infer(x.shape), weight, bias if self.bias else None)
