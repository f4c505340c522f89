"""MaxPooling: the largest value of each window."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..errors import Remark
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2
from ..window import PaddingField, leftover, narrow_padding, resolve_padding, slide


@layer(category="Pooling", onnx="MaxPool", nnc="MaxPooling", since=1)
class MaxPooling(Layer):
    """Keep the largest value of each window. Pooling has no parameters and keeps the channels."""

    type: Literal["MaxPooling"] = "MaxPooling"
    kernel_size: Size2 = Field((2, 2), description="Height and width of the window, in pixels.")
    stride: Size2 | None = Field(None, description="Step of the window, in pixels; kernel_size when left out.")
    padding: PaddingField = Field((0, 0), description="Border around the image, in pixels, that never wins; or 'same'.")
    ceil_mode: bool = Field(
        False, strict=True, description="Round the output size up, so that no pixel is left out (Chainer's cover_all)."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        narrow_padding("MaxPooling", self.kernel_size, self.padding)
        step = self.stride or self.kernel_size
        return (x[0], *slide("MaxPooling", x, self.kernel_size, step, self.padding, ceil=self.ceil_mode))

    def remarks(self, x: Shape) -> list[Remark]:  # type: ignore[override]  # one input, fixed by arity
        return leftover(x, self.kernel_size, self.stride or self.kernel_size, self.padding, ceil=self.ceil_mode)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        step = self.stride or self.kernel_size
        padding = resolve_padding(x.shape, self.kernel_size, step, self.padding)
        return ops.MaxPool2d((x,), self.infer(x.shape), self.kernel_size, step, padding)
