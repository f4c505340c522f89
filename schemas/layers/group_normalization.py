"""GroupNormalization: each group of channels gets mean 0 and variance 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .. import ops
from ..layer import Layer, layer
from ..normal import Epsilon, divided, scale_and_shift, several
from ..ops import Value
from ..say import say
from ..shapes import Shape, elements


@layer(category="Normalization", onnx="GroupNormalization", nnc=None, since=1)
class GroupNormalization(Layer):
    """Give each group of a sample's channels mean 0 and variance 1, then scale by gamma and shift by beta.

    Wu and He 2018. Training and use are the same, and the batch may be small. With one group it normalises over the
    whole sample, with as many as channels it is InstanceNormalization.
    """

    type: Literal["GroupNormalization"] = "GroupNormalization"
    groups: Annotated[int, Field(ge=1, le=65536, strict=True)] = Field(
        8, description="Number of groups; it divides the channels. The paper takes 32 for its large networks."
    )
    affine: bool = Field(True, strict=True, description="Whether a trained gamma and beta per channel follow.")
    epsilon: Epsilon = Field(1e-5, description="Added to the variance, so that equal values do not divide by zero.")

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        divided("GroupNormalization", x[0], self.groups)
        several("GroupNormalization", elements(x) // self.groups, say("each group"))
        return x

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        own = scale_and_shift((x.shape[0],), self.trainable) if self.affine else (None, None)
        return ops.Normalize((x,), x.shape, self.groups, True, False, self.epsilon, *own)
