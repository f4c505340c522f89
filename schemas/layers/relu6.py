"""ReLU6: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Clip", nnc="ReLU6", since=1)
class ReLU6(Elementwise):
    """Keep values between 0 and 6, cut off the others: y = min(max(x, 0), 6)."""

    type: Literal["ReLU6"] = "ReLU6"

    def function(self) -> str:
        return "min(max(x, 0), 6)"
