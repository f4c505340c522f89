"""Swish: an activation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx=None, nnc="Swish", since=1)
class Swish(Elementwise):
    """Weigh each value by its own Sigmoid: y = x · sigmoid(beta · x).

    Ramachandran et al. 2017; with beta 1 it is also called SiLU.
    """

    type: Literal["Swish"] = "Swish"
    beta: Annotated[float, Field(gt=0, le=1000, strict=True, allow_inf_nan=False)] = Field(
        1.0, description="Steepness of the Sigmoid."
    )

    def function(self) -> str:
        return f"x * sigmoid({self.beta!r} * x)"
