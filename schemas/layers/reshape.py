"""Reshape: the same values under another shape."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..errors import FieldFix, ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape, elements, shape_text


@layer(category="Shape", onnx="Reshape", nnc="Reshape", since=1)
class Reshape(Layer):
    """Give the values another shape, in (C, H, W) order. One size may be -1: it takes what is left."""

    type: Literal["Reshape"] = "Reshape"
    shape: Annotated[
        tuple[Annotated[int, Field(ge=-1, le=2**31 - 1, strict=True)], ...], Field(min_length=1, max_length=3)
    ] = Field(description="Sizes of one sample: [channels, height, width], [channels, length] or [features].")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        total, free = elements(x), self.shape.count(-1)
        known = elements(tuple(n for n in self.shape if n != -1))
        if free > 1 or known == 0 or (free and total % known) or (not free and known != total):
            fixes = [FieldFix(say("Keep the values in one row"), {"shape": [total]})]
            if known and total % known == 0 and free == 0 and len(self.shape) > 1:
                rest = elements(self.shape[1:])
                if total % rest == 0:
                    fixes.insert(
                        0,
                        FieldFix(
                            say("Use {count} channels", count=total // rest),
                            {"shape": [total // rest, *self.shape[1:]]},
                        ),
                    )
            raise ShapeError(
                "reshape_size",
                say(
                    "{given} = {total} values cannot take the shape {shape}.",
                    given=shape_text(x),
                    total=total,
                    shape=list(self.shape),
                ),
                say("The number of values must stay the same, and at most one size may be -1."),
                fixes,
            )
        return tuple(total // known if n == -1 else n for n in self.shape)

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.Reshape((x,), self.infer(x.shape))
