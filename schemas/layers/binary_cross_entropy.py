"""BinaryCrossEntropy: the loss for yes-or-no answers."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..shapes import elements


@layer(category="Loss", onnx=None, nnc="BinaryCrossEntropy", since=1)
class BinaryCrossEntropy(Loss):
    """Loss for yes or no: -(t log y + (1 - t) log(1 - y)), the mean over batch and outputs.

    Put Sigmoid before it.
    """

    type: Literal["BinaryCrossEntropy"] = "BinaryCrossEntropy"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.BinaryCrossEntropy((x,), (), scale=self.scale(elements(x.shape)))
