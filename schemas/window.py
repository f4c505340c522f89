"""What convolution and pooling share: a window that slides over height and width, or over the length of (C, L)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from .errors import FieldFix, Remark, ShapeError
from .ops import Padding
from .shapes import Margin2, Pair, Shape, output_size, remainder, same_padding, shape_text

PaddingField = Annotated[Margin2 | Literal["same"], Field(union_mode="left_to_right")]
AXES = ("height", "width")


def image(kind: str, x: Shape) -> None:
    """Raise ShapeError unless x is (C, H, W) or (C, L)."""
    if len(x) not in (2, 3):
        raise ShapeError(
            "input_not_image",
            f"{kind} needs an image (channels, height, width) or a row (channels, length), but its input is "
            f"{shape_text(x)}.",
            "A window slides over height and width, or over the length. Put this layer before Flatten or Affine, or "
            "Reshape the values to an image.",
        )


class Window(NamedTuple):
    """A window with everything said: (C, L) is an image of height 1."""

    flat: bool
    """Whether the input is (C, L)."""
    size: Pair
    """Height and width of the input."""
    kernel: Pair
    stride: Pair
    padding: Padding
    dilation: Pair = (1, 1)

    def places(self, ceil: bool = False) -> Pair:
        """Return how many positions the window has along each axis; below 1 where it has none."""
        rows, columns = (
            output_size(self.size[a], self.kernel[a], self.stride[a], *self.padding[a], self.dilation[a], ceil)
            for a in (0, 1)
        )
        return rows, columns

    @property
    def reach(self) -> Pair:
        """Pixels from the window's first to its last, both counted."""
        rows, columns = (self.dilation[a] * (self.kernel[a] - 1) + 1 for a in (0, 1))
        return rows, columns

    def shape(self, sizes: Pair) -> Shape:
        """Return the axes that stand in a shape: (H, W), or (L,)."""
        return sizes[1:] if self.flat else sizes

    def said(self, pair: Pair | list[int]) -> str:
        """Write two sizes as people do, one for (C, L)."""
        return str(pair[1]) if self.flat else f"{pair[0]} × {pair[1]}"

    def both(self, pair: Pair | list[int]) -> str:
        return str(pair[1]) if self.flat else f"{pair[0]} and {pair[1]}"

    def field(self, pair: Pair | list[int]) -> Any:
        """Return a field's value for two sizes."""
        return pair[1] if self.flat else list(pair)

    @property
    def unit(self) -> str:
        return "values" if self.flat else "pixels"


def along(kind: str, name: str, pair: Pair, neutral: int) -> Pair:
    """Return a pair for (C, L), whose height is 1; raise ShapeError where it says something else about the height."""
    if pair[0] not in (neutral, pair[1]):
        raise ShapeError(
            "window_not_flat",
            f"{kind} reads a row (channels, length), but its {name} says {pair[0]} and {pair[1]}.",
            "A row has one axis to slide along, so one number is enough.",
            [FieldFix(f"Set {name} to {pair[1]}", {name: pair[1]})],
        )
    return neutral, pair[1]


def window(kind: str, x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1)) -> Window:
    """Return the window of a layer's fields over x. Raises ShapeError where they do not fit."""
    image(kind, x)
    flat = len(x) == 2
    if flat:
        kernel, stride = along(kind, "kernel_size", kernel, 1), along(kind, "stride", stride, 1)
        dilation = along(kind, "dilation", dilation, 1)
        padding = padding if isinstance(padding, str) else along(kind, "padding", padding, 0)
    size = (1, x[1]) if flat else (x[1], x[2])
    return Window(flat, size, kernel, stride, resolve_padding(size, kernel, stride, padding, dilation), dilation)


