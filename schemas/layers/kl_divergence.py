"""KLDivergence: a loss."""

from __future__ import annotations

from typing import Literal

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape
from ..window import pixels


@layer(category="Loss", onnx=None, nnc="KLMultinomial", since=1)
class KLDivergence(FormulaLoss):
    """Loss for distributions: t · log(t / y), summed over the classes; y is probabilities, as Softmax gives them.

    Kullback and Leibler 1951. On an image, the mean over its pixels.
    """

    type: Literal["KLDivergence"] = "KLDivergence"

    def formula(self, x: Shape) -> str:
        return f"sum(where(t > 0, t * log(max(t, 1e-12) / max(y, 1e-12)), 0)) / {pixels(x)}"
