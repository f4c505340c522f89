"""What convolution and pooling share: a window that slides over height and width, or over the length of (C, L)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from .errors import FieldFix, Remark, ShapeError
from .ops import Padding
from .say import Said, listed, say
from .shapes import Margin2, Pair, Shape, elements, output_size, remainder, same_padding, shape_text

PaddingField = Annotated[Margin2 | Literal["same"], Field(union_mode="left_to_right")]
AXES = (say("height"), say("width"))


def image(kind: str, x: Shape) -> None:
    """Raise ShapeError unless x is (C, H, W) or (C, L)."""
    if len(x) not in (2, 3):
        raise ShapeError(
            "input_not_image",
            say(
                "{kind} needs an image (channels, height, width) or a row (channels, length), but its input is "
                "{shape}.",
                kind=kind,
                shape=shape_text(x),
            ),
            say(
                "A window slides over height and width, or over the length. Put this layer before Flatten or "
                "Affine, or Reshape the values to an image."
            ),
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
        return str(pair[1]) if self.flat else say("{down} and {across}", down=pair[0], across=pair[1])

    def amount(self, pair: Pair | list[int]) -> Said:
        """Write two numbers of pixels, or one of values for (C, L)."""
        if self.flat:
            return say("{size} values", size=pair[1])
        return say("{down} and {across} pixels", down=pair[0], across=pair[1])

    def area(self, pair: Pair | list[int]) -> Said:
        return say("{size} values", size=pair[1]) if self.flat else say("{size} pixels", size=self.said(pair))

    def field(self, pair: Pair | list[int]) -> Any:
        """Return a field's value for two sizes."""
        return pair[1] if self.flat else list(pair)


