"""Sqrt: arithmetic, value by value."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Arithmetic", onnx="Sqrt", nnc=None, since=1)
class Sqrt(Elementwise):
    """Take the square root of every value: y = √x.

    Values must be positive for a gradient; negative ones give NaN, and training stops there.
    """

    type: Literal["Sqrt"] = "Sqrt"

    def function(self) -> str:
        return "sqrt(x)"

    def derivative(self) -> str:
        return "0.5 / y"
