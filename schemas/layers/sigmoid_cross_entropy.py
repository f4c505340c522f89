"""SigmoidCrossEntropy: Sigmoid and its loss in one."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..shapes import elements


@layer(category="Loss", onnx=None, nnc="SigmoidCrossEntropy", since=1)
class SigmoidCrossEntropy(Loss):
    """Loss for yes or no on raw values: Sigmoid and BinaryCrossEntropy in one; predictions are the probabilities."""

    type: Literal["SigmoidCrossEntropy"] = "SigmoidCrossEntropy"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        y = ops.Pointwise((x,), x.shape, function="sigmoid(x)", derivative="y * (1 - y)")
        return ops.BinaryCrossEntropy((y,), (), scale=self.scale(elements(x.shape)))
