"""Mish: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Mish", nnc="Mish", since=1)
class Mish(Elementwise):
    """Weigh each value by a soft gate: y = x · tanh(log(1 + exp(x))).

    Misra 2019.
    """

    type: Literal["Mish"] = "Mish"

    def function(self) -> str:
        return "x * tanh(softplus(x))"
