"""SELU: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
"""The fixed point of Klambauer et al. 2017."""


@layer(category="Activation", onnx="Selu", nnc="SELU", since=1)
class SELU(Elementwise):
    """Scale ELU so that values keep mean 0 and variance 1 from layer to layer.

    Klambauer et al. 2017, with their two constants.
    """

    type: Literal["SELU"] = "SELU"

    def function(self) -> str:
        return f"{SCALE!r} * where(x > 0, x, {ALPHA!r} * (exp(min(x, 0)) - 1))"
