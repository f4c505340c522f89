"""HardSigmoid: an activation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="HardSigmoid", nnc="HardSigmoid", since=1)
class HardSigmoid(Elementwise):
    """Approximate Sigmoid by straight lines: y = min(max(slope · x + offset, 0), 1).

    The default is that of Keras, ONNX and NNC; PyTorch has slope 1/6.
    """

    type: Literal["HardSigmoid"] = "HardSigmoid"
    slope: Annotated[float, Field(gt=0, le=1000, strict=True, allow_inf_nan=False)] = Field(
        0.2, description="Steepness of the line."
    )
    offset: Annotated[float, Field(ge=-1000, le=1000, strict=True, allow_inf_nan=False)] = Field(
        0.5, description="Value at zero."
    )

    def function(self) -> str:
        return f"min(max({self.slope!r} * x + {self.offset!r}, 0), 1)"
