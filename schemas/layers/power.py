"""Power: arithmetic, value by value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Arithmetic", onnx="Pow", nnc="PowScalar", since=1)
class Power(Elementwise):
    """Raise every value to a power: y = x ** exponent.

    Of negative values only whole exponents are defined; others give NaN, and training stops there.
    """

    type: Literal["Power"] = "Power"
    exponent: Annotated[float, Field(ge=-1000, le=1000, strict=True, allow_inf_nan=False)] = Field(
        2.0, description="The power, such as 2, 0.5 or -1."
    )

    def function(self) -> str:
        return f"x ** {self.exponent!r}"
