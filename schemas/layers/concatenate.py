"""Put the values of several layers one behind the other, along the channels unless `axis` says otherwise."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import ops
from ..joints import joined
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Shape", onnx="Concat", nnc="Concatenate", since=1)
class Concatenate(Layer):
    """Put the values of several layers one behind the other, along the channels unless `axis` says otherwise."""

    arity: ClassVar[tuple[int, int | None]] = (2, None)

    type: Literal["Concatenate"] = "Concatenate"
    axis: Annotated[int, Field(ge=0, le=2, strict=True)] = Field(
        0, description="Axis to join along: 0 channels, 1 height, 2 width."
    )

    def infer(self, *shapes: Shape) -> Shape:
        return joined(shapes, self.axis)

    def lower(self, *values: Value) -> Value:
        return ops.Concatenate(values, self.infer(*(v.shape for v in values)), axis=self.axis)
