"""SoftmaxCrossEntropy: Softmax and its loss in one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import layer
from ..loss import Loss
from ..ops import Value
from ..window import pixels


@layer(category="Loss", onnx="SoftmaxCrossEntropyLoss", nnc="SoftmaxCrossEntropy", since=1)
class SoftmaxCrossEntropy(Loss):
    """Loss for classes on raw values: Softmax and CategoricalCrossEntropy in one; predictions are the probabilities."""

    type: Literal["SoftmaxCrossEntropy"] = "SoftmaxCrossEntropy"
    label_smoothing: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Share of the target that all classes have alike, against overconfidence."
    )

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        y = ops.Softmax((x,), x.shape)
        return ops.CrossEntropy((y,), (), scale=self.scale(pixels(x.shape)), smoothing=self.label_smoothing)
