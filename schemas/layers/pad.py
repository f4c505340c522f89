"""Pad: a border around the values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..axes import Margins, margins
from ..layer import Layer, layer
from ..ops import Value
from ..shapes import Shape


@layer(category="Shape", onnx="Pad", nnc="Pad", since=1)
class Pad(Layer):
    """Put a border of one value around the values; one entry per axis: channels, height, width."""

    type: Literal["Pad"] = "Pad"
    before: Margins = Field(description="How many places come before the values on each axis.")
    after: Margins | None = Field(None, description="How many come after them; as many as before when left out.")
    value: Annotated[float, Field(ge=-1e30, le=1e30, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Value of the border."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        before, after = margins("Pad", x, self.before, self.after)
        return tuple(a + n + b for a, n, b in zip(before, x, after, strict=True))

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        before, _ = margins("Pad", x.shape, self.before, self.after)
        return ops.Pad((x,), self.infer(x.shape), before, self.value)
