"""Log: arithmetic, value by value."""

from __future__ import annotations

from typing import Literal

from ..elementwise import Elementwise
from ..layer import layer


@layer(category="Arithmetic", onnx="Log", nnc="Log", since=1)
class Log(Elementwise):
    """Take the natural logarithm of every value: y = log(x).

    Values must be positive; zero gives -infinity, and training stops there.
    """

    type: Literal["Log"] = "Log"

    def function(self) -> str:
        return "log(x)"
