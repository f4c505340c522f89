"""Abs: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Abs", nnc="Abs", since=1)
class Abs(Elementwise):
    """Make every value positive: y = |x|."""

    type: Literal["Abs"] = "Abs"

    def function(self) -> str:
        return "abs(x)"
