"""LogSoftmax: an activation."""

from __future__ import annotations

from typing import Literal

from .. import ops
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Activation", onnx="LogSoftmax", nnc="LogSoftmax", since=1)
class LogSoftmax(Layer):
    """Take the logarithm of Softmax without rounding: x - log(sum(exp(x))) over the channels.

    On an image, each pixel has its own.
    """

    type: Literal["LogSoftmax"] = "LogSoftmax"

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        one = (1, *x.shape[1:])
        top = ops.Broadcast((ops.Reduce((x,), one, "max", (0,)),), x.shape)  # so that no exponential overflows
        below = ops.Binary((x, top), x.shape, function="x - y")
        total = ops.Reduce((ops.Pointwise((below,), x.shape, function="exp(x)", derivative="y"),), one, "sum", (0,))
        log = ops.Pointwise((total,), one, function="log(x)", derivative="1 / x")
        return ops.Binary((below, ops.Broadcast((log,), x.shape)), x.shape, function="x - y")
