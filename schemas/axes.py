"""Rules for layers that name axes of a sample: 0 for channels, then height and width."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .errors import FieldFix, ShapeError
from .say import say
from .shapes import Margin, Shape, shape_text

Axis = Annotated[int, Field(ge=0, le=2, strict=True)]
Axes = Annotated[tuple[Axis, ...], Field(min_length=1, max_length=3)]
Margins = Annotated[tuple[Margin, ...], Field(min_length=1, max_length=3)]


def inside(kind: str, x: Shape, axis: int) -> None:
    """Raise ShapeError where there is no such axis."""
    if axis >= len(x):
        raise ShapeError(
            "axis_out_of_range",
            say("{kind} names axis {axis}, which {shape} does not have.", kind=kind, axis=axis, shape=shape_text(x)),
            say("Axis 0 is channels, 1 height (or length), 2 width."),
        )


def chosen(kind: str, x: Shape, axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the axes in order, all of them for None. Raises ShapeError where one does not exist or stands twice."""
    if axes is None:
        return tuple(range(len(x)))
    for axis in axes:
        inside(kind, x, axis)
    if len(set(axes)) != len(axes):
        raise ShapeError(
            "axis_twice",
            say("{kind} names an axis twice: {axes}.", kind=kind, axes=list(axes)),
            say("Each axis is gone along once."),
            [FieldFix(say("Name each once"), {"axes": sorted(set(axes))})],
        )
    return tuple(sorted(axes))


def without(kind: str, x: Shape, axes: tuple[int, ...] | None, keep: bool) -> Shape:
    """Return the shape after going along some axes; (1,) when none is left."""
    gone = chosen(kind, x, axes)
    if keep:
        return tuple(1 if axis in gone else n for axis, n in enumerate(x))
    return tuple(n for axis, n in enumerate(x) if axis not in gone) or (1,)


def margins(
    kind: str, x: Shape, before: tuple[int, ...], after: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what is added or cut off before and after on each axis, or raise ShapeError."""
    last = before if after is None else after
    if len(before) != len(x) or len(last) != len(x):
        fitted = tuple((*before, 0, 0)[: len(x)]) if len(before) != 2 or len(x) != 3 else (0, *before)
        raise ShapeError(
            "wrong_axes",
            say(
                "{kind} says {first} and {second} margins, but {shape} has {count} axes.",
                kind=kind,
                first=len(before),
                second=len(last),
                shape=shape_text(x),
                count=len(x),
            ),
            say("One number per axis: channels, height, width."),
            [
                FieldFix(
                    say("Use {fitted} before and after", fitted=list(fitted)), {"before": list(fitted), "after": None}
                )
            ],
        )
    return before, last
