"""Values under other axes: Broadcast, Transpose, Slice, Pad, sums over axes, matrix products, and trained arrays.

Strides are read when a call is bound, not before: a later reader may still ask for a border around a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops
from schemas.shapes import Shape

from ..emit import RULES, Emitter, Rule, slices
from ..tensors import Node, Tensor, image_axes

if TYPE_CHECKING:
    from ..bind import Binder

PLACES = {0: (), 1: (3,), 2: (3, 2), 3: (3, 1, 2)}
"""Number of axes of a sample -> where each lies among (n, h, w, c)."""


@dataclass(frozen=True)
class View:
    """An operand: address, and the strides of its four axes in values."""

    at: int
    steps: tuple[int, ...]


def sizes(t: Tensor) -> tuple[int, ...]:
    return t.n, t.h, t.w, t.c


def whole(b: Binder, t: Tensor) -> View:
    return View(b.at(t), (t.image // t.item, t.row // t.item, t.pixel // t.item, 1))


def part(b: Binder, t: Tensor, parts: Sequence[tuple[int, int, int]]) -> View:
    """Return the view of some values of a tensor: per axis of the sample (start, step, …)."""
    view = whole(b, t)
    strides, at = list(view.steps), view.at
    for place, (start, step, *_) in zip(PLACES[len(parts)], parts, strict=True):
        at += start * strides[place] * t.item
        strides[place] *= step
    return View(at, tuple(strides))


def repeated(view: View, small: Sequence[int], large: Sequence[int]) -> View:
    """Return the view with stride 0 along the axes on which it is repeated."""
    steps = (0 if a == 1 and n > 1 else s for a, n, s in zip(small, large, view.steps, strict=True))
    return View(view.at, tuple(steps))


def _fields(prefix: str, numbers: Sequence[int]) -> dict[str, int]:
    return {f"{prefix}{k}": int(n) for k, n in enumerate(numbers)}


def _operand(prefix: str, view: View) -> dict[str, int]:
    return {prefix: view.at, **_fields(prefix, view.steps)}


def move(b: Binder, dims: Sequence[int], x: View | None, y: View, factor: float = 1.0) -> None:
    """Add a row for y = factor * x, or y = factor without x."""
    from ...kernels import strided

    cut = max(1, min(dims[0] * dims[1], slices(math.prod(dims))))
    given = _operand("X", x) if x is not None else {}
    kernel = "strided_fill" if x is None else "strided_copy"
    constant = b.keep([factor], np.float64)
    b.row(strided, kernel, cut, SLICES=cut, FACTOR=constant, **_fields("D", dims), **given, **_operand("Y", y))


def gather(
    b: Binder, kept: Sequence[int], over: Sequence[int], x: View, y: View, factor: float, kernel: str = "strided_sum"
) -> None:
    """Add a row for y = factor * the sum of x over some axes, or its largest value."""
    from ...kernels import strided

    cut = max(1, min(kept[0] * kept[1], slices(math.prod(kept) * math.prod(over))))
    fields = _fields("D", kept) | _fields("R", over) | _operand("X", x) | _fields("S", x.steps) | _operand("Y", y)
    b.row(strided, kernel, cut, SLICES=cut, FACTOR=b.keep([factor], np.float64), **fields)


def _split(small: Sequence[int], large: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the sizes of the axes that are kept, and of those that are summed; 1 for the others."""
    pairs = list(zip(small, large, strict=True))
    return [n if a == n else 1 for a, n in pairs], [1 if a == n else n for a, n in pairs]


# --- Broadcast, and trained arrays ----------------------------------------------------------------------------------


def broadcast_forward(em: Emitter, node: Node) -> None:
    """y = x, repeated."""
    x, y = em.value(node.inputs[0]), em.output(node)

    def bind(b: Binder) -> None:
        move(b, sizes(y), repeated(whole(b, x), sizes(x), sizes(y)), whole(b, y))

    em.call(node, "broadcast", (x, y), bind)


def broadcast_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = sum of dy over the axes along which x was repeated."""

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            gather(b, *_split(sizes(dx), sizes(dy)), whole(b, dy), whole(b, dx), 1.0)

        em.call(node, "broadcast backward", (dy, dx), bind)

    em.give(node.inputs[0], make)


def _array(at: int, shape: Shape) -> tuple[View, tuple[int, ...]]:
    """Return the view and sizes, as (1, h, w, c), of a parameter that lies in its public order (C, H, W)."""
    h, w, c = image_axes(shape)
    return View(at, (0, w, 1, h * w)), (1, h, w, c)


def learned_forward(em: Emitter, node: Node) -> None:
    """y = the trained array, for every sample."""
    op = node.op
    assert isinstance(op, ops.Learned)
    y = em.output(node)

    def bind(b: Binder) -> None:
        view, small = _array(b.value_of(op.parameter), op.parameter.shape)
        move(b, sizes(y), repeated(view, small, sizes(y)), whole(b, y))

    em.call(node, "trained array", (y,), bind)


def constant_forward(em: Emitter, node: Node) -> None:
    """y = one value everywhere."""
    op = node.op
    assert isinstance(op, ops.Constant)
    y = em.output(node)
    em.call(node, "constant", (y,), lambda b: move(b, sizes(y), None, whole(b, y), op.value))


def learned_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """The array's gradient is the sum of dy over the batch and the axes along which it was repeated."""
    op = node.op
    assert isinstance(op, ops.Learned)
    if not em.trains(op.parameter):
        return

    def bind(b: Binder) -> None:
        view, small = _array(b.gradient_of(op.parameter), op.parameter.shape)
        kept, over = _split(small, sizes(dy))
        gather(b, kept, over, whole(b, dy), view, 1.0)

    em.call(node, "trained array backward", (dy,), bind)


