"""CategoricalCrossEntropy: the loss for classification."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="CategoricalCrossEntropy", since=1)
class CategoricalCrossEntropy(Layer):
    """Loss for one class of several: minus the logarithm of the probability given to the true class.

    The mean over the batch. Put Softmax before it.
    """

    type: Literal["CategoricalCrossEntropy"] = "CategoricalCrossEntropy"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return ()

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.CrossEntropy((x,), ())
