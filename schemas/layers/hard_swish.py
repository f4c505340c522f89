"""HardSwish: an activation."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Activation", onnx="HardSwish", nnc=None, since=1)
class HardSwish(Elementwise):
    """Approximate Swish by straight lines: y = x · min(max(x + 3, 0), 6) / 6.

    Howard et al. 2019 (MobileNetV3).
    """

    type: Literal["HardSwish"] = "HardSwish"

    def function(self) -> str:
        return "x * min(max(x + 3, 0), 6) / 6"
