"""HardTanh: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="Clip", nnc="HardTanh", since=1)
class HardTanh(Elementwise):
    """Keep values between -1 and 1, cut off the others: y = min(max(x, -1), 1)."""

    type: Literal["HardTanh"] = "HardTanh"

    def function(self) -> str:
        return "min(max(x, -1), 1)"
