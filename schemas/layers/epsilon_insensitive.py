"""EpsilonInsensitive: a loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="EpsilonInsensitiveLoss", since=1)
class EpsilonInsensitive(FormulaLoss):
    """Loss for numbers: the part of |y - t| above epsilon; smaller errors cost nothing (support vector regression)."""

    type: Literal["EpsilonInsensitive"] = "EpsilonInsensitive"
    epsilon: Annotated[float, Field(ge=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        0.1, description="Error that costs nothing."
    )

    def formula(self, x: Shape) -> str:
        return f"max(abs(y - t) - {self.epsilon!r}, 0)"
