"""SumPooling: the sum of each window."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..ops import Value
from ..pool import Pool


@layer(category="Pooling", onnx=None, nnc="SumPooling", since=1)
class SumPooling(Pool):
    """Take the sum of each window. Pooling has no parameters and keeps the channels."""

    type: Literal["SumPooling"] = "SumPooling"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = self.window(x.shape)
        return ops.AveragePool2d((x,), self.infer(x.shape), w.kernel, w.stride, w.padding, True, total=True)
