"""Crop: the values without a border."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import ops
from ..axes import Margins, margins
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape, shape_text


@layer(category="Shape", onnx="Slice", nnc=None, since=1)
class Crop(Layer):
    """Cut a border off the values; one entry per axis: channels, height, width."""

    type: Literal["Crop"] = "Crop"
    before: Margins = Field(description="How many places are cut off before the rest on each axis.")
    after: Margins | None = Field(None, description="How many are cut off after it; as many as before when left out.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        before, after = margins("Crop", x, self.before, self.after)
        left = tuple(n - a - b for a, n, b in zip(before, x, after, strict=True))
        if min(left) < 1:
            raise ShapeError(
                "nothing_left",
                say(
                    "Crop cuts {before} and {after} off {shape}, so nothing is left.",
                    before=list(before),
                    after=list(after),
                    shape=shape_text(x),
                ),
                say("Each axis must keep at least one place."),
                [FieldFix(say("Cut nothing off"), {"before": [0] * len(x), "after": None})],
            )
        return left

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        shape, (before, _) = self.infer(x.shape), margins("Crop", x.shape, self.before, self.after)
        return ops.Slice((x,), shape, tuple((a, 1, n) for a, n in zip(before, shape, strict=True)))
