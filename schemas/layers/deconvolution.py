"""Deconvolution: filters that paint an image, the transpose of a convolution."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, ShapeError
from ..filters import bias, groups_fit, weight
from ..initialisers import HeNormal, Initialiser, Zeros
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Margin2, Shape, Size2, elements, same_padding
from ..window import PaddingField, Window, along, image, window


@layer(category="Convolution", onnx="ConvTranspose", nnc="Deconvolution", since=1)
class Deconvolution(Layer):
    """Paint an image with filters, each times a value of the input: the transpose of a convolution.

    A stride of 2 doubles height and width, on the way back in autoencoders and U-Nets. Output size along one axis:
    (H − 1)·stride − 2·padding + dilation·(kernel_size − 1) + 1 + output_padding. The weight has the layout of the
    convolution that it turns round, (in_channels, out_channels / groups, FH, FW), as in PyTorch and NNabla.
    """

    type: Literal["Deconvolution"] = "Deconvolution"
    out_channels: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(description="Number of output channels.")
    kernel_size: Size2 = Field((3, 3), description="Height and width of the filters, in pixels.")
    stride: Size2 = Field((1, 1), description="Step between the places where the filters paint, in pixels.")
    padding: PaddingField = Field(
        (0, 0), description="Pixels cut off at each side of the result; 'same' gives size · stride."
    )
    output_padding: Margin2 = Field(
        (0, 0), description="Pixels added below and at the right, since several sizes shrink to one; below stride."
    )
    dilation: Size2 = Field((1, 1), description="Distance between the pixels a filter paints; 1 is a dense filter.")
    groups: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(
        1, description="Channels and filters are split into this many groups that do not see each other."
    )
    bias: bool = Field(True, strict=True, description="Whether a trained number is added to each output channel.")
    weight_initializer: Initialiser = Field(HeNormal(), description="How the filters start.")
    bias_initializer: Initialiser = Field(Zeros(), description="How the bias starts.")

    def painting(self, x: Shape) -> tuple[Window, tuple[int, int]]:
        """Return the window of the convolution that this one turns round, and the size of the output."""
        fixed = (0, 0) if self.padding == "same" else self.padding
        w = window("Deconvolution", x, self.kernel_size, self.stride, fixed, self.dilation)
        more = along("Deconvolution", "output_padding", self.output_padding, 0) if w.flat else self.output_padding
        if self.padding == "same":
            out = (w.size[0] * w.stride[0], w.size[1] * w.stride[1])
            sides = tuple(same_padding(out[a], w.kernel[a], w.stride[a], w.dilation[a]) for a in (0, 1))
            w = w._replace(padding=(sides[0], sides[1]))
            if any(more):
                raise ShapeError(
                    "output_padding",
                    say(
                        "padding 'same' says the output size already, but output_padding is {more}.", more=w.both(more)
                    ),
                    say("'same' makes the output size · stride; output_padding is for padding in numbers."),
                    [FieldFix(say("Set {name} to {value}", name="output_padding", value=0), {"output_padding": 0})],
                )
            return w, out
        if any(m >= max(s, d) for m, s, d in zip(more, w.stride, w.dilation, strict=True)):
            less = [min(m, max(s, d) - 1) for m, s, d in zip(more, w.stride, w.dilation, strict=True)]
            raise ShapeError(
                "output_padding",
                say(
                    "output_padding {more} must be below the stride, {stride} (or the dilation).",
                    more=w.both(more),
                    stride=w.both(w.stride),
                ),
                say("It chooses among the sizes that a convolution of this stride shrinks to one."),
                [
                    FieldFix(
                        say("Set {name} to {value}", name="output_padding", value=w.both(less)),
                        {"output_padding": w.field(less)},
                    )
                ],
            )
        rows, columns = ((w.size[a] - 1) * w.stride[a] - sum(w.padding[a]) + w.reach[a] + more[a] for a in (0, 1))
        if min(rows, columns) < 1:
            most = [
                min(w.padding[a][0], max(0, ((w.size[a] - 1) * w.stride[a] + w.reach[a] + more[a] - 1) // 2))
                for a in (0, 1)
            ]
            raise ShapeError(
                "window_too_large",
                say(
                    "Nothing is left: padding cuts {amount} off a result of {size}.",
                    amount=w.amount((sum(w.padding[0]), sum(w.padding[1]))),
                    size=w.said((rows + sum(w.padding[0]), columns + sum(w.padding[1]))),
                ),
                say("(size − 1)·stride − 2·padding + dilation·(kernel_size − 1) + 1 + output_padding is below 1."),
                [FieldFix(say("Cut {amount}", amount=w.amount(most)), {"padding": w.field(most)})],
            )
        return w, (rows, columns)

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        image("Deconvolution", x)
        groups_fit(x[0], self.out_channels, self.groups)
        w, size = self.painting(x)
        return (self.out_channels, *w.shape(size))

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        w, _ = self.painting(x.shape)
        inside, outside, area = x.shape[0] // self.groups, self.out_channels // self.groups, elements(w.kernel)
        # A pixel of the output is painted by one filter in stride² on the average.
        fan = (max(1, inside * area // elements(w.stride)), outside * area)
        shape = (x.shape[0], outside, *w.shape(w.kernel))
        return ops.Deconv2d(
            (x,),
            self.infer(x.shape),
            weight("weight", shape, self.weight_initializer, fan, self.trainable),
            bias(self.out_channels, self.bias_initializer, fan, self.trainable) if self.bias else None,
            w.stride,
            w.padding,
            w.dilation,
            self.groups,
        )
