"""What the normalisations within a sample share: over what they work, and their scale and shift."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from . import ops
from .errors import FieldFix, ShapeError
from .initialisers import Constant
from .say import about, say
from .shapes import Shape

Epsilon = Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)]


def scale_and_shift(shape: Shape, trainable: bool) -> tuple[ops.Parameter, ops.Parameter]:
    """Return gamma, all 1, and beta, all 0."""
    gamma = ops.Parameter("gamma", shape, Constant(value=1.0), kind="scale", trainable=trainable)
    return gamma, ops.Parameter("beta", shape, kind="scale", trainable=trainable)


def several(kind: str, count: int, over: str) -> None:
    """Raise ShapeError where a set has one value: its mean is itself, and nothing is left."""
    if count < 2:
        raise ShapeError(
            "one_value",
            say("{kind} would normalise over {over}, which is a single value here.", kind=kind, over=over),
            say("A single value minus its mean is 0, whatever it was: nothing of the input would be left."),
        )


def divided(kind: str, channels: int, groups: int) -> None:
    """Raise ShapeError unless the groups divide the channels."""
    if channels % groups:
        fitting = (g for g in range(1, channels + 1) if channels % g == 0)
        nearest = min(fitting, key=lambda g: (abs(g - groups), g))
        raise ShapeError(
            "groups_do_not_divide",
            about(
                kind, say("{groups} groups do not divide {channels} channels evenly.", groups=groups, channels=channels)
            ),
            say("Each group takes an equal share of the channels."),
            [FieldFix(say("Use {count} groups", count=nearest), {"groups": nearest})],
        )
