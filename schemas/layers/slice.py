"""Slice: part of the values along one axis."""

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

Place = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, strict=True)]


@layer(category="Shape", onnx="Slice", nnc="Slice", since=1)
class Slice(Layer):
    """Keep the values from `start` up to `stop` along one axis; negative numbers count from the end, as in Python."""

    type: Literal["Slice"] = "Slice"
    axis: Annotated[int, Field(ge=0, le=2, strict=True)] = Field(0, description="Axis to cut; 0 is channels.")
    start: Place = Field(0, description="First place that is kept.")
    stop: Place | None = Field(None, description="First place that is not kept any more; the end when left out.")
    step: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] = Field(
        1, description="Distance between places that are kept."
    )

    def _count(self, x: Shape) -> tuple[int, int]:
        inside("Slice", x, self.axis)
        size = x[self.axis]
        places = range(size)[self.start : self.stop : self.step]
        if not places:
            stop = size if self.stop is None else self.stop
            raise ShapeError(
                "nothing_left",
                say(
                    "{start} to {stop} keeps nothing of {size} places on axis {axis}.",
                    start=self.start,
                    stop=stop,
                    size=size,
                    axis=self.axis,
                ),
                say("Places run from 0 to {last}.", last=size - 1),
                [FieldFix(say("Keep all"), {"start": 0, "stop": None, "step": 1})],
            )
        return places[0], len(places)

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        _, count = self._count(x)
        return (*x[: self.axis], count, *x[self.axis + 1 :])

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        start, count = self._count(x.shape)
        parts = [(0, 1, n) for n in x.shape]
        parts[self.axis] = (start, self.step, count)
        return ops.Slice((x,), self.infer(x.shape), tuple(parts))
