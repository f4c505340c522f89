"""MaxPooling: the largest value of each window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import layer
from ..ops import Value
from ..pool import Pool
from ..window import PaddingField


@layer(category="Pooling", onnx="MaxPool", nnc="MaxPooling", since=1)
class MaxPooling(Pool):
    """Keep the largest value of each window. Pooling has no parameters and keeps the channels."""

    type: Literal["MaxPooling"] = "MaxPooling"
    padding: PaddingField = Field((0, 0), description="Border around the image, in pixels, that never wins; or 'same'.")

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = self.window(x.shape)
        return ops.MaxPool2d((x,), self.infer(x.shape), w.kernel, w.stride, w.padding)
