"""ELU: an activation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Elu", nnc="ELU", since=1)
class ELU(Elementwise):
    """Keep positive values, bend the others towards -alpha: y = alpha · (exp(x) - 1).

    Clevert et al. 2016.
    """

    type: Literal["ELU"] = "ELU"
    alpha: Annotated[float, Field(gt=0, le=1000, strict=True, allow_inf_nan=False)] = Field(
        1.0, description="How far below zero negative values go."
    )

    def function(self) -> str:
        return f"where(x > 0, x, {self.alpha!r} * (exp(min(x, 0)) - 1))"
