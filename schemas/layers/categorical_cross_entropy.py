"""CategoricalCrossEntropy: the loss for classification."""

from __future__ import annotations

from typing import Literal

from ..layer import layer
from ..loss import ClassLoss
from ..ops import Value


@layer(category="Loss", onnx=None, nnc="CategoricalCrossEntropy", since=1)
class CategoricalCrossEntropy(ClassLoss):
    """Loss for one class of several: minus the logarithm of the probability given to the true class.

    The mean over the batch. Put Softmax before it.
    """

    type: Literal["CategoricalCrossEntropy"] = "CategoricalCrossEntropy"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return self.cross_entropy(x)
