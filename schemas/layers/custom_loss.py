"""CustomLoss: a loss that is a formula in the document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..errors import UsageError
from ..expression import parse, split
from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


def _understood(formula: str) -> str:
    """Refuse a formula that is none, or does not depend on the prediction."""
    try:
        term = parse(formula, ("y", "t"), reductions=True)
        split(term)
    except UsageError as error:
        raise PydanticCustomError("formula", "{why}", {"why": str(error)}) from None
    if "y" not in term.names:
        raise PydanticCustomError("formula", "the formula does not depend on the prediction y")
    return formula


@layer(category="Loss", onnx=None, nnc=None, since=1)
class CustomLoss(FormulaLoss):
    """Loss by a formula of the prediction y and the target t, such as `mean(square(y - t)) + 0.1 * mean(abs(y - t))`.

    mean(...) and sum(...) go over the values of a sample; without either the mean of all values is taken. Over the
    batch it is always the mean. The gradient is found from the formula. Nothing is executed: only numbers, y, t, pi,
    + - * / ** and comparisons, and the functions of schemas/expression.py are understood.
    """

    type: Literal["CustomLoss"] = "CustomLoss"
    expression: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_understood)] = Field(
        description="The formula of y (prediction) and t (target)."
    )

    def formula(self, x: Shape) -> str:
        return self.expression
