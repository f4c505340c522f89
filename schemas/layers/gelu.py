"""GELU: an activation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..elementwise import Elementwise
from ..layer import layer

ERF = "x * 0.5 * (1 + erf(x * 0.7071067811865476))"
TANH = "x * 0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))"


@layer(category="Activation", onnx="Gelu", nnc="GELU", since=1)
class GELU(Elementwise):
    """Weigh each value by the normal distribution below it: y = x · (1 + erf(x / √2)) / 2.

    Hendrycks and Gimpel 2016; as in PyTorch and Keras, exact unless `approximate` is set.
    """

    type: Literal["GELU"] = "GELU"
    approximate: bool = Field(
        False, strict=True, description="Use the form with tanh, as BERT and GPT-2 do; it differs by less than 0.001."
    )

    def function(self) -> str:
        return TANH if self.approximate else ERF
