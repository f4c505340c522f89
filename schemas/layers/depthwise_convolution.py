"""DepthwiseConvolution: each channel has filters of its own."""

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


@layer(category="Convolution", onnx="Conv", nnc="DepthwiseConvolution", since=1)
class DepthwiseConvolution(Layer):
    """Slide filters over each channel by itself: a Convolution with as many groups as channels.

    A pixel of the output costs as many multiplications as a filter has pixels, whatever the number of channels
    (MobileNet, Howard et al. 2017). Over (C, L) it slides along the length.
    """

    type: Literal["DepthwiseConvolution"] = "DepthwiseConvolution"
    multiplier: Annotated[int, Field(ge=1, le=1024, strict=True)] = Field(
        1, description="Filters, and so output channels, for each input channel."
    )
    kernel_size: Size2 = Field((3, 3), description="Height and width of the filters, in pixels.")
    stride: Size2 = Field((1, 1), description="Step of the filters, in pixels.")
    padding: PaddingField = Field(
        (0, 0), description="Zeros added around the image, in pixels; 'same' keeps ceil(size / stride)."
    )
    dilation: Size2 = Field((1, 1), description="Distance between the pixels a filter reads; 1 is a dense filter.")
    bias: bool = Field(True, strict=True, description="Whether a trained number is added to each output channel.")
    weight_initializer: Initialiser = Field(HeNormal(), description="How the filters start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image(self.type, x)
        sizes = slide(self.type, x, self.kernel_size, self.stride, self.padding, self.dilation, wide=True)
        return (x[0] * self.multiplier, *sizes)

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = window(self.type, x.shape, self.kernel_size, self.stride, self.padding, self.dilation)
        y = self.infer(x.shape)
        area = elements(w.kernel)
        fan = (area, self.multiplier * area)
        return ops.Conv2d(
            (x,),
            y,
            weight("weight", (y[0], 1, *w.shape(w.kernel)), self.weight_initializer, fan, self.trainable),
            bias(y[0], self.bias_initializer, fan, self.trainable) if self.bias else None,
            w.stride,
            w.padding,
            w.dilation,
            x.shape[0],
        )
