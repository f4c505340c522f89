"""LeakyReLU: an activation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="LeakyRelu", nnc="LeakyReLU", since=1)
class LeakyReLU(Elementwise):
    """Keep positive values, shrink the others: y = x where x > 0, else slope · x.

    Maas et al. 2013.
    """

    type: Literal["LeakyReLU"] = "LeakyReLU"
    slope: Annotated[float, Field(ge=-10, le=10, strict=True, allow_inf_nan=False)] = Field(
        0.1, description="Factor on negative values; 0 is ReLU."
    )

    def function(self) -> str:
        return f"where(x > 0, x, {self.slope!r} * x)"