# --- Reduce ---------------------------------------------------------------------------------------------------------


def _reduction(b: Binder, op: ops.Reduce, x: Tensor, y: Tensor) -> tuple[list[int], list[int], View]:
    """Return kept sizes, summed sizes, and the view of y along x's axes."""
    rank, left = len(op.inputs[0].shape), len(op.shape)
    gone = {PLACES[rank][axis] for axis in op.axes}
    view = whole(b, y)
    steps = [view.steps[0], 0, 0, 0]
    rest = [axis for axis in range(rank) if axis not in op.axes]
    for number, axis in enumerate(rest):
        steps[PLACES[rank][axis]] = view.steps[PLACES[left][axis if left == rank else number]]
    kept = [1 if k in gone else n for k, n in enumerate(sizes(x))]
    over = [n if k in gone else 1 for k, n in enumerate(sizes(x))]
    return kept, over, View(view.at, tuple(steps))


def reduce_forward(em: Emitter, node: Node) -> None:
    """y = sum, mean, largest or smallest of x over the axes."""
    op = node.op
    assert isinstance(op, ops.Reduce)
    x, y = em.value(node.inputs[0]), em.output(node)

    def bind(b: Binder) -> None:
        kept, over, view = _reduction(b, op, x, y)
        factor = {"mean": 1 / math.prod(over), "min": -1.0}.get(op.kind, 1.0)
        kernel = "strided_sum" if op.kind in ("sum", "mean") else "strided_extreme"
        gather(b, kept, over, whole(b, x), view, factor, kernel)

    em.call(node, op.kind, (x, y), bind)


def reduce_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = dy repeated, or given to the winners."""
    op = node.op
    assert isinstance(op, ops.Reduce)
    x, y = em.value(node.inputs[0]), em.value(node)
    extreme = op.kind in ("max", "min")

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            kept, over, given = _reduction(b, op, x, dy)
            if not extreme:
                move(b, sizes(dx), given, whole(b, dx), 1 / math.prod(over) if op.kind == "mean" else 1.0)
                return
            from ...kernels import strided

            cut = max(1, min(kept[0] * kept[1], slices(math.prod(sizes(x)))))
            to = whole(b, dx)
            fields = _fields("D", kept) | _fields("R", over) | _operand("X", whole(b, x)) | _operand("DX", to)
            fields |= _fields("S", whole(b, x).steps) | _fields("T", to.steps)
            fields |= _operand("Y", _reduction(b, op, x, y)[2]) | _operand("DY", given)
            b.row(strided, "strided_extreme_backward", cut, SLICES=cut, **fields)

        em.call(node, f"{op.kind} backward", (dy, dx, *((x, y) if extreme else ())), bind)

    em.give(node.inputs[0], make)


# --- Transpose, Slice, Pad ------------------------------------------------------------------------------------------


def _turned(b: Binder, op: ops.Transpose, x: Tensor) -> View:
    """Return x along the axes of the transposed value."""
    places, view = PLACES[len(op.shape)], whole(b, x)
    steps = [view.steps[0], 0, 0, 0]
    for to, of in enumerate(op.axes):
        steps[places[to]] = view.steps[places[of]]
    return View(view.at, tuple(steps))


def transpose_forward(em: Emitter, node: Node) -> None:
    """y = x with its axes in another order."""
    op = node.op
    assert isinstance(op, ops.Transpose)
    x, y = em.value(node.inputs[0]), em.output(node)
    em.call(node, "transpose", (x, y), lambda b: move(b, sizes(y), _turned(b, op, x), whole(b, y)))


def transpose_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = dy with its axes back in order."""
    op = node.op
    assert isinstance(op, ops.Transpose)

    def make(dx: Tensor) -> None:
        em.call(node, "transpose backward", (dy, dx), lambda b: move(b, sizes(dy), whole(b, dy), _turned(b, op, dx)))

    em.give(node.inputs[0], make)


