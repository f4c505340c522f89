"""Split: one of several equal parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..axes import inside
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape


@layer(category="Shape", onnx="Split", nnc="Split", since=1)
class Split(Layer):
    """Cut the values into equal parts along one axis, and keep one of them."""

    type: Literal["Split"] = "Split"
    axis: Annotated[int, Field(ge=0, le=2, strict=True)] = Field(0, description="Axis to cut; 0 is channels.")
    parts: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(2, description="How many parts.")
    index: Annotated[int, Field(ge=0, le=65535, strict=True)] = Field(0, description="Which part is kept, from 0.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        inside("Split", x, self.axis)
        size = x[self.axis]
        if size % self.parts:
            fitting = [k for k in range(2, size + 1) if size % k == 0]
            nearest = sorted(fitting, key=lambda k: abs(k - self.parts))[:1]
            raise ShapeError(
                "parts_do_not_divide",
                say(
                    "{size} places on axis {axis} cannot be cut into {parts} equal parts.",
                    size=size,
                    axis=self.axis,
                    parts=self.parts,
                ),
                say("All parts have the same size."),
                [FieldFix(say("Make {count} parts", count=k), {"parts": k}) for k in nearest],
            )
        if self.index >= self.parts:
            raise ShapeError(
                "no_such_part",
                say("There is no part {index} of {parts}.", index=self.index, parts=self.parts),
                say("Parts are numbered 0 to {last}.", last=self.parts - 1),
                [FieldFix(say("Keep the last part"), {"index": self.parts - 1})],
            )
        return (*x[: self.axis], size // self.parts, *x[self.axis + 1 :])

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        shape = self.infer(x.shape)
        parts = [(0, 1, n) for n in x.shape]
        parts[self.axis] = (self.index * shape[self.axis], 1, shape[self.axis])
        return ops.Slice((x,), shape, tuple(parts))
