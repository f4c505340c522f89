"""In training, make each value zero with probability p and divide the others by 1 - p; in use, do nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Regularization", onnx="Dropout", nnc="Dropout", since=1)
class Dropout(Layer):
    """In training, make each value zero with probability p and divide the others by 1 - p; in use, do nothing.

    Srivastava et al. 2014, in the inverted form of Keras and PyTorch.
    """

    type: Literal["Dropout"] = "Dropout"
    p: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.5, description="Probability that a value is dropped."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Dropout((x,), x.shape, p=self.p)
