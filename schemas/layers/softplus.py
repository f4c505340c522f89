"""Softplus: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Softplus", nnc="SoftPlus", since=1)
class Softplus(Elementwise):
    """Round ReLU off: y = log(1 + exp(x))."""

    type: Literal["Softplus"] = "Softplus"

    def function(self) -> str:
        return "softplus(x)"
