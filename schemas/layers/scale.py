"""Scale: one factor and one offset for all values, given or trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..initialisers import Constant
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape

Number = Annotated[float, Field(ge=-1e6, le=1e6, strict=True, allow_inf_nan=False)]


@layer(category="Arithmetic", onnx=None, nnc="MulScalar", since=1)
class Scale(Layer):
    """Multiply every value by a factor and add an offset: y = factor · x + offset."""

    type: Literal["Scale"] = "Scale"
    factor: Number = Field(1.0, description="What values are multiplied by, or where trained factors start.")
    offset: Number = Field(0.0, description="What is added then, or where trained offsets start.")
    learned: bool = Field(
        False, strict=True, description="Whether each channel has a factor and an offset of its own, which are trained."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        if not self.learned:
            return ops.Pointwise((x,), x.shape, f"x * {self.factor!r} + {self.offset!r}", f"{self.factor!r}")
        shape = (x.shape[0], *(1 for _ in x.shape[1:]))
        start = Constant(value=self.factor), Constant(value=self.offset)
        factor = ops.Parameter("factor", shape, start[0], kind="scale", trainable=self.trainable)
        offset = ops.Parameter("offset", shape, start[1], kind="bias", trainable=self.trainable)
        product = ops.Multiply((x, ops.Learned((), x.shape, factor)), x.shape)
        return ops.Add((product, ops.Learned((), x.shape, offset)), x.shape)
