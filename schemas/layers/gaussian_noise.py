"""GaussianNoise: normal numbers are added in training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Regularization", onnx=None, nnc=None, since=1)
class GaussianNoise(Layer):
    """In training, add a random normal number to every value; in use, do nothing.

    At the input of a network whose target is the input it makes a denoising autoencoder.
    """

    type: Literal["GaussianNoise"] = "GaussianNoise"
    std: Annotated[float, Field(ge=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        0.1, description="Standard deviation of the noise."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return x if self.std == 0 else ops.GaussianNoise((x,), x.shape, self.std)
