"""SeparableConvolution: first each channel by itself, then all channels of each pixel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import Remark
from ..filters import bias, weight
from ..initialisers import HeNormal, Initialiser, Zeros
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2, elements
from ..window import PaddingField, image, leftover, slide, window


@layer(category="Convolution", onnx=None, nnc=None, since=1)
class SeparableConvolution(Layer):
    """Slide a filter over each channel by itself, then mix the channels of each pixel.

    A Convolution at a fraction of its cost: for C channels and K filters of F × F it has C·F² + C·K weights instead of
    C·K·F² (Xception, Chollet 2017). As in Keras there is no bias and no activation between the two. Over (C, L) it
    slides along the length.
    """

    type: Literal["SeparableConvolution"] = "SeparableConvolution"
    out_channels: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(description="Number of output channels.")
    multiplier: Annotated[int, Field(ge=1, le=1024, strict=True)] = Field(
        1, description="Filters for each input channel in the first step."
    )
    kernel_size: Size2 = Field((3, 3), description="Height and width of the filters, in pixels.")
    stride: Size2 = Field((1, 1), description="Step of the filters, in pixels.")
    padding: PaddingField = Field(
        (0, 0), description="Zeros added around the image, in pixels; 'same' keeps ceil(size / stride)."
    )
    dilation: Size2 = Field((1, 1), description="Distance between the pixels a filter reads; 1 is a dense filter.")
    bias: bool = Field(True, strict=True, description="Whether a trained number is added to each output channel.")
    weight_initializer: Initialiser = Field(HeNormal(), description="How the filters of both steps start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image(self.type, x)
        sizes = slide(self.type, x, self.kernel_size, self.stride, self.padding, self.dilation, wide=True)
        return (self.out_channels, *sizes)

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = window(self.type, x.shape, self.kernel_size, self.stride, self.padding, self.dilation)
        y = self.infer(x.shape)
        area, middle = elements(w.kernel), x.shape[0] * self.multiplier
        shape, how = (middle, 1, *w.shape(w.kernel)), self.weight_initializer
        first = weight("depthwise_weight", shape, how, (area, self.multiplier * area), self.trainable)
        fan = (middle, self.out_channels)
        second = weight("pointwise_weight", (self.out_channels, middle, *(1 for _ in y[1:])), how, fan, self.trainable)
        shift = bias(self.out_channels, self.bias_initializer, fan, self.trainable) if self.bias else None
        mid = ops.Conv2d((x,), (middle, *y[1:]), first, None, w.stride, w.padding, w.dilation, x.shape[0])
        return ops.Conv2d((mid,), y, second, shift, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
