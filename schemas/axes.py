"""Rules for layers that name axes of a sample: 0 for channels, then height and width."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .errors import FieldFix, ShapeError
from .shapes import Margin, Shape, shape_text

Axis = Annotated[int, Field(ge=0, le=2, strict=True)]
Axes = Annotated[tuple[Axis, ...], Field(min_length=1, max_length=3)]
Margins = Annotated[tuple[Margin, ...], Field(min_length=1, max_length=3)]


def inside(kind: str, x: Shape, axis: int) -> None:
    """Raise ShapeError where there is no such axis."""
    if axis >= len(x):
        last = len(x) - 1
        raise ShapeError(
            "axis_out_of_range",
            f"{kind} names axis {axis}, but {shape_text(x)} has only {len(x)} ax{'es' if last else 'is'}.",
            "Axis 0 is channels, 1 height (or length), 2 width.",
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
            f"{kind} names an axis twice: {list(axes)}.",
            "Each axis is gone along once.",
            [FieldFix("Name each once", {"axes": sorted(set(axes))})],
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
            f"{kind} says {len(before)} and {len(last)} margins, but {shape_text(x)} has {len(x)} axes.",
            "One number per axis: channels, height, width.",
            [FieldFix(f"Use {list(fitted)} before and after", {"before": list(fitted), "after": None})],
        )
    return before, last
