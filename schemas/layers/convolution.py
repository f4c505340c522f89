"""Convolution: filters that slide over an image."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, Remark, ShapeError
from ..initialisers import HeNormal, Initialiser, Zeros
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2
from ..window import PaddingField, image, leftover, resolve_padding, slide


@layer(category="Convolution", onnx="Conv", nnc="Convolution", since=1)
class Convolution(Layer):
    """Slide filters over the image; each filter gives one output channel.

    Computes cross-correlation, as PyTorch, Keras and NNabla do under the name convolution. Output size along one axis:
    (H + 2·padding − dilation·(kernel_size − 1) − 1) / stride + 1, rounded down.
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
        channels = x[0]
        if channels % self.groups or self.out_channels % self.groups:
            fitting = [
                g for g in range(1, min(channels, self.out_channels) + 1) if channels % g == self.out_channels % g == 0
            ]
            nearest = min(fitting, key=lambda g: (abs(g - self.groups), g))
            up = -(-self.out_channels // self.groups) * self.groups
            fixes = [FieldFix(f"Use {nearest} groups", {"groups": nearest})]
            if channels % self.groups == 0:
                fixes.append(FieldFix(f"Make {up} output channels", {"out_channels": up}))
            raise ShapeError(
                "groups_do_not_divide",
                f"{self.groups} groups do not divide {channels} input channels and {self.out_channels} output channels "
                "evenly.",
                "Each group takes an equal share of the input channels and of the filters.",
                fixes,
            )
        return (self.out_channels, *slide("Convolution", x, self.kernel_size, self.stride, self.padding, self.dilation))

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        area = self.kernel_size[0] * self.kernel_size[1]
        inside = x.shape[0] // self.groups
        fan = (inside * area, self.out_channels // self.groups * area)
        weight = ops.Parameter(
            "weight",
            (self.out_channels, inside, *self.kernel_size),
            self.weight_initializer,
            fan,
            "weight",
            self.trainable,
        )
        bias = ops.Parameter("bias", (self.out_channels,), self.bias_initializer, fan, "bias", self.trainable)
        padding = resolve_padding(x.shape, self.kernel_size, self.stride, self.padding, self.dilation)
        return ops.Conv2d(
            (x,),
            self.infer(x.shape),
            weight,
            bias if self.bias else None,
            self.stride,
            padding,
            self.dilation,
            self.groups,
        )
