"""Transpose: the axes in another order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape, shape_text


@layer(category="Shape", onnx="Transpose", nnc="Transpose", since=1)
class Transpose(Layer):
    """Put the axes in another order; without `axes` the order is reversed."""

    type: Literal["Transpose"] = "Transpose"
    axes: (
        Annotated[tuple[Annotated[int, Field(ge=0, le=2, strict=True)], ...], Field(min_length=1, max_length=3)] | None
    ) = Field(None, description="Which axis of the input comes first, second and third; [1, 2, 0] puts channels last.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        axes = self._axes(x)
        return tuple(x[axis] for axis in axes)

    def _axes(self, x: Shape) -> tuple[int, ...]:
        axes = tuple(range(len(x)))[::-1] if self.axes is None else self.axes
        if sorted(axes) != list(range(len(x))):
            raise ShapeError(
                "wrong_axes",
                say(
                    "{axes} is no order of the {count} axes of {shape}.",
                    axes=list(axes),
                    count=len(x),
                    shape=shape_text(x),
                ),
                say("Each of 0 to {count} must stand there once.", count=len(x) - 1),
                [FieldFix(say("Reverse the order"), {"axes": list(range(len(x)))[::-1]})],
            )
        return axes

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Transpose((x,), self.infer(x.shape), self._axes(x.shape))
