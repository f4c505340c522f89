"""Hinge: a loss."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..shapes import elements


@layer(category="Loss", onnx=None, nnc=None, since=1)
class Hinge(Loss):
    """Loss of a support vector machine: max(0, 1 - s · y), where s is 1 for yes and -1 for no.

    It reads raw scores, without Sigmoid or Softmax; of several classes, each is a yes or no of its own. Predictions are
    (y + 1) / 2, so that one half is the border between no and yes, as with probabilities.
    """

    type: Literal["Hinge"] = "Hinge"

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        half = ops.Pointwise((x,), x.shape, function="x * 0.5 + 0.5", derivative="0.5")
        formula = "max(1 - (2 * t - 1) * (2 * y - 1), 0)"
        return ops.ExpressionLoss((half,), (), formula, scale=self.scale(elements(x.shape)))
