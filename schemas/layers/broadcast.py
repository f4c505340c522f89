"""Broadcast: values repeated along axes of size 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape, shape_text


@layer(category="Shape", onnx="Expand", nnc="Broadcast", since=1)
class Broadcast(Layer):
    """Repeat values along the axes on which their size is 1; a single number takes any shape."""

    type: Literal["Broadcast"] = "Broadcast"
    shape: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)], ...], Field(min_length=1, max_length=3)
    ] = Field(description="Sizes of the result: [channels, height, width], [channels, length] or [features].")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        fits = len(x) == len(self.shape) and all(a in (1, n) for a, n in zip(x, self.shape, strict=True))
        if not fits and x != (1,):
            raise ShapeError(
                "broadcast_shape",
                say("{shape} cannot be repeated to {target}.", shape=shape_text(x), target=shape_text(self.shape)),
                say("Both need as many axes, and a size may only change where it is 1."),
            )
        return self.shape

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        shape = self.infer(x.shape)
        return x if x.shape == shape else ops.Broadcast((x,), shape)
