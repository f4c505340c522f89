"""What the user gives as inputs and targets, checked and brought into the engine's form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas import ops
from schemas.errors import UsageError
from schemas.shapes import Shape, shape_text

IGNORED = -1
"""Class number of samples and pixels that are left out."""


@dataclass(frozen=True)
class Mixed:
    """Targets of samples that were mixed of two (mixup): `share` of the first one's, the rest of the second one's."""

    first: np.ndarray
    second: np.ndarray
    share: float


def inputs(x: Any, shape: Shape, dtype: np.dtype[Any]) -> np.ndarray:
    """Return x as (N, *shape); a flat (N, features) array is accepted where the number of values agrees."""
    try:
        given = np.asarray(x, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise UsageError(f"The inputs are not an array of numbers: {error}.") from None
    if given.shape[1:] == shape:
        return given
    if given.ndim >= 2 and int(np.prod(given.shape[1:])) == int(np.prod(shape)) and 1 in (given.ndim - 1, len(shape)):
        return given.reshape(len(given), *shape)
    hint = " Put one sample into a batch with x[None]." if given.shape == shape else ""
    raise UsageError(f"The network reads (N, {shape_text(shape)}), but received an array of shape {given.shape}.{hint}")


def labelled(loss: ops.Op) -> bool:
    """Say whether the loss compares with class numbers rather than values."""
    return isinstance(loss, ops.CrossEntropy)


def targets(t: Any, count: int, head: Shape, loss: ops.Op, dtype: np.dtype[Any]) -> np.ndarray:
    """Return class numbers (N, pixels...) as int64, or values (N, *head).

    Classes come as numbers or one-hot; values of a single output as (N,) or (N, 1). Labels that the loss ignores become
    IGNORED.
    """
    try:
        given = np.asarray(t)
    except ValueError as error:
        raise UsageError(f"The targets are not an array of numbers: {error}.") from None
    if given.dtype.kind not in "biuf":
        raise UsageError(f"The targets are not numbers but {given.dtype}; map class names to 0, 1, 2, … first.")
    if len(given.shape) == 0 or len(given) != count:
        raise UsageError(f"There are {count} samples, but targets of shape {given.shape}: each sample needs one.")
    if isinstance(loss, ops.CrossEntropy):
        return _classes(given, head, loss.ignore)
    if _are_classes(given, count, head):
        classes = _classes(given, head).reshape(count, *head[1:])
        return np.moveaxis(np.eye(head[0], dtype=dtype)[classes], -1, 1)
    if given.size == count * int(np.prod(head)):
        found = given.reshape(count, *head).astype(dtype, copy=False)
        if isinstance(loss, ops.BinaryCrossEntropy) and not ((found >= 0) & (found <= 1)).all():
            raise UsageError(f"The targets of a binary task lie between 0 and 1, but received {_beyond(found)!r}.")
        return found
    raise UsageError(f"The network gives (N, {shape_text(head)}), but the targets have the shape {given.shape}.")


def _are_classes(given: np.ndarray, count: int, head: Shape) -> bool:
    """Say whether these are class numbers, one where the network gives a value for each class."""
    return head[0] > 1 and given.size == count * int(np.prod(head[1:])) and given.dtype.kind in "iub"


def _beyond(values: np.ndarray) -> float:
    """Return the first value that is not between 0 and 1."""
    return float(values[~((values >= 0) & (values <= 1))].flat[0])


def _classes(given: np.ndarray, head: Shape, ignore: int | None = None) -> np.ndarray:
    sites = tuple(n for n in head[1:] if n != 1)
    if given.ndim >= 2 and given.shape[1:] == head and head[0] > 1:
        if not (np.isin(given, (0, 1)).all() and (given.sum(1) == 1).all()):
            raise UsageError("One-hot targets must hold exactly one 1 per sample and 0 elsewhere.")
        given = given.argmax(1)
    elif given.ndim == 2 and given.shape[1] == 1 and not sites:
        given = given[:, 0]
    flat = given.reshape(len(given), *sites) if given.size == len(given) * math.prod(sites) else None
    if flat is None:
        wanted = f"(N,{shape_text(sites)})" if sites else f"(N,) or one-hot (N, {head[0]})"
        raise UsageError(f"The targets have the shape {given.shape}; class numbers are {wanted}.")
    if given.dtype.kind == "f" and not (np.isfinite(flat).all() and (np.mod(flat, 1) == 0).all()):
        raise UsageError("Class numbers must be whole numbers 0, 1, 2, …; for other numbers the task is regression.")
    left_out = None if ignore is None else (flat == ignore) | (flat == IGNORED)
    used = flat if left_out is None else flat[~left_out]
    low, high = (int(used.min()), int(used.max())) if used.size else (0, 0)
    if low < 0 or high >= head[0]:
        bad = low if low < 0 else high
        raise UsageError(
            f"Label {bad} is out of range: the network has {head[0]} classes, numbered 0 to {head[0] - 1}. "
            f"Make the last Affine {high + 1} wide, or renumber the labels."
        )
    return flat.astype(np.int64, copy=False) if left_out is None else np.where(left_out, IGNORED, flat).astype(np.int64)
