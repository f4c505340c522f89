"""The base of losses: what all of them have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from . import ops
from .layer import Layer
from .ops import Value
from .shapes import Shape, elements
from .window import pixels


class Loss(Layer):
    """Compares the prediction it reads with the target."""

    reduction: Literal["mean", "sum"] = Field(
        "mean",
        description="Whether the values of a sample are averaged or added up; over the batch it is always the mean.",
    )
    loss_weight: Annotated[float, Field(gt=0, le=1e6, strict=True, allow_inf_nan=False)] = Field(
        1.0, description="Factor on this loss; where there are several losses, training makes their weighted sum small."
    )
    target: Literal["labels", "input"] = Field(
        "labels",
        description="What an auxiliary loss compares with: the network's target, or the network's own input "
        "(reconstruction).",
    )

    def infer(self, x: Shape) -> Shape:  # type: ignore[override]  # one input, fixed by arity
        return ()

    def scale(self, values: int) -> float:
        """Return the factor on a loss that is the mean over so many values of a sample."""
        return self.loss_weight * (values if self.reduction == "sum" else 1)


class ClassLoss(Loss):
    """A loss that takes the number of one class for its target."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = Field(
        0.0, description="Share of the target that all classes have alike, against overconfidence."
    )
    ignore_index: Annotated[int, Field(ge=-(2**31), lt=2**31, strict=True)] | None = Field(
        None,
        description="Label of samples or pixels that are left out: of the loss and its mean, and of every metric.",
    )

    def cross_entropy(self, probabilities: Value) -> Value:
        """Return the cross-entropy of probabilities, one for each class."""
        return ops.CrossEntropy(
            (probabilities,),
            (),
            scale=self.scale(pixels(probabilities.shape)),
            smoothing=self.label_smoothing,
            ignore=self.ignore_index,
        )


class FormulaLoss(Loss):
    """A loss that is a formula of prediction y and target t, see schemas/expression.py."""

    def formula(self, x: Shape) -> str:
        raise NotImplementedError  # every subclass overrides it

    def lower(self, x: Value) -> Value:  # type: ignore[override]  # one input, fixed by arity
        return ops.ExpressionLoss((x,), (), self.formula(x.shape), scale=self.scale(elements(x.shape)))
