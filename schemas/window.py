"""What convolution and pooling share: a window that slides over height and width."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .errors import FieldFix, Remark, ShapeError
from .ops import Padding
from .shapes import Margin2, Pair, Shape, output_size, remainder, same_padding, shape_text

PaddingField = Annotated[Margin2 | Literal["same"], Field(union_mode="left_to_right")]
AXES = ("height", "width")


def image(kind: str, x: Shape) -> None:
    """Raise ShapeError unless x is (C, H, W)."""
    if len(x) != 3:
        raise ShapeError(
            "input_not_image",
            f"{kind} needs an image (channels, height, width), but its input is {shape_text(x)}.",
            "A window slides over height and width. Put this layer before Flatten or Affine, or Reshape the values "
            "to an image.",
        )


def resolve_padding(x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1)) -> Padding:
    """Return ((top, bottom), (left, right)) for a padding field."""
    if isinstance(padding, str):
        top_bottom, left_right = (same_padding(x[1 + a], kernel[a], stride[a], dilation[a]) for a in (0, 1))
        return top_bottom, left_right
    return (padding[0], padding[0]), (padding[1], padding[1])


def narrow_padding(kind: str, kernel: Pair, padding: Pair | str) -> None:
    """Raise ShapeError where a pooling window could lie in the padding alone."""
    if not isinstance(padding, str) and any(p >= k for p, k in zip(padding, kernel, strict=True)):
        fitting = [min(p, k - 1) for p, k in zip(padding, kernel, strict=True)]
        raise ShapeError(
            "padding_too_large",
            f"{kind} pads by {padding[0]} and {padding[1]} pixels, but its window is only {kernel[0]} × {kernel[1]}.",
            "A window that lies in the padding alone has no value to give; padding must be smaller than the window.",
            [FieldFix(f"Pad by {fitting[0]} and {fitting[1]} pixels", {"padding": fitting})],
        )


def slide(
    kind: str, x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1), ceil: bool = False
) -> Pair:
    """Return (OH, OW), or raise ShapeError where the window is larger than the padded input."""
    image(kind, x)
    sides = resolve_padding(x, kernel, stride, padding, dilation)
    sizes = [output_size(x[1 + a], kernel[a], stride[a], *sides[a], dilation[a], ceil) for a in (0, 1)]
    if min(sizes) < 1:
        bad = [a for a in (0, 1) if sizes[a] < 1]
        names = " and ".join(AXES[a] for a in bad)
        reach = [dilation[a] * (kernel[a] - 1) + 1 for a in (0, 1)]
        have = [x[1 + a] + sum(sides[a]) for a in (0, 1)]
        old = (0, 0) if isinstance(padding, str) else padding
        enough = [max(old[a], -(-(reach[a] - x[1 + a]) // 2)) if a in bad else old[a] for a in (0, 1)]
        smaller = [max(1, (have[a] - 1) // dilation[a] + 1) if a in bad else kernel[a] for a in (0, 1)]
        fixes = [FieldFix(f"Make the window {smaller[0]} × {smaller[1]}", {"kernel_size": smaller})]
        if kind == "Convolution" or all(p < k for p, k in zip(enough, kernel, strict=True)):
            fixes.insert(0, FieldFix(f"Pad the input by {enough[0]} and {enough[1]} pixels", {"padding": enough}))
        raise ShapeError(
            "window_too_large",
            f"The window reaches over {reach[0]} × {reach[1]} pixels, but the padded input has only "
            f"{have[0]} × {have[1]}.",
            f"In {names} no position of the window fits: (size + 2·padding − window) / stride + 1 is below 1.",
            fixes,
        )
    return sizes[0], sizes[1]


def _lines(counts: list[int]) -> str:
    """Say how many rows and columns.

    >>> _lines([1, 0]), _lines([1, 2])
    ('1 row', '1 row and 2 columns')
    """
    words = ((("row", "rows"), ("column", "columns"))[axis][count > 1] for axis, count in enumerate(counts) if count)
    return " and ".join(f"{count} {word}" for count, word in zip(filter(None, counts), words, strict=True))


def leftover(
    x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1), ceil: bool = False
) -> list[Remark]:
    """Warn where (size + 2P − window) / stride leaves a remainder: rows or columns that no window sees."""
    if ceil or isinstance(padding, str):
        return []
    sides = resolve_padding(x, kernel, stride, padding, dilation)
    lost = [remainder(x[1 + a], kernel[a], stride[a], *sides[a], dilation[a]) for a in (0, 1)]
    # What falls off within the padding loses no pixel of the input.
    dropped = [max(0, lost[a] - sides[a][1]) for a in (0, 1)]
    if not any(lost):
        return []
    fixes = []
    for more in range(1, max(stride)):
        wider = [padding[a] + (more if lost[a] else 0) for a in (0, 1)]
        fits = all(remainder(x[1 + a], kernel[a], stride[a], wider[a], wider[a], dilation[a]) == 0 for a in (0, 1))
        if fits and all(wider[a] < max(2, kernel[a]) for a in (0, 1)):
            fixes.append(FieldFix(f"Pad by {wider[0]} and {wider[1]} pixels", {"padding": wider}))
            break
    else:  # equal padding on both sides cannot fit where the stride is even and the remainder odd
        fixes.append(FieldFix("Pad by 'same': one pixel more at one side where needed", {"padding": "same"}))
    room = [x[1 + a] + sum(sides[a]) - dilation[a] * (kernel[a] - 1) - 1 for a in (0, 1)]
    whole = [
        min((s for s in range(1, stride[a] + 2) if room[a] % s == 0), key=lambda s: (abs(s - stride[a]), s))
        if lost[a]
        else stride[a]
        for a in (0, 1)
    ]
    fixes.append(FieldFix(f"Step by {whole[0]} and {whole[1]} pixels", {"stride": whole}))
    pixels = f"{_lines(dropped)} of real pixels" if any(dropped) else "no real pixels, only padding"
    return [
        Remark(
            "remainder",
            f"No window reaches {_lines(lost)} at the edge of the padded input ({pixels}).",
            "(size + 2·padding − window) / stride leaves a remainder, which is rounded down.",
            tuple(fixes),
        )
    ]
