"""Huber: a loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="HuberLoss", since=1)
class Huber(FormulaLoss):
    """Loss for numbers: half the square of small errors, a straight line for large ones, so that outliers weigh less.

    Huber 1964: d² / 2 where |d| is at most delta, else delta · (|d| - delta / 2), with d = y - t.
    """

    type: Literal["Huber"] = "Huber"
    delta: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        1.0, description="Error from which on it is a straight line."
    )

    def formula(self, x: Shape) -> str:
        d, line = f"{self.delta!r}", f"{self.delta!r} * (abs(y - t) - {self.delta / 2!r})"
        return f"where(abs(y - t) <= {d}, 0.5 * square(y - t), {line})"
