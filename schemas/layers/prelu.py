"""PReLU: an activation with trained slopes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..initialisers import Constant
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="PRelu", nnc="PReLU", since=1)
class PReLU(Layer):
    """Keep positive values, multiply the others by a trained slope, one for each channel.

    He et al. 2015. The slopes are not pulled to zero by weight decay, which would make it a ReLU.
    """

    type: Literal["PReLU"] = "PReLU"
    slope: Annotated[float, Field(ge=-10, le=10, strict=True, allow_inf_nan=False)] = Field(
        0.25, description="Where the slopes start."
    )
    shared: bool = Field(False, strict=True, description="Whether all channels have the same slope.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        shape = (1 if self.shared else x.shape[0], *(1 for _ in x.shape[1:]))
        slope = ops.Parameter("slope", shape, Constant(value=self.slope), kind="scale", trainable=self.trainable)
        return ops.Binary((x, ops.Learned((), x.shape, slope)), x.shape, function="where(x > 0, x, x * y)")
