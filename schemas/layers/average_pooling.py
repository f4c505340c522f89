"""AveragePooling: the mean of each window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..layer import layer
from ..ops import Value
from ..pool import Pool


@layer(category="Pooling", onnx="AveragePool", nnc="AveragePooling", since=1)
class AveragePooling(Pool):
    """Take the mean of each window. Pooling has no parameters and keeps the channels."""

    type: Literal["AveragePooling"] = "AveragePooling"
    include_padding: bool = Field(
        False, strict=True, description="Whether padded zeros count in the divisor (NNC's IncludingPad)."
    )

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = self.window(x.shape)
        return ops.AveragePool2d((x,), self.infer(x.shape), w.kernel, w.stride, w.padding, self.include_padding)
