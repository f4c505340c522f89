"""Maxout: an activation over groups of channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape


@layer(category="Activation", onnx=None, nnc=None, since=1)
class Maxout(Layer):
    """Keep the largest of every few neighbouring channels.

    Goodfellow et al. 2013: behind an Affine or a Convolution it is a function made of `pieces` straight lines.
    """

    type: Literal["Maxout"] = "Maxout"
    pieces: Annotated[int, Field(ge=2, le=1000, strict=True)] = Field(
        2, description="How many channels compete for one output channel."
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        if x[0] % self.pieces:
            fitting = [k for k in range(2, min(x[0], 1000) + 1) if x[0] % k == 0]
            nearest = sorted(fitting, key=lambda k: abs(k - self.pieces))[:1]
            raise ShapeError(
                "pieces_do_not_divide",
                say("{count} channels cannot be cut into groups of {pieces}.", count=x[0], pieces=self.pieces),
                say("Each output channel takes the largest of as many input channels."),
                [FieldFix(say("Use groups of {count}", count=k), {"pieces": k}) for k in nearest],
            )
        return (x[0] // self.pieces, *x[1:])

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        shape = self.infer(x.shape)
        rest = tuple((0, 1, n) for n in x.shape[1:])
        parts = [ops.Slice((x,), shape, ((k, self.pieces, shape[0]), *rest)) for k in range(self.pieces)]
        best: Value = parts[0]
        for part in parts[1:]:
            best = ops.Binary((best, part), shape, function="max(x, y)")
        return best
