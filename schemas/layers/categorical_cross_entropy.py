"""CategoricalCrossEntropy: the loss for classification."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..window import pixels


@layer(category="Loss", onnx=None, nnc="CategoricalCrossEntropy", since=1)
class CategoricalCrossEntropy(Loss):
    """Loss for one class of several: minus the logarithm of the probability given to the true class.

    The mean over the batch. Put Softmax before it.
    """

    type: Literal["CategoricalCrossEntropy"] = "CategoricalCrossEntropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Share of the target that all classes have alike, against overconfidence."
    )

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.CrossEntropy((x,), (), scale=self.scale(pixels(x.shape)), smoothing=self.label_smoothing)
