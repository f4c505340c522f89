"""LRN: local response normalisation, AlexNet's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape


@layer(category="Normalization", onnx="LRN", nnc=None, since=1)
class LRN(Layer):
    """Hold each channel down by the channels beside it: y = x / (k + alpha · Σ x²)^beta, the sum over `size` channels.

    Local response normalisation of AlexNet (Krizhevsky, Sutskever and Hinton 2012), with its numbers as defaults. As in
    the paper and Chainer, alpha multiplies the sum; PyTorch, Caffe and ONNX take the mean, so their alpha is size times
    this one. It has no parameters.
    """

    type: Literal["LRN"] = "LRN"
    size: Annotated[int, Field(ge=1, le=65535, strict=True)] = Field(
        5, description="How many channels around each take part, itself included; an odd number."
    )
    alpha: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        1e-4, description="Weight of the sum of squares."
    )
    beta: Annotated[float, Field(gt=0, le=100, strict=True, allow_inf_nan=False)] = Field(
        0.75, description="Power by which the sum counts."
    )
    k: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        2.0, description="Added to the sum, so that quiet neighbours do not divide by zero."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        if self.size % 2 == 0:
            raise ShapeError(
                "even_size",
                say("size must be odd, but is {size}.", size=self.size),
                say("As many channels before as behind take part, and the channel itself."),
                [FieldFix(say("Use {count} channels", count=n), {"size": n}) for n in (self.size - 1, self.size + 1)],
            )
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.LRN((x,), x.shape, self.size, self.alpha, self.beta, self.k)
