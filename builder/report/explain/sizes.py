"""The output size of a sliding window, with the numbers put into the formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import Pair, output_size, remainder

LARGEST = 65_536
"""Largest number that the calculator takes, as in documents."""


@dataclass(frozen=True)
class AxisSize:
    """Output size along one axis. `lost` rows (columns) of the padded input are reached by no window."""

    size: int
    formula: str
    lost: int

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size, "formula": self.formula, "lost": self.lost}


def axis_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: int | Pair = 0,
    dilation: int = 1,
    *,
    ceil: bool = False,
    name: str = "OH",
) -> AxisSize:
    """Return (H + 2P - D(FH - 1) - 1) / S + 1 along one axis. Raises UsageError where no window fits.

    `padding` is P, or (before, after) where the sides differ.

    >>> axis_size(28, 5, padding=2).formula
    'OH = (28 + 2·2 − 5)/1 + 1 = 28'
    >>> axis_size(8, 3, stride=2)
    AxisSize(size=3, formula='OH = ⌊(8 + 2·0 − 3)/2⌋ + 1 = 3', lost=1)
    """
    before, after = (padding, padding) if isinstance(padding, int) else padding
    for word, number, least in (
        ("size", size, 1), ("kernel size", kernel, 1), ("stride", stride, 1), ("dilation", dilation, 1),
        ("padding", before, 0), ("padding", after, 0),
    ):  # fmt: skip
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= LARGEST:
            raise UsageError(
                say(
                    "The {word} must be a whole number from {least} to {largest:,}, but received {number!r}.",
                    word=word,
                    least=least,
                    largest=LARGEST,
                    number=number,
                )
            )
    reach = dilation * (kernel - 1) + 1
    room = size + before + after - reach
    if room < 0:
        raise UsageError(
            say(
                "The window reaches over {reach} pixels, but the padded input has only {room}: make the window "
                "smaller or the padding larger.",
                reach=reach,
                room=size + before + after,
            )
        )
    found = output_size(size, kernel, stride, before, after, dilation, ceil)
    lost = 0 if ceil else remainder(size, kernel, stride, before, after, dilation)
    sides = f"2·{before}" if before == after else f"{before} + {after}"
    window = str(kernel) if dilation == 1 else f"{dilation}·({kernel} − 1) − 1"
    division = f"({size} + {sides} − {window})/{stride}"
    if room % stride:
        division = f"⌈{division}⌉" if ceil else f"⌊{division}⌋"
    text = f"{name} = {division} + 1 = {found}"
    if ceil and found != -(-room // stride) + 1:
        text += " (the last window would lie in the padding alone)"
    return AxisSize(found, text, lost)


def window_size(
    shape: Sequence[int],
    kernel: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair | Sequence[Pair] = 0,
    dilation: int | Pair = 1,
    *,
    ceil: bool = False,
) -> tuple[AxisSize, AxisSize]:
    """Return the output sizes (rows, columns) of a window over an image (..., H, W).

    `padding` is P, (P rows, P columns), or ((top, bottom), (left, right)).
    """
    if len(shape) < 2:
        raise UsageError(say("A window slides over height and width, but the shape is {shape}.", shape=tuple(shape)))
    sizes, kernels, strides, dilations = tuple(shape)[-2:], pair(kernel), pair(stride), pair(dilation)
    pads = sides(padding)
    rows, columns = (
        axis_size(sizes[a], kernels[a], strides[a], pads[a], dilations[a], ceil=ceil, name=("OH", "OW")[a])
        for a in (0, 1)
    )
    return rows, columns


def pair(value: int | Sequence[int]) -> Pair:
    """Return (rows, columns) of a setting that may be one number for both."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise UsageError(
            say("Give one number, or one for rows and one for columns, but received {value!r}.", value=value)
        )
    return value[0], value[1]


def sides(padding: int | Pair | Sequence[Pair]) -> tuple[Pair, Pair]:
    """Return ((top, bottom), (left, right)) of a padding."""
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    if len(padding) != 2:
        raise UsageError(
            say(
                "Padding is one number, or one for rows and one for columns, but received {padding!r}.", padding=padding
            )
        )
    rows, columns = padding
    return pair(rows), pair(columns)
