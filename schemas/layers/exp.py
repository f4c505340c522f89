"""Exp: arithmetic, value by value."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Arithmetic", onnx="Exp", nnc="Exp", since=1)
class Exp(Elementwise):
    """Take the exponential of every value: y = exp(x)."""

    type: Literal["Exp"] = "Exp"

    def function(self) -> str:
        return "exp(x)"

    def derivative(self) -> str:
        return "y"
