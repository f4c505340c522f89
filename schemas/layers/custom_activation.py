"""CustomActivation: an activation that is a formula in the document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ..elementwise import Elementwise
from ..errors import UsageError
from ..expression import parse
from ..layer import layer


def _understood(formula: str) -> str:
    """Refuse a formula that is none, or is the same for every x."""
    try:
        term = parse(formula, ("x",))
    except UsageError as error:
        raise PydanticCustomError("formula", "{why}", {"why": str(error)}) from None
    if "x" not in term.names:
        raise PydanticCustomError("formula", "the formula does not depend on x")
    return formula


@layer(category="Activation", onnx=None, nnc=None, since=1)
class CustomActivation(Elementwise):
    """Apply a formula of x to every value, such as `x * sigmoid(1.5 * x)`; its derivative is found from it.

    Nothing is executed: only numbers, x, pi, + - * / ** and comparisons, and the functions of schemas/expression.py are
    understood.
    """

    type: Literal["CustomActivation"] = "CustomActivation"
    expression: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_understood)] = Field(
        description="The formula of x."
    )

    def function(self) -> str:
        return self.expression
