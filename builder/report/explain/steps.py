"""One convolution and one pooling on a small grid, step by step, with every number that a person would write down."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import Pair

from .sizes import AxisSize, pair, sides, window_size

LARGEST = 64
"""Rows and columns of a grid that still has a step for each window: it is for reading."""
MOST_VALUES = 1 << 20
"""Numbers in the windows of all steps together."""


def grid(values: Any, what: str = "image") -> np.ndarray:
    """Return values as (C, H, W): whole numbers stay whole. Raises UsageError where they are no small image."""
    try:
        given = np.asarray(values)
        given = given.astype(np.int64) if given.dtype.kind in "biu" else given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(say("The {what} is not a grid of numbers: {error}.", what=what, error=error)) from None
    if given.ndim == 2:
        given = given[None]
    if given.ndim != 3 or 0 in given.shape:
        raise UsageError(
            say("The {what} must be (H, W) or (C, H, W), but has the shape {shape}.", what=what, shape=given.shape)
        )
    if max(given.shape[1:]) > LARGEST:
        raise UsageError(
            say(
                "The {what} is {height} × {width}; steps are shown up to {largest} pixels.",
                what=what,
                height=given.shape[1],
                width=given.shape[2],
                largest=LARGEST,
            )
        )
    if not np.isfinite(given).all():
        raise UsageError(say("The {what} holds a value that is not finite.", what=what))
    return given


def convolution_steps(
    image: Any, kernel: Any, *, bias: float = 0, stride: int | Pair = 1, padding: int | Pair = 0
) -> dict[str, Any]:
    """Return one convolution (cross-correlation) of an image with one filter, as data.

    image (H, W) or (C, H, W), kernel (FH, FW) or (C, FH, FW). The answer has "padded" (C, H + 2P, W + 2P), "output"
    (OH, OW), "size" with the formula of both axes, and in "steps" for each output value: "row" and "column", "top" and
    "left" of its window in the padded image, "window" and "products" (C, FH, FW), "sums" per channel, and "value".

    >>> found = convolution_steps([[1, 2], [3, 4]], [[1, 0], [0, 1]], bias=10)
    >>> found["output"].tolist(), found["steps"][0]["products"].tolist()
    ([[15]], [[[1, 0], [0, 4]]])
    """
    x, w = grid(image), grid(kernel, "filter")
    if len(x) != len(w):
        raise UsageError(
            say(
                "A filter has as many channels as its input, but the filter has {filter} and the image {image}.",
                filter=len(w),
                image=len(x),
            )
        )
    if not math.isfinite(bias):
        raise UsageError(say("The bias must be a finite number, but received {bias}.", bias=bias))
    size = window_size(x.shape, pair(w.shape[1:]), stride, padding)
    _bounded(size, w.size)
    padded = _pad(x, padding)
    steps = []
    for row, column, top, left in _places(size, stride):
        window = padded[:, top : top + w.shape[1], left : left + w.shape[2]]
        products = window * w
        sums = products.sum(axis=(1, 2))
        value = sums.sum() + bias
        steps.append(
            _place(row, column, top, left)
            | {"window": window, "products": products, "sums": sums, "value": value.item()}
        )
    output = np.array([step["value"] for step in steps]).reshape(size[0].size, size[1].size)
    return {
        "input": x,
        "padded": padded,
        "kernel": w,
        "bias": bias,
        "stride": pair(stride),
        "padding": sides(padding),
        "size": [axis.to_json() for axis in size],
        "output": output,
        "steps": steps,
    }


def pooling_steps(
    image: Any,
    window: int | Pair,
    *,
    kind: Literal["max", "average"] = "max",
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    ceil: bool = False,
    include_padding: bool = False,
) -> dict[str, Any]:
    """Return one pooling of an image (H, W) or (C, H, W), as data. `stride` is the window's size when left out.

    The answer has "output" (C, OH, OW) and in "steps" for each window: "row", "column", "top", "left" (in the padded
    image), "window" (C, FH, FW) with NaN where it lies in the padding, "values" (C,), and for max "winner": (row,
    column) in the image per channel; for average "sums" (C,) and "count", what they are divided by.

    >>> pooling_steps([[1, 2], [3, 4]], 2)["output"].tolist(), pooling_steps([[1, 2], [3, 4]], 2)["steps"][0]["winner"]
    ([[[4]]], [(1, 1)])
    """
    if kind not in ("max", "average"):
        raise UsageError(say("There is no pooling {kind!r}: use 'max' or 'average'.", kind=kind))
    x, shape = grid(image), pair(window)
    step = shape if stride is None else pair(stride)
    size = window_size(x.shape, shape, step, padding, ceil=ceil)
    (top_pad, bottom), (left_pad, right) = sides(padding)
    if max(top_pad, bottom) >= shape[0] or max(left_pad, right) >= shape[1]:
        raise UsageError(
            say("Padding must be smaller than the window: a window of padding alone has no value to give.")
        )
    _bounded(size, len(x) * shape[0] * shape[1])
    steps, output = [], np.zeros((len(x), size[0].size, size[1].size), x.dtype if kind == "max" else np.float64)
    for row, column, top, left in _places(size, step):
        shown, real, declared = _window(x, (top - top_pad, left - left_pad), shape, (bottom, right))
        found = _place(row, column, top, left) | {"window": shown}
        inside = shown.reshape(len(x), -1)
        if kind == "max":
            best = np.nanargmax(inside, axis=1)
            values = np.nanmax(inside, axis=1).astype(x.dtype)
            found["winner"] = [(int(k // shape[1]) + top - top_pad, int(k % shape[1]) + left - left_pad) for k in best]
        else:
            count = declared if include_padding else real
            sums = np.nansum(inside, axis=1)
            values = sums / count
            found |= {"sums": sums, "count": count}
        output[:, row, column] = values
        steps.append(found | {"values": values})
    return {
        "input": x,
        "kind": kind,
        "window": shape,
        "stride": step,
        "padding": sides(padding),
        "size": [axis.to_json() for axis in size],
        "output": output,
        "steps": steps,
    }


def _bounded(size: tuple[AxisSize, AxisSize], values: int) -> None:
    count = size[0].size * size[1].size
    if count * values > MOST_VALUES:
        raise UsageError(
            say(
                "{count:,} steps of {values:,} numbers are too many to read: take a smaller grid or a larger stride.",
                count=count,
                values=values,
            )
        )


def _pad(x: np.ndarray, padding: int | Pair) -> np.ndarray:
    return np.pad(x, ((0, 0), *sides(padding)))


def _places(size: tuple[AxisSize, AxisSize], stride: int | Pair) -> list[tuple[int, int, int, int]]:
    down, across = pair(stride)
    return [(r, c, r * down, c * across) for r in range(size[0].size) for c in range(size[1].size)]


def _place(row: int, column: int, top: int, left: int) -> dict[str, Any]:
    return {"row": row, "column": column, "top": top, "left": left}


def _window(x: np.ndarray, corner: Pair, shape: Pair, after: Pair) -> tuple[np.ndarray, int, int]:
    """Return a window with NaN outside the image, its real pixels, and those in image or declared padding."""
    _, height, width = x.shape
    rows = np.arange(corner[0], corner[0] + shape[0])
    columns = np.arange(corner[1], corner[1] + shape[1])
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    taken = x[:, rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)].astype(np.float64)
    declared = (rows < height + after[0]).sum() * (columns < width + after[1]).sum()
    return np.where(inside, taken, np.nan), int(inside.sum()), int(declared)
