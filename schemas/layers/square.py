"""Square: arithmetic, value by value."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Arithmetic", onnx=None, nnc=None, since=1)
class Square(Elementwise):
    """Multiply every value by itself: y = x²."""

    type: Literal["Square"] = "Square"

    def function(self) -> str:
        return "x * x"

    def derivative(self) -> str:
        return "2 * x"
