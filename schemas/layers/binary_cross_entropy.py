"""BinaryCrossEntropy: the loss for yes-or-no answers."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc="BinaryCrossEntropy", since=1)
class BinaryCrossEntropy(Layer):
    """Loss for yes or no: -(t log y + (1 - t) log(1 - y)), the mean over batch and outputs.

    Put Sigmoid before it.
    """

    type: Literal["BinaryCrossEntropy"] = "BinaryCrossEntropy"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return ()

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.BinaryCrossEntropy((x,), ())
