"""AbsoluteError: a loss."""

from __future__ import annotations

from typing import Literal

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="AbsoluteError", since=1)
class AbsoluteError(FormulaLoss):
    """Loss for numbers: |y - t|, the mean over batch and outputs; single outliers weigh less than in SquaredError."""

    type: Literal["AbsoluteError"] = "AbsoluteError"

    def formula(self, x: Shape) -> str:
        return "abs(y - t)"
