"""BatchNormalization: each channel of the mini-batch gets mean 0 and variance 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..initialisers import Constant
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Normalization", onnx="BatchNormalization", nnc="BatchNormalization", since=1)
class BatchNormalization(Layer):
    """Give each channel of the mini-batch mean 0 and variance 1, then scale it by gamma and shift it by beta.

    Ioffe and Szegedy 2015. In use the running mean and variance of training take the place of the batch's;
    they follow the batch's own mean and biased variance, as in Keras. A layer that is not trainable works with its
    running statistics in training too.
    """

    type: Literal["BatchNormalization"] = "BatchNormalization"
    momentum: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.9, description="Share of the old running mean and variance that each step keeps."
    )
    epsilon: Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)] = Field(
        1e-5, description="Added to the variance, so that a constant channel does not divide by zero."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        size = (x.shape[0],)
        return ops.BatchNorm(
            (x,),
            x.shape,
            gamma=ops.Parameter("gamma", size, Constant(value=1.0), kind="scale", trainable=self.trainable),
            beta=ops.Parameter("beta", size, kind="scale", trainable=self.trainable),
            mean=ops.Parameter("mean", size, kind="statistic", trainable=False),
            variance=ops.Parameter("variance", size, Constant(value=1.0), kind="statistic", trainable=False),
            momentum=self.momentum,
            epsilon=self.epsilon,
        )
