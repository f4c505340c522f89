"""Focal: a loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape
from ..window import pixels


@layer(category="Loss", onnx=None, nnc=None, since=1)
class Focal(FormulaLoss):
    """Loss for classes of which some are rare: cross-entropy times (1 - p)^gamma, so that what is sure counts little.

    Lin et al. 2017. It reads probabilities: of Softmax, or of Sigmoid where there is one output or each is a yes or no
    of its own. gamma 0 is cross-entropy.
    """

    type: Literal["Focal"] = "Focal"
    gamma: Annotated[float, Field(ge=0, le=100, strict=True, allow_inf_nan=False)] = Field(
        2.0, description="How much less sure answers count."
    )
    alpha: Annotated[float, Field(gt=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.5, description="Weight of yes against no; 0.5 weighs both alike. For Softmax use class weights."
    )
    independent: bool = Field(
        False, strict=True, description="Whether each output is a yes or no of its own, as Sigmoid gives them."
    )

    def formula(self, x: Shape) -> str:
        yes = f"t * (1 - y) ** {self.gamma!r} * log(max(y, 1e-12))"
        if x[0] > 1 and not self.independent:
            return f"-sum({yes}) / {pixels(x)}"
        no = f"(1 - t) * max(y, 0) ** {self.gamma!r} * log(max(1 - y, 1e-12))"
        return f"-mean({self.alpha!r} * {yes} + {1 - self.alpha!r} * {no}) * 2"
