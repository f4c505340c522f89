"""SoftSign: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Softsign", nnc="SoftSign", since=1)
class SoftSign(Elementwise):
    """Squash values into -1 to 1, more gently than Tanh: y = x / (1 + |x|)."""

    type: Literal["SoftSign"] = "SoftSign"

    def function(self) -> str:
        return "x / (1 + abs(x))"

    def derivative(self) -> str:
        return "1 / ((1 + abs(x)) * (1 + abs(x)))"
