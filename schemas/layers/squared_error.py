"""SquaredError: the loss for regression."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..shapes import elements


@layer(category="Loss", onnx=None, nnc="SquaredError", since=1)
class SquaredError(Loss):
    """Loss for numbers: (y - t)^2, the mean over batch and outputs, without the factor 1/2."""

    type: Literal["SquaredError"] = "SquaredError"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.SquaredError((x,), (), scale=self.scale(elements(x.shape)))
