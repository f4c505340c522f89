"""What convolutions share: groups that divide, and parameters for a window."""

from __future__ import annotations

from . import ops
from .errors import FieldFix, ShapeError
from .initialisers import Initialiser
from .say import say
from .shapes import Shape


def groups_fit(channels: int, out_channels: int, groups: int) -> None:
    """Raise ShapeError unless the groups divide the input and the output channels."""
    if channels % groups or out_channels % groups:
        fitting = [g for g in range(1, min(channels, out_channels) + 1) if channels % g == out_channels % g == 0]
        nearest = min(fitting, key=lambda g: (abs(g - groups), g))
        up = -(-out_channels // groups) * groups
        fixes = [FieldFix(say("Use {count} groups", count=nearest), {"groups": nearest})]
        if channels % groups == 0:
            fixes.append(FieldFix(say("Make {count} output channels", count=up), {"out_channels": up}))
        raise ShapeError(
            "groups_do_not_divide",
            say(
                "{groups} groups do not divide {channels} input channels and {out_channels} output channels evenly.",
                groups=groups,
                channels=channels,
                out_channels=out_channels,
            ),
            say("Each group takes an equal share of the input channels and of the filters."),
            fixes,
        )


def weight(name: str, shape: Shape, how: Initialiser, fan: tuple[int, int], trainable: bool) -> ops.Parameter:
    """Return a weight whose initialiser reckons with (fan_in, fan_out)."""
    return ops.Parameter(name, shape, how, fan, "weight", trainable)


def bias(count: int, how: Initialiser, fan: tuple[int, int], trainable: bool) -> ops.Parameter:
    """Return one trained number per output channel."""
    return ops.Parameter("bias", (count,), how, fan, "bias", trainable)