def resolve_padding(size: Pair, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1)) -> Padding:
    """Return ((top, bottom), (left, right)) for a padding field over an image of this height and width."""
    if isinstance(padding, str):
        top_bottom, left_right = (same_padding(size[a], kernel[a], stride[a], dilation[a]) for a in (0, 1))
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
    kind: str,
    x: Shape,
    kernel: Pair,
    stride: Pair,
    padding: Pair | str,
    dilation: Pair = (1, 1),
    ceil: bool = False,
    wide: bool = False,
) -> Shape:
    """Return (OH, OW), or (OL,) of a row, or raise ShapeError where the window is larger than the padded input.

    `wide` says that padding may be as large as the window or larger, as convolutions allow.
    """
    w = window(kind, x, kernel, stride, padding, dilation)
    sizes = w.places(ceil)
    if min(sizes) < 1:
        bad = [a for a in (0, 1) if sizes[a] < 1]
        names = "the length" if w.flat else " and ".join(AXES[a] for a in bad)
        have = [w.size[a] + sum(w.padding[a]) for a in (0, 1)]
        old = (0, 0) if isinstance(padding, str) else (w.padding[0][0], w.padding[1][0])
        enough = [max(old[a], -(-(w.reach[a] - w.size[a]) // 2)) if a in bad else old[a] for a in (0, 1)]
        smaller = [max(1, (have[a] - 1) // w.dilation[a] + 1) if a in bad else w.kernel[a] for a in (0, 1)]
        fixes = [FieldFix(f"Make the window {w.said(smaller)}", {"kernel_size": w.field(smaller)})]
        if wide or all(p < k for p, k in zip(enough, w.kernel, strict=True)):
            fixes.insert(0, FieldFix(f"Pad the input by {w.both(enough)} {w.unit}", {"padding": w.field(enough)}))
        raise ShapeError(
            "window_too_large",
            f"The window reaches over {w.said(w.reach)} {w.unit}, but the padded input has only {w.said(have)}.",
            f"In {names} no position of the window fits: (size + 2·padding − window) / stride + 1 is below 1.",
            fixes,
        )
    return w.shape(sizes)


def _lines(counts: list[int], flat: bool = False) -> str:
    """Say how many rows and columns.

    >>> _lines([1, 0]), _lines([1, 2]), _lines([0, 2], flat=True)
    ('1 row', '1 row and 2 columns', '2 values')
    """
    nouns = (("row", "rows"), ("value", "values") if flat else ("column", "columns"))
    words = (nouns[axis][count > 1] for axis, count in enumerate(counts) if count)
    return " and ".join(f"{count} {word}" for count, word in zip(filter(None, counts), words, strict=True))


def leftover(
    x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1), ceil: bool = False
) -> list[Remark]:
    """Warn where (size + 2P − window) / stride leaves a remainder: rows or columns that no window sees."""
    if ceil or isinstance(padding, str):
        return []
    w = window("The window", x, kernel, stride, padding, dilation)
    axes = (w.size, w.kernel, w.stride, w.dilation)

    def rest(a: int, before: int, after: int) -> int:
        size, window_, step, spread = (part[a] for part in axes)
        return remainder(size, window_, step, before, after, spread)

    lost = [rest(a, *w.padding[a]) for a in (0, 1)]
    # What falls off within the padding loses no pixel of the input.
    dropped = [max(0, lost[a] - w.padding[a][1]) for a in (0, 1)]
    if not any(lost):
        return []
    fixes = []
    for more in range(1, max(w.stride)):
        wider = [w.padding[a][0] + (more if lost[a] else 0) for a in (0, 1)]
        fits = all(rest(a, wider[a], wider[a]) == 0 for a in (0, 1))
        if fits and all(wider[a] < max(2, w.kernel[a]) for a in (0, 1)):
            fixes.append(FieldFix(f"Pad by {w.both(wider)} {w.unit}", {"padding": w.field(wider)}))
            break
    else:  # equal padding on both sides cannot fit where the stride is even and the remainder odd
        fixes.append(FieldFix(f"Pad by 'same': one {w.unit[:-1]} more at one side where needed", {"padding": "same"}))
    room = [w.size[a] + sum(w.padding[a]) - w.dilation[a] * (w.kernel[a] - 1) - 1 for a in (0, 1)]
    whole = [
        min((s for s in range(1, w.stride[a] + 2) if room[a] % s == 0), key=lambda s: (abs(s - w.stride[a]), s))
        if lost[a]
        else w.stride[a]
        for a in (0, 1)
    ]
    fixes.append(FieldFix(f"Step by {w.both(whole)} {w.unit}", {"stride": w.field(whole)}))
    lines = _lines(dropped, w.flat)
    pixels = (f"{lines} of real pixels" if not w.flat else lines) if any(dropped) else "no real pixels, only padding"
    return [
        Remark(
            "remainder",
            f"No window reaches {_lines(lost, w.flat)} at the {'end' if w.flat else 'edge'} of the padded input "
            f"({pixels}).",
            "(size + 2·padding − window) / stride leaves a remainder, which is rounded down.",
            tuple(fixes),
        )
    ]
