"""A layer's arithmetic with the real numbers: OH = ⌊(28 + 2·2 − 5) / 1⌋ + 1 = 28. Results are schemas/'s own."""

from __future__ import annotations

from collections.abc import Sequence

from schemas import expression
from schemas.elementwise import Elementwise
from schemas.errors import ShapeError, UsageError
from schemas.layer import Layer
from schemas.layers.affine import Affine
from schemas.layers.convolution import Convolution
from schemas.layers.deconvolution import Deconvolution
from schemas.layers.depthwise_convolution import DepthwiseConvolution
from schemas.layers.separable_convolution import SeparableConvolution
from schemas.layers.unpooling import Unpooling
from schemas.layers.upsample import Upsample
from schemas.loss import FormulaLoss
from schemas.ops import value, walk
from schemas.pool import Pool
from schemas.shapes import Shape
from schemas.window import Window, window

Sliding = Convolution | DepthwiseConvolution | SeparableConvolution | Pool


def formulas(layer: Layer | None, inputs: Sequence[Shape | None]) -> list[str]:
    """Return the lines for a layer that reads inputs of these shapes; none where there is nothing to say.

    >>> formulas(Convolution(out_channels=16, kernel_size=5, padding=2), [(1, 28, 28)])[0]
    'OH = (28 + 2·2 − 5) / 1 + 1 = 28'
    >>> formulas(Affine(out_features=10), [(16, 7, 7)])
    ['16 · 7 · 7 · 10 + 10 = 7,850']
    >>> formulas(Deconvolution(out_channels=4, kernel_size=4, stride=2, padding=1), [(8, 14)])
    ['OL = (14 − 1)·2 − 2·1 + 4 = 28', '8 · 4 · 4 + 4 = 132']
    """
    x = inputs[0] if inputs else None
    if layer is None or x is None:
        return []
    try:
        out = layer.infer(*(shape for shape in inputs if shape is not None))
        return [*_sizes(layer, x, out), *_parameters(layer, x)]
    except ShapeError:  # told by the check
        return []


def rendered(layer: Layer | None, inputs: Sequence[Shape | None]) -> list[str]:
    r"""Return a layer's own formula and its derivative in LaTeX; none where it is not one formula.

    >>> from schemas.layers.custom_activation import CustomActivation
    >>> rendered(CustomActivation(expression="x * sigmoid(x)"), [(3,)])[0]
    'f(x) = x \\, \\sigma\\left(x\\right)'
    """
    try:
        if isinstance(layer, Elementwise):
            term = expression.parse(layer.function(), ("x",))
            return [f"f(x) = {expression.latex(term)}", f"f'(x) = {expression.latex(expression.derive(term, 'x'))}"]
        shape = inputs[0] if inputs else None
        if isinstance(layer, FormulaLoss) and shape is not None:
            term = expression.parse(layer.formula(shape), ("y", "t"), reductions=True)
            slope = rf"\frac{{\partial L}}{{\partial y}} = {expression.latex(expression.slope(term))}"
            return [f"L = {expression.latex(term)}", slope]
    except UsageError:  # told by the check
        return []
    return []


def _sizes(layer: Layer, x: Shape, out: Shape) -> list[str]:
    """Write how the output's height and width, or its length, come about."""
    if isinstance(layer, Sliding):
        step = layer.step if isinstance(layer, Pool) else layer.stride
        dilation = (1, 1) if isinstance(layer, Pool) else layer.dilation
        w = window(layer.type, x, layer.kernel_size, step, layer.padding, dilation)
        return [_slid(name, w, a, n, isinstance(layer, Pool) and layer.ceil_mode) for name, a, n in _axes(w.flat, out)]
    if isinstance(layer, Deconvolution):
        w, _ = layer.painting(x)
        return [_painted(name, w, a, n) for name, a, n in _axes(w.flat, out)]
    if isinstance(layer, Unpooling | Upsample):
        grown = _axes(len(x) == 2, out)
        return [f"{name} = {(1, *x[1:])[-2:][a]} · {n // (1, *x[1:])[-2:][a]} = {n}" for name, a, n in grown]
    return []


def _axes(flat: bool, out: Shape) -> list[tuple[str, int, int]]:
    """Return (name, axis, size) of each axis that a window slides along."""
    return [("OL", 1, out[1])] if flat else [("OH", 0, out[1]), ("OW", 1, out[2])]


def _reach(w: Window, axis: int) -> str:
    kernel, dilation = w.kernel[axis], w.dilation[axis]
    return f"{kernel}" if dilation == 1 else f"{dilation}·({kernel} − 1)"


def _slid(name: str, w: Window, axis: int, size: int, ceil: bool) -> str:
    before, after = w.padding[axis]
    padded = f" + 2·{before}" if before == after else f" + {before} + {after}"
    reach = _reach(w, axis) + ("" if w.dilation[axis] == 1 else " − 1")
    inside = f"({w.size[axis]}{padded if before or after else ''} − {reach}) / {w.stride[axis]}"
    room = w.size[axis] + before + after - w.reach[axis]
    if room % w.stride[axis]:
        inside = f"⌈{inside}⌉" if ceil else f"⌊{inside}⌋"
    return f"{name} = {inside} + 1 = {size}"


def _painted(name: str, w: Window, axis: int, size: int) -> str:
    before, after = w.padding[axis]
    cut = f" − 2·{before}" if before == after else f" − {before} − {after}"
    reach = _reach(w, axis) + ("" if w.dilation[axis] == 1 else " + 1")
    more = size - ((w.size[axis] - 1) * w.stride[axis] - before - after + w.reach[axis])
    rest = (cut if before or after else "") + f" + {reach}" + (f" + {more}" if more else "")
    return f"{name} = ({w.size[axis]} − 1)·{w.stride[axis]}{rest} = {size}"


def _parameters(layer: Layer, x: Shape) -> list[str]:
    """Write how many trained numbers the layer has: each array's sizes, the vectors together."""
    given = value(x)
    if layer.arity != (1, 1):
        return []
    held = [p for op in walk([layer.lower(given)], [given]) for p in op.parameters if not p.statistic]
    factors = [(*x, layer.out_features) if isinstance(layer, Affine) else p.shape for p in held if len(p.shape) > 1]
    terms = [" · ".join(map(str, sizes)) for sizes in factors]
    vectors = [p.size for p in held if len(p.shape) == 1]
    if vectors and (terms or len(vectors) == 1):
        terms += map(str, vectors)
    elif vectors:
        terms.append(f"{len(vectors)} · {vectors[0]}")
    total = sum(p.size for p in held)
    return [" + ".join(terms) + f" = {total:,}"] if held else []
