"""Dice: a loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc=None, since=1)
class Dice(FormulaLoss):
    """Loss for maps of which little is yes: 1 - 2 Σ y t / (Σ y + Σ t), over all values of a sample.

    Milletari et al. 2016, without squares. It reads probabilities, of Softmax or Sigmoid.
    """

    type: Literal["Dice"] = "Dice"
    smooth: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        1.0, description="Added above and below, so that an empty map is no division by zero."
    )

    def formula(self, x: Shape) -> str:
        return f"1 - (2 * sum(y * t) + {self.smooth!r}) / (sum(y) + sum(t) + {self.smooth!r})"
