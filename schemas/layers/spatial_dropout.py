"""SpatialDropout: whole channels are dropped in training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Regularization", onnx=None, nnc=None, since=1)
class SpatialDropout(Layer):
    """In training, make whole channels zero with probability p and divide the others by 1 - p; in use, do nothing.

    Tompson et al. 2015: neighbouring pixels say nearly the same, so dropping single ones would change little.
    """

    type: Literal["SpatialDropout"] = "SpatialDropout"
    p: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.5, description="Probability that a channel is dropped."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Dropout((x,), x.shape, p=self.p, channels=True)
