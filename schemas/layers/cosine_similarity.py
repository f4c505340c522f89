"""CosineSimilarity: a loss."""

from __future__ import annotations

from typing import Literal

from ..layer import layer
from ..loss import FormulaLoss
from ..shapes import Shape


@layer(category="Loss", onnx=None, nnc=None, since=1)
class CosineSimilarity(FormulaLoss):
    """Loss for directions: 1 - the cosine of the angle between prediction and target, whatever their lengths."""

    type: Literal["CosineSimilarity"] = "CosineSimilarity"

    def formula(self, x: Shape) -> str:
        return "1 - sum(y * t) / sqrt(sum(y * y) * sum(t * t) + 1e-12)"
