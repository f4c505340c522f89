"""Clip: values kept between two limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ..elementwise import Elementwise
from ..layer import layer

Limit = Annotated[float, Field(ge=-1e30, le=1e30, strict=True, allow_inf_nan=False)]


@layer(category="Arithmetic", onnx="Clip", nnc="Clip", since=1)
class Clip(Elementwise):
    """Keep values between two limits, cut off the others: y = min(max(x, low), high).

    What is cut off has no gradient.
    """

    type: Literal["Clip"] = "Clip"
    low: Limit = Field(0.0, description="Smallest value.")
    high: Limit = Field(1.0, description="Largest value.")

    @model_validator(mode="after")
    def _in_order(self) -> Clip:
        if self.low >= self.high:
            raise PydanticCustomError("wrong_value", "low must be smaller than high")
        return self

    def function(self) -> str:
        return f"min(max(x, {self.low!r}), {self.high!r})"
