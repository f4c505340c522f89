"""Subsampling: LeNet's pooling, a trained multiple of each window's mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..initialisers import Constant, Initialiser, Zeros
from ..layer import layer
from ..ops import Value
from ..pool import Pool


@layer(category="Pooling", onnx=None, nnc=None, since=1)
class Subsampling(Pool):
    """Take the mean of each window, times a trained number of the channel, plus another (LeCun et al. 1998).

    LeNet-5's S2 and S4: two trained numbers per channel, 12 and 32 in all. The paper adds the four values of a window
    before it multiplies, so its factor is a quarter of this one. The Sigmoid that follows there is a layer of its own.
    """

    type: Literal["Subsampling"] = "Subsampling"
    include_padding: bool = Field(False, strict=True, description="Whether padded zeros count in the divisor.")
    scale_initializer: Initialiser = Field(Constant(value=1.0), description="How the factors start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w, shape = self.window(x.shape), self.infer(x.shape)
        mean = ops.AveragePool2d((x,), shape, w.kernel, w.stride, w.padding, self.include_padding)
        size, still = (shape[0],), ((0, 0), (0, 0))
        scale = ops.Parameter("scale", size, self.scale_initializer, kind="scale", trainable=self.trainable)
        bias = ops.Parameter("bias", size, self.bias_initializer, kind="bias", trainable=self.trainable)
        return ops.Conv2d((mean,), shape, scale, bias, (1, 1), still, (1, 1), shape[0])
