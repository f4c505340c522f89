"""SoftmaxCrossEntropy: Softmax and its loss in one."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..loss import ClassLoss
from ..ops import Value


@layer(category="Loss", onnx="SoftmaxCrossEntropyLoss", nnc="SoftmaxCrossEntropy", since=1)
class SoftmaxCrossEntropy(ClassLoss):
    """Loss for classes on raw values: Softmax and CategoricalCrossEntropy in one; predictions are the probabilities."""

    type: Literal["SoftmaxCrossEntropy"] = "SoftmaxCrossEntropy"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return self.cross_entropy(ops.Softmax((x,), x.shape))
