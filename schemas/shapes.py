"""Integer rules shared by layers. A shape is that of one sample, (C, H, W), (C, L) or (F,), without the batch."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

Shape = tuple[int, ...]
Pair = tuple[int, int]

LARGEST = 2**31 - 1
"""Largest size of one axis and of one tensor's sample, so that byte offsets stay well inside 64 bits."""


def _pair(value: Any) -> Any:
    """Make one number the same for height and width; in a list by itself, as NNC writes it for (C, L), too.

    >>> _pair(3), _pair([3]), _pair([3, 5])
    ((3, 3), (3, 3), [3, 5])
    """
    one = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if isinstance(one, int) and not isinstance(one, bool):
        return (one, one)
    return value


Size = Annotated[int, Field(ge=1, le=65536, strict=True)]
Margin = Annotated[int, Field(ge=0, le=65536, strict=True)]
Size2 = Annotated[
    tuple[Size, Size], BeforeValidator(_pair, json_schema_input_type=Size | tuple[Size, Size] | tuple[Size])
]
Margin2 = Annotated[
    tuple[Margin, Margin],
    BeforeValidator(_pair, json_schema_input_type=Margin | tuple[Margin, Margin] | tuple[Margin]),
]
"""Height and width. Over (C, L) one number counts: [1, 5] (a height of 1; for margins 0), or equal ones, as 5 is."""


def output_size(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1, ceil: bool = False
) -> int:
    """Return how many window positions fit along one axis: (H + 2P - D(FH - 1) - 1) / S + 1, rounded down.

    `ceil` rounds up (Chainer's cover_all), but as in PyTorch no window starts inside the padding after the input.
    The result is < 1 when the window is larger than the padded input.

    >>> output_size(7, 3, 2, 0, 0), output_size(4, 3, 1, 1, 1), output_size(55, 3, 2, 0, 0, ceil=True)
    (3, 4, 27)
    """
    room = size + before + after - dilation * (kernel - 1) - 1
    if room < 0:
        return 0
    count = (-(-room // stride) if ceil else room // stride) + 1
    if ceil and (count - 1) * stride >= size + before:
        count -= 1
    return count


def remainder(size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1) -> int:
    """Return how many rows (columns) of the padded input no window reaches.

    >>> remainder(8, 3, 2, 0, 0), remainder(7, 3, 2, 0, 0)
    (1, 0)
    """
    room = size + before + after - dilation * (kernel - 1) - 1
    return room % stride if room >= 0 else 0


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> Pair:
    """Return (before, after) so that the output has ceil(size / stride) positions (TensorFlow's "same").

    >>> same_padding(28, 5, 1), same_padding(5, 2, 2), same_padding(224, 7, 2)
    ((2, 2), (0, 1), (2, 3))
    """
    count = -(-size // stride)
    total = max((count - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def elements(shape: Shape) -> int:
    """Return the number of values of one sample.

    >>> elements((16, 28, 28)), elements(())
    (12544, 1)
    """
    return math.prod(shape)


def shape_text(shape: Shape) -> str:
    """Write a shape as people do.

    >>> shape_text((16, 28, 28))
    '16 × 28 × 28'
    """
    return " × ".join(str(n) for n in shape)
