"""Upsample: a larger image of the same content."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..enlarge import enlarged
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape, Size2


@layer(category="Pooling", onnx="Resize", nnc=None, since=1)
class Upsample(Layer):
    """Enlarge the image by whole factors: repeat its pixels (nearest), or blend between them (bilinear)."""

    type: Literal["Upsample"] = "Upsample"
    scale: Size2 = Field((2, 2), description="How many times as high and as wide the result is.")
    mode: Literal["nearest", "bilinear"] = Field(
        "nearest", description="nearest: repeat each pixel; bilinear: blend the four pixels around each place."
    )
    align_corners: bool = Field(
        False,
        strict=True,
        description="Whether the corner pixels of input and output lie on one another (bilinear alone); else the "
        "edges of the images do.",
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return enlarged("Upsample", x, "scale", self.scale)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Resample((x,), self.infer(x.shape), self.mode, self.align_corners)
