"""MatMul: the matrix product of two layers."""

from __future__ import annotations

from typing import ClassVar, Literal

from .. import ops
from ..errors import ShapeError
from ..layer import Layer, layer
from ..ops import Value
from ..say import say
from ..shapes import Shape, shape_text


@layer(category="Arithmetic", onnx="MatMul", nnc="BatchMatmul", since=1)
class MatMul(Layer):
    """Multiply two matrices: (M, K) by (K, N) is (M, N). Of images, each channel is a matrix of its own.

    For a product with trained weights use Affine. Transpose turns a matrix.
    """

    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    type: Literal["MatMul"] = "MatMul"

    def infer(self, a: Shape, b: Shape) -> Shape:  # type: ignore[override]  # two inputs, fixed by arity
        if len(a) != len(b) or len(a) not in (2, 3):
            raise ShapeError(
                "rank_mismatch",
                say(
                    "MatMul reads {shape} and {other}, which are no two matrices.",
                    shape=shape_text(a),
                    other=shape_text(b),
                ),
                say("Both inputs need two axes, or three with as many matrices in each. Reshape gives values axes."),
            )
        if a[:-2] != b[:-2]:
            raise ShapeError(
                "channel_mismatch",
                say(
                    "MatMul reads {first} and {second} matrices: {shape} and {other}.",
                    first=a[0],
                    second=b[0],
                    shape=shape_text(a),
                    other=shape_text(b),
                ),
                say("The first matrix of one is multiplied by the first of the other, and so on."),
            )
        if a[-1] != b[-2]:
            raise ShapeError(
                "size_mismatch",
                say("MatMul cannot multiply {shape} by {other}.", shape=shape_text(a[-2:]), other=shape_text(b[-2:])),
                say(
                    "The first has {count} columns, so the second needs {count} rows. Transpose turns a matrix.",
                    count=a[-1],
                ),
            )
        return (*a[:-1], b[-1])

    def lower(self, a: Value, b: Value) -> Value:  # type: ignore[override]  # two inputs, fixed by arity
        return ops.MatMul((a, b), self.infer(a.shape, b.shape))
