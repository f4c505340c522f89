"""A layer's arithmetic with the real numbers: OH = ⌊(28 + 2·2 − 5) / 1⌋ + 1 = 28. Results are schemas/'s own."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.layer import Layer
from schemas.layers.affine import Affine
from schemas.layers.average_pooling import AveragePooling
from schemas.layers.batch_normalization import BatchNormalization
from schemas.layers.convolution import Convolution
from schemas.layers.max_pooling import MaxPooling
from schemas.shapes import Shape, elements, output_size
from schemas.window import resolve_padding


def formulas(layer: Layer | None, inputs: Sequence[Shape | None]) -> list[str]:
    """Return the lines for a layer that reads inputs of these shapes; none where there is nothing to say.

    >>> formulas(Convolution(out_channels=16, kernel_size=5, padding=2), [(1, 28, 28)])[0]
    'OH = (28 + 2·2 − 5) / 1 + 1 = 28'
    >>> formulas(Affine(out_features=10), [(16, 7, 7)])
    ['16 · 7 · 7 · 10 + 10 = 7,850']
    """
    x = inputs[0] if inputs else None
    if layer is None or x is None:
        return []
    if isinstance(layer, Convolution | MaxPooling | AveragePooling) and len(x) == 3:
        return [*_window(layer, x), *_parameters(layer, x)]
    return _parameters(layer, x)


def _window(layer: Convolution | MaxPooling | AveragePooling, x: Shape) -> list[str]:
    kernel, stride = layer.kernel_size, layer.stride or layer.kernel_size
    dilation = layer.dilation if isinstance(layer, Convolution) else (1, 1)
    ceil = not isinstance(layer, Convolution) and layer.ceil_mode
    sides = resolve_padding(x, kernel, stride, layer.padding, dilation)
    lines = []
    for axis, name in enumerate(("OH", "OW")):
        before, after = sides[axis]
        padded = f" + 2·{before}" if before == after else f" + {before} + {after}"
        reach = f"{kernel[axis]}" if dilation[axis] == 1 else f"{dilation[axis]}·({kernel[axis]} − 1) − 1"
        inside = f"({x[1 + axis]}{padded if before or after else ''} − {reach}) / {stride[axis]}"
        room = x[1 + axis] + before + after - dilation[axis] * (kernel[axis] - 1) - 1
        if room % stride[axis]:
            inside = f"⌈{inside}⌉" if ceil else f"⌊{inside}⌋"
        size = output_size(x[1 + axis], kernel[axis], stride[axis], before, after, dilation[axis], ceil)
        lines.append(f"{name} = {inside} + 1 = {size}")
    return lines


def _parameters(layer: Layer, x: Shape) -> list[str]:
    """Write how many trained numbers the layer has."""
    if isinstance(layer, Convolution):
        factors = [layer.out_channels, x[0] // layer.groups, *layer.kernel_size]
        return [_product(factors, layer.out_channels if layer.bias else 0)]
    if isinstance(layer, Affine):
        return [_product([*x, layer.out_features], layer.out_features if layer.bias else 0)]
    return [f"2 · {x[0]} = {2 * x[0]:,}"] if isinstance(layer, BatchNormalization) else []


def _product(factors: list[int], bias: int) -> str:
    total = elements(tuple(factors)) + bias
    return " · ".join(map(str, factors)) + (f" + {bias}" if bias else "") + f" = {total:,}"
