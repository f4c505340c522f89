"""Rules for layers that join several inputs."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ShapeError
from .shapes import Shape, shape_text


def _list(shapes: Sequence[Shape]) -> str:
    return ", ".join(shape_text(s) for s in shapes)


def same_shape(kind: str, shapes: Sequence[Shape]) -> Shape:
    """Return the common shape, or raise ShapeError that names the axis on which the inputs differ."""
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    why = f"{kind} works value by value, so all inputs need the same shape."
    if any(len(s) != len(first) for s in shapes):
        raise ShapeError("rank_mismatch", f"The inputs of {kind} have different numbers of axes: {_list(shapes)}.", why)
    if any(s[1:] != first[1:] for s in shapes):
        raise ShapeError("size_mismatch", f"The inputs of {kind} differ in height or width: {_list(shapes)}.", why)
    raise ShapeError("channel_mismatch", f"The inputs of {kind} differ in channels: {_list(shapes)}.", why)


def joined(shapes: Sequence[Shape], axis: int) -> Shape:
    """Return the shape after joining along `axis`, or raise ShapeError."""
    first = shapes[0]
    if any(len(s) != len(first) for s in shapes):
        raise ShapeError(
            "rank_mismatch",
            f"The inputs of Concatenate have different numbers of axes: {_list(shapes)}.",
            "They are put one behind the other along one axis; all other axes must agree.",
        )
    if axis >= len(first):
        raise ShapeError(
            "axis_out_of_range",
            f"There is no axis {axis} in inputs of {len(first)} axes: {_list(shapes)}.",
            "Axis 0 is channels.",
        )
    if any(s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :] for s in shapes):
        raise ShapeError(
            "size_mismatch" if axis == 0 else "channel_mismatch",
            f"The inputs of Concatenate differ beside axis {axis}: {_list(shapes)}.",
            "They are put one behind the other along one axis; all other axes must agree.",
        )
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])
