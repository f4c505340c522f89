"""Constant: values that read nothing."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import ops
from ..initialisers import Constant as Start
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Shape", onnx="Constant", nnc="ConstantValue", since=1)
class Constant(Layer):
    """Give the same values for every sample; it reads no other layer.

    Others read it by its name. Trained, each value starts at `value` and is changed like a weight.
    """

    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    type: Literal["Constant"] = "Constant"
    shape: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)], ...], Field(min_length=1, max_length=3)
    ] = Field((1,), description="Sizes: [channels, height, width], [channels, length] or [features].")
    value: Annotated[float, Field(ge=-1e30, le=1e30, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="The value, or where trained values start."
    )
    learned: bool = Field(False, strict=True, description="Whether each value is trained.")

    def infer(self) -> Shape:  # type: ignore[override]  # no input, fixed by arity
        return self.shape

    def lower(self) -> Value:  # type: ignore[override]  # no input, fixed by arity
        if not self.learned:
            return ops.Constant((), self.shape, self.value)
        array = ops.Parameter("value", self.shape, Start(value=self.value), trainable=self.trainable)
        return ops.Learned((), self.shape, array)
