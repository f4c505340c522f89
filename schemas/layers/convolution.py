"""Convolution: filters that slide over an image."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import Remark
from ..filters import bias, groups_fit, weight
from ..initialisers import HeNormal, Initialiser, Zeros
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2, elements
from ..window import PaddingField, image, leftover, slide, window


@layer(category="Convolution", onnx="Conv", nnc="Convolution", since=1)
class Convolution(Layer):
    """Slide filters over the image; each filter gives one output channel.

    Computes cross-correlation, as PyTorch, Keras and NNabla do under the name convolution. Output size along one axis:
    (H + 2·padding − dilation·(kernel_size − 1) − 1) / stride + 1, rounded down. Over (C, L) it slides along the length.
    """

    type: Literal["Convolution"] = "Convolution"
    out_channels: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(
        description="Number of filters, and of output channels."
    )
    kernel_size: Size2 = Field((3, 3), description="Height and width of the filters, in pixels.")
    stride: Size2 = Field((1, 1), description="Step of the filters, in pixels.")
    padding: PaddingField = Field(
        (0, 0), description="Zeros added around the image, in pixels; 'same' keeps ceil(size / stride)."
    )
    dilation: Size2 = Field((1, 1), description="Distance between the pixels a filter reads; 1 is a dense filter.")
    groups: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(
        1, description="Channels and filters are split into this many groups that do not see each other."
    )
    bias: bool = Field(True, strict=True, description="Whether a trained number is added to each output channel.")
    weight_initializer: Initialiser = Field(HeNormal(), description="How the filters start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image("Convolution", x)
        groups_fit(x[0], self.out_channels, self.groups)
        sizes = slide("Convolution", x, self.kernel_size, self.stride, self.padding, self.dilation, wide=True)
        return (self.out_channels, *sizes)

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w = window("Convolution", x.shape, self.kernel_size, self.stride, self.padding, self.dilation)
        inside, area = x.shape[0] // self.groups, elements(w.kernel)
        fan = (inside * area, self.out_channels // self.groups * area)
        shape = (self.out_channels, inside, *w.shape(w.kernel))
        return ops.Conv2d(
            (x,),
            self.infer(x.shape),
            weight("weight", shape, self.weight_initializer, fan, self.trainable),
            bias(self.out_channels, self.bias_initializer, fan, self.trainable) if self.bias else None,
            w.stride,
            w.padding,
            w.dilation,
            self.groups,
        )