def slice_forward(em: Emitter, node: Node) -> None:
    """y = some of x."""
    op = node.op
    assert isinstance(op, ops.Slice)
    x, y = em.value(node.inputs[0]), em.output(node)
    em.call(node, "slice", (x, y), lambda b: move(b, sizes(y), part(b, x, op.parts), whole(b, y)))


def slice_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = dy in its place, else 0."""
    op = node.op
    assert isinstance(op, ops.Slice)

    def make(dx: Tensor) -> None:
        def bind(b: Binder) -> None:
            move(b, sizes(dx), None, whole(b, dx), 0.0)
            move(b, sizes(dy), whole(b, dy), part(b, dx, op.parts))

        em.call(node, "slice backward", (dy, dx), bind)

    em.give(node.inputs[0], make)


def pad_forward(em: Emitter, node: Node) -> None:
    """y = x inside a larger array."""
    op = node.op
    assert isinstance(op, ops.Pad)
    x, y = em.value(node.inputs[0]), em.output(node)
    place = [(n, 1, 0) for n in op.before]

    def bind(b: Binder) -> None:
        move(b, sizes(y), None, whole(b, y), op.value)
        move(b, sizes(x), whole(b, x), part(b, y, place))

    em.call(node, "pad", (x, y), bind)


def pad_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """dx = the part of dy that belongs to x."""
    op = node.op
    assert isinstance(op, ops.Pad)
    place = [(n, 1, 0) for n in op.before]

    def make(dx: Tensor) -> None:
        em.call(node, "pad backward", (dy, dx), lambda b: move(b, sizes(dx), part(b, dy, place), whole(b, dx)))

    em.give(node.inputs[0], make)


# --- MatMul ---------------------------------------------------------------------------------------------------------


def _matrix(b: Binder, t: Tensor, rank: int, turned: bool) -> tuple[list[int], list[int], int]:
    """Return sizes and strides over (n, batch, rows, columns), and the address; `turned` swaps rows and columns."""
    view, count = whole(b, t), sizes(t)
    places = PLACES[rank]
    batch = [places[0]] if rank == 3 else []
    last = [places[-1], places[-2]] if turned else [places[-2], places[-1]]
    order = [0, *batch, *last]
    dims, strides = [count[k] for k in order], [view.steps[k] for k in order]
    if rank == 2:
        dims.insert(1, 1)
        strides.insert(1, 0)
    return dims, strides, view.at


def _product(b: Binder, rank: int, x: tuple[Tensor, bool], y: tuple[Tensor, bool], z: Tensor) -> None:
    """Add a row for z = x y, either of them turned or not."""
    from ...kernels import strided

    a_dims, a_steps, a = _matrix(b, x[0], rank, x[1])
    _, b_steps, at = _matrix(b, y[0], rank, y[1])
    dims, z_steps, to = _matrix(b, z, rank, False)
    cut = max(1, min(math.prod(dims[:3]), slices(math.prod(dims) * a_dims[3])))
    fields = _fields("D", dims) | {"R3": a_dims[3], "SLICES": cut, "X": a, "Y": at, "DX": to}
    fields |= {"X0": a_steps[0], "X1": a_steps[1], "X2": a_steps[2], "S3": a_steps[3]}
    fields |= {"Y0": b_steps[0], "Y1": b_steps[1], "T3": b_steps[2], "Y3": b_steps[3]} | _fields("DX", z_steps)
    b.row(strided, "strided_matmul", cut, **fields)


def matmul_forward(em: Emitter, node: Node) -> None:
    """y = a b."""
    a, b, y = em.value(node.inputs[0]), em.value(node.inputs[1]), em.output(node)
    rank = len(node.op.shape)
    em.call(node, "matmul", (a, b, y), lambda binder: _product(binder, rank, (a, False), (b, False), y))


def matmul_backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """da = dy b', db = a' dy."""
    a, b = em.value(node.inputs[0]), em.value(node.inputs[1])
    rank = len(node.op.shape)

    def first(dx: Tensor) -> None:
        em.call(node, "matmul backward", (dy, b, dx), lambda binder: _product(binder, rank, (dy, False), (b, True), dx))

    def second(dx: Tensor) -> None:
        em.call(node, "matmul backward", (a, dy, dx), lambda binder: _product(binder, rank, (a, True), (dy, False), dx))

    em.give(node.inputs[0], first)
    em.give(node.inputs[1], second)


RULES[ops.Broadcast] = Rule(broadcast_forward, broadcast_backward)
RULES[ops.Constant] = Rule(constant_forward)
RULES[ops.Learned] = Rule(learned_forward, learned_backward)
RULES[ops.Reduce] = Rule(reduce_forward, reduce_backward)
RULES[ops.Transpose] = Rule(transpose_forward, transpose_backward)
RULES[ops.Slice] = Rule(slice_forward, slice_backward)
RULES[ops.Pad] = Rule(pad_forward, pad_backward)
RULES[ops.MatMul] = Rule(matmul_forward, matmul_backward)
