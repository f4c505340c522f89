"""Rules for layers that join several inputs."""

from __future__ import annotations

from collections.abc import Sequence

from . import ops
from .errors import ShapeError
from .ops import Value
from .say import commas, say
from .shapes import Shape, shape_text


def _list(shapes: Sequence[Shape]) -> str:
    return commas(shape_text(s) for s in shapes)


def broadcast(kind: str, shapes: Sequence[Shape]) -> Shape:
    """Return the common shape, or raise ShapeError that names the axis on which the inputs differ.

    Where a size is 1 the values are repeated, and a single number, (1,), fits everything.

    >>> broadcast("Add", [(8, 5, 5), (8, 1, 1), (1, 5, 5), (1,)])
    (8, 5, 5)
    """
    arrays = [s for s in shapes if s != (1,)] or list(shapes)
    first = arrays[0]
    why = say("{kind} works value by value, so sizes must be equal, or 1, which is repeated.", kind=kind)
    if any(len(s) != len(first) for s in arrays):
        raise ShapeError(
            "rank_mismatch",
            say("The inputs of {kind} have different numbers of axes: {shapes}.", kind=kind, shapes=_list(shapes)),
            why,
        )
    if any(len({s[axis] for s in arrays} - {1}) > 1 for axis in range(1, len(first))):
        raise ShapeError(
            "size_mismatch",
            say("The inputs of {kind} differ in height or width: {shapes}.", kind=kind, shapes=_list(shapes)),
            why,
        )
    if len({s[0] for s in arrays} - {1}) > 1:
        raise ShapeError(
            "channel_mismatch",
            say("The inputs of {kind} differ in channels: {shapes}.", kind=kind, shapes=_list(shapes)),
            why,
        )
    return tuple(max(s[axis] for s in arrays) for axis in range(len(first)))


def repeated(values: Sequence[Value], shape: Shape) -> tuple[Value, ...]:
    """Return the values, each repeated to the common shape where it is smaller."""
    return tuple(v if v.shape == shape else ops.Broadcast((v,), shape) for v in values)


def joined(shapes: Sequence[Shape], axis: int) -> Shape:
    """Return the shape after joining along `axis`, or raise ShapeError."""
    first = shapes[0]
    if any(len(s) != len(first) for s in shapes):
        raise ShapeError(
            "rank_mismatch",
            say(
                "The inputs of {kind} have different numbers of axes: {shapes}.",
                kind="Concatenate",
                shapes=_list(shapes),
            ),
            say("They are put one behind the other along one axis; all other axes must agree."),
        )
    if axis >= len(first):
        raise ShapeError(
            "axis_out_of_range",
            say(
                "There is no axis {axis} in inputs of {count} axes: {shapes}.",
                axis=axis,
                count=len(first),
                shapes=_list(shapes),
            ),
            say("Axis 0 is channels."),
        )
    if any(s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :] for s in shapes):
        raise ShapeError(
            "size_mismatch" if axis == 0 else "channel_mismatch",
            say("The inputs of Concatenate differ beside axis {axis}: {shapes}.", axis=axis, shapes=_list(shapes)),
            say("They are put one behind the other along one axis; all other axes must agree."),
        )
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])