def along(kind: str, name: str, pair: Pair, neutral: int) -> Pair:
    """Return a pair for (C, L), whose height is 1; raise ShapeError where it says something else about the height."""
    if pair[0] not in (neutral, pair[1]):
        raise ShapeError(
            "window_not_flat",
            say(
                "{kind} reads a row (channels, length), but its {field} says {down} and {across}.",
                kind=kind,
                field=name,
                down=pair[0],
                across=pair[1],
            ),
            say("A row has one axis to slide along, so one number is enough."),
            [FieldFix(say("Set {name} to {value}", name=name, value=pair[1]), {name: pair[1]})],
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
            say(
                "{kind} pads by {down} and {across} pixels, but its window is only {height} × {width}.",
                kind=kind,
                down=padding[0],
                across=padding[1],
                height=kernel[0],
                width=kernel[1],
            ),
            say(
                "A window that lies in the padding alone has no value to give; padding must be smaller than the window."
            ),
            [
                FieldFix(
                    say(
                        "Pad by {amount}",
                        amount=say("{down} and {across} pixels", down=fitting[0], across=fitting[1]),
                    ),
                    {"padding": fitting},
                )
            ],
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
        names = say("the length") if w.flat else listed([AXES[a] for a in bad])
        have = [w.size[a] + sum(w.padding[a]) for a in (0, 1)]
        old = (0, 0) if isinstance(padding, str) else (w.padding[0][0], w.padding[1][0])
        enough = [max(old[a], -(-(w.reach[a] - w.size[a]) // 2)) if a in bad else old[a] for a in (0, 1)]
        smaller = [max(1, (have[a] - 1) // w.dilation[a] + 1) if a in bad else w.kernel[a] for a in (0, 1)]
        fixes = [FieldFix(say("Make the window {size}", size=w.said(smaller)), {"kernel_size": w.field(smaller)})]
        if wide or all(p < k for p, k in zip(enough, w.kernel, strict=True)):
            title = say("Pad the input by {amount}", amount=w.amount(enough))
            fixes.insert(0, FieldFix(title, {"padding": w.field(enough)}))
        raise ShapeError(
            "window_too_large",
            say(
                "The window reaches over {reach}, but the padded input has only {have}.",
                reach=w.area(w.reach),
                have=w.said(have),
            ),
            say(
                "In {names} no position of the window fits: (size + 2·padding − window) / stride + 1 is below 1.",
                names=names,
            ),
            fixes,
        )
    return w.shape(sizes)


def _lines(counts: list[int], flat: bool = False) -> Said:
    """Say how many rows and columns.

    >>> _lines([1, 0]), _lines([1, 2]), _lines([0, 2], flat=True)
    ('1 row', '1 row and 2 columns', '2 values')
    """
    rows, columns = counts
    words = []
    if rows:
        words.append(say("1 row") if rows == 1 else say("{count} rows", count=rows))
    if columns and flat:
        words.append(say("1 value") if columns == 1 else say("{size} values", size=columns))
    elif columns:
        words.append(say("1 column") if columns == 1 else say("{count} columns", count=columns))
    return listed(words)


def leftover(
    x: Shape, kernel: Pair, stride: Pair, padding: Pair | str, dilation: Pair = (1, 1), ceil: bool = False
) -> list[Remark]:
    """Warn where (size + 2P − window) / stride leaves a remainder that holds rows or columns of the image.

    Where only added zeros fall off, nothing is lost: ResNet's stem (7 × 7, stride 2, padding 3) does so by design. Nor
    does a window that is smaller than its step (ResNet's 1 × 1 shortcuts) lose more at the edge than between two steps.
    """
    if ceil or isinstance(padding, str):
        return []
    w = window("The window", x, kernel, stride, padding, dilation)
    axes = (w.size, w.kernel, w.stride, w.dilation)

    def rest(a: int, before: int, after: int) -> int:
        size, window_, step, spread = (part[a] for part in axes)
        return remainder(size, window_, step, before, after, spread)

    lost = [rest(a, *w.padding[a]) for a in (0, 1)]
    skipped = [max(0, w.stride[a] - w.dilation[a] * (w.kernel[a] - 1) - 1) for a in (0, 1)]
    dropped = [max(0, lost[a] - w.padding[a][1] - skipped[a]) for a in (0, 1)]
    if not any(dropped):
        return []
    fixes = []
    for more in range(1, max(w.stride)):
        wider = [w.padding[a][0] + (more if lost[a] else 0) for a in (0, 1)]
        fits = all(rest(a, wider[a], wider[a]) == 0 for a in (0, 1))
        if fits and all(wider[a] < max(2, w.kernel[a]) for a in (0, 1)):
            fixes.append(FieldFix(say("Pad by {amount}", amount=w.amount(wider)), {"padding": w.field(wider)}))
            break
    else:  # equal padding on both sides cannot fit where the stride is even and the remainder odd
        same = (
            say("Pad by 'same': one value more at one side where needed")
            if w.flat
            else say("Pad by 'same': one pixel more at one side where needed")
        )
        fixes.append(FieldFix(same, {"padding": "same"}))
    room = [w.size[a] + sum(w.padding[a]) - w.dilation[a] * (w.kernel[a] - 1) - 1 for a in (0, 1)]
    whole = [
        min((s for s in range(1, w.stride[a] + 2) if room[a] % s == 0), key=lambda s: (abs(s - w.stride[a]), s))
        if lost[a]
        else w.stride[a]
        for a in (0, 1)
    ]
    fixes.append(FieldFix(say("Step by {amount}", amount=w.amount(whole)), {"stride": w.field(whole)}))
    lines, real = _lines(lost, w.flat), _lines(dropped, w.flat)
    what = (
        say("No window reaches {lost} at the end of the padded input ({dropped}).", lost=lines, dropped=real)
        if w.flat
        else say(
            "No window reaches {lost} at the edge of the padded input ({dropped} of real pixels).",
            lost=lines,
            dropped=real,
        )
    )
    return [
        Remark(
            "remainder",
            what,
            say("(size + 2·padding − window) / stride leaves a remainder, which is rounded down."),
            tuple(fixes),
        )
    ]


def pixels(x: Shape) -> int:
    """Return how many positions a sample has beside its channels.

    >>> pixels((10,)), pixels((10, 8, 6))
    (1, 48)
    """
    return elements(x[1:])
