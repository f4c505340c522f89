"""Convolution by register tiles: forward, gradient of the weights, gradient of the input. No im2col."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas import ops

from ..emit import RULES, Emitter, Rule, Sums
from ..fuse import ConvolutionReLU
from ..layouts import Matrix, column_tiles
from ..tensors import Node, Scratch, Tensor, rounded
from . import depthwise, folded, near, turned
from .activated import relu_gradient
from .bias import bias_gradient
from .forms import edge_of
from .norm_act import wants_sums
from .pooled import pools_later
from .streamed import stream, streamed
from .sweep import block_count, columns_of, gradient_list, partial_sums, pixel_blocks, sweep
from .winograd import Sides, chosen, convolve, weights_gradient

if TYPE_CHECKING:
    from ..bind import Binder

UNITS = 8
"""Units that there are at least if possible: blocks of pixels, or ranges of columns where the blocks are fewer."""


@dataclass(frozen=True)
class Phase:
    """Pixels of dx that read the same taps: rows first, first + stride, ... along one axis.

    They read dy at position `source` + i plus the offset of each tap; taps are in order of rising offset.
    """

    first: int
    count: int
    source: int
    taps: tuple[int, ...]
    offsets: tuple[int, ...]


def phases(size: int, out: int, kernel: int, stride: int, before: int, dilation: int) -> list[Phase]:
    """Split one axis of dx by (h + padding) mod stride: y[m] reads x[m * stride + r * dilation - padding]."""
    found = []
    for a in range(stride):
        first = (a - before) % stride
        if first >= size:
            continue
        taps = [r for r in reversed(range(kernel)) if (a - r * dilation) % stride == 0]
        offsets = tuple((a - r * dilation) // stride for r in taps)
        found.append(Phase(first, -(-(size - first) // stride), (first + before - a) // stride, tuple(taps), offsets))
    return found


def reach(found: list[Phase], out: int) -> tuple[int, int]:
    """Return how far before and behind dy the phases read."""
    before = max((-(p.source + p.offsets[0]) for p in found if p.taps), default=0)
    after = max((p.source + p.count - 1 + p.offsets[-1] - (out - 1) for p in found if p.taps), default=0)
    return max(0, before), max(0, after)


def demand(op: ops.Conv2d | ops.Deconv2d, x: Tensor, y: Tensor) -> None:
    """Ask x for the zeros that the windows of y read."""
    (top, _), (left, _) = op.padding
    _, _, fh, fw = op.filters
    below = (y.h - 1) * op.stride[0] + (fh - 1) * op.dilation[0] + 1 - top - x.h
    beside = (y.w - 1) * op.stride[1] + (fw - 1) * op.dilation[1] + 1 - left - x.w
    x.demand(top, max(0, below), left, max(0, beside))


def forward(em: Emitter, node: Node) -> None:
    """y = conv(x, weight) + bias."""
    op = node.op
    assert isinstance(op, ops.Conv2d)
    x, y = em.value(node.inputs[0]), em.output(node)
    if op.depthwise:
        depthwise.convolve(em, node, op, x, y, op.bias)
        return
    if pools_later(em, node):
        return
    convolve_tiles(em, node, op, x, y, op.bias)


def convolve_tiles(
    em: Emitter, node: Node, op: ops.Conv2d | ops.Deconv2d, x: Tensor, y: Tensor, shift: ops.Parameter | None
) -> None:
    """y = conv(x, weight) + shift; also the gradient of a Deconvolution's input."""
    if isinstance(op, ops.Conv2d) and chosen(em, op, y, x.c, y.c):
        (top, _), (left, _) = op.padding
        taps = op.filters[2]
        convolve(em, node, op, Sides(x, y, taps, top, left, edge_of(em, taps, y, x.c, y.c)), turn=False)
        return
    demand(op, x, y)
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    if streamed(em, op, y):
        assert isinstance(op, ops.Conv2d)
        em.call(node, "convolution", (x, y), lambda b: stream(em, b, op, x, y, layout, taps_of(op, x)))
        return
    # The sums of a normalisation that follows are taken while a block is still in cache; they need all its columns.
    blocks = block_count(y.n, y.h, y.w)
    summed = isinstance(op, ops.Conv2d) and op.groups == 1 and blocks >= UNITS and wants_sums(em, node)
    part = em.scratch(2 * y.c * blocks) if summed else None
    if part is not None:
        em.sums[id(node)] = Sums(part, pixel_blocks(y)[1])

    def bind(b: Binder) -> None:
        from ...kernels import tiles

        walk = _walk(b, op, x, y)
        columns = columns_of(b, layout.tiles, layout.columns, em.lanes)
        start = {"START": 0, "SG": 0}
        if shift is not None:
            start = {
                "START": b.value_of(shift),
                "SG": rounded(layout.columns, em.lanes) * x.item if op.groups > 1 else 0,
            }
        split = max(1, min(columns["NTILES"], 16 // (walk["BLOCKS"] * op.groups)))
        if part is not None:
            split = 1
            start |= {"STAT": b.arena + part.offset, "CHANNELS": y.c}
        b.row(
            tiles,
            "tiles_forward",
            walk["BLOCKS"] * op.groups * split,
            SPLIT=split,
            FLOOR=b.floor(isinstance(op, ConvolutionReLU)),
            W=b.value_of(op.weight),
            Y=b.at(y),
            ROWS=layout.rows,
            XG=x.pixel // op.groups,
            YG=y.pixel // op.groups,
            WG=layout.group * x.item,
            **walk,
            **columns,
            **start,
        )

    em.call(node, "convolution", (x, y) if part is None else (x, y, part), bind)


def taps_of(op: ops.Conv2d | ops.Deconv2d, x: Tensor) -> tuple[list[int], int]:
    """Return the byte offsets of the taps and the values that each reads; neighbouring pixels are one tap."""
    _, c, fh, fw = op.filters
    if op.groups == 1 and op.dilation[1] == 1:
        return [r * op.dilation[0] * x.row for r in range(fh)], fw * c
    return [r * op.dilation[0] * x.row + s * op.dilation[1] * x.pixel for r in range(fh) for s in range(fw)], c


def _walk(b: Binder, op: ops.Conv2d | ops.Deconv2d, x: Tensor, y: Tensor) -> dict[str, int]:
    from ...kernels.tiles import TABLE_PAD

    taps, per_tap = taps_of(op, x)
    (top, _), (left, _) = op.padding
    walk = sweep(
        b, y.n, y.h, y.w, (x.image, op.stride[0] * x.row, op.stride[1] * x.pixel), (y.image, y.row, y.pixel), TABLE_PAD
    )
    return walk | {"X": b.at(x) - top * x.row - left * x.pixel, "TAPS": b.keep(taps), "NT": len(taps), "NJ": per_tap}


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Gradients of weight, bias and input."""
    op = node.op
    assert isinstance(op, ops.Conv2d)
    bias = op.bias if op.bias is not None and em.trains(op.bias) else None
    if isinstance(op, ConvolutionReLU):
        summed = op.groups == 1  # the bias of several groups lies in memory as their columns do
        dy = relu_gradient(em, node, dy, bias if summed else None)
        bias = None if summed else bias
    x = em.value(node.inputs[0])
    if em.trains(op.weight):
        weights(em, node, op, x, dy)
    # A bias before normalisation by the batch's own mean has no effect: its gradient is zero and stays so. Not where
    # ReLU stands between the two.
    idle = wants_sums(em, node) and not isinstance(op, ConvolutionReLU)
    if bias is not None and not idle:
        bias_gradient(em, node, bias, dy, 1 if op.depthwise else op.groups)
    em.give(
        node.inputs[0],
        lambda dx: transposed(em, node, op, dy, dx, None),
        lambda dx: add_transposed(em, node, op, dy, dx),
    )


def weights(em: Emitter, node: Node, op: ops.Conv2d | ops.Deconv2d, x: Tensor, dy: Tensor) -> None:
    """dW in partial sums over chunks of pixel blocks, then added in order."""
    if op.depthwise:
        depthwise.weights(em, node, op, x, dy)
        return
    if isinstance(op, ops.Conv2d) and chosen(em, op, dy, x.c, dy.c):
        taps, (top, _), (left, _) = op.filters[2], *op.padding
        weights_gradient(em, node, op, Sides(x, dy, taps, top, left, edge_of(em, taps, dy, x.c, dy.c)))
        return
    demand(op, x, dy)
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    if near.better(op, x, dy):
        near.weights_gradient(em, node, op, x, dy, layout)
        return
    chunks = partial_sums(block_count(dy.n, dy.h, dy.w), em.item * layout.size)
    # A single sum that fills its column tiles is the gradient itself.
    direct = chunks == 1 and layout.columns % em.lanes == 0
    part = em.scratch(0 if direct else chunks * layout.size)

    def bind(b: Binder) -> None:
        from ...kernels import tiles

        walk = _walk(b, op, x, dy)
        taps, per_tap = taps_of(op, x)
        listed = gradient_list(b, layout.tiles, taps, per_tap, x.item, layout.columns)
        split = 1 if chunks * op.groups >= 8 else min(listed["NLIST"], 16)
        b.row(
            tiles,
            "tiles_gradient",
            chunks * op.groups * split,
            SPLIT=split,
            CHUNKS=chunks,
            SIZE=layout.size,
            PART=b.gradient_of(op.weight) if direct else b.arena + part.offset,
            Y=b.at(dy),
            XG=x.pixel // op.groups,
            YG=dy.pixel // op.groups,
            WG=layout.group * x.item,
            **walk,
            **listed,
        )
        if not direct:
            sum_columns(b, layout, b.arena + part.offset, chunks, b.gradient_of(op.weight), x.item, em.lanes)

    em.call(node, "weight gradient", (x, dy, part), bind)


def sum_columns(b: Binder, layout: Matrix, part: int, chunks: int, to: int, item: int, lanes: int) -> None:
    """Add partial weight gradients and zero the lanes that only pad the last column tile."""
    from ...kernels import tiles

    vectors, first = layout.tiles[-1]
    for g in range(layout.groups):
        cut = max(4096, -(-layout.group // 16))
        b.row(
            tiles,
            "sum_parts",
            -(-layout.group // cut),
            S_PART=part + g * layout.group * item,
            S_CHUNKS=chunks,
            S_STRIDE=layout.size,
            S_TO=to + g * layout.group * item,
            S_SIZE=layout.group,
            S_SLICE=cut,
            S_WIDTH=vectors * lanes,
            S_VALID=layout.columns - first,
            S_FROM=layout.rows * first,
        )


def add_transposed(em: Emitter, node: Node, op: ops.Conv2d, dy: Tensor, dx: Tensor) -> bool:
    """Add the gradient of the input to dx where the form that it takes can; say whether it has."""
    if op.depthwise or folded.better(em, op, dy, dx):
        return False
    transposed(em, node, op, dy, dx, None, adds=True)
    return True


def transposed(
    em: Emitter,
    node: Node,
    op: ops.Conv2d | ops.Deconv2d,
    dy: Tensor,
    dx: Tensor,
    shift: ops.Parameter | None,
    adds: bool = False,
) -> None:
    """dx, or the value of a Deconvolution, plus `shift`: for each phase of the stride a plain convolution of dy with
    the flipped weights of that phase. With `adds` it is added to what dx holds."""
    _, c, fh, fw = op.filters
    if op.depthwise:
        depthwise.transposed(em, node, op, dy, dx, shift)
        return
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    if isinstance(op, ops.Conv2d) and shift is None and folded.better(em, op, dy, dx):
        folded.transposed(em, node, op, dy, dx)
        return
    if isinstance(op, ops.Conv2d) and chosen(em, op, dx, dy.c, dx.c):
        top, left = fh - 1 - op.padding[0][0], fw - 1 - op.padding[1][0]
        convolve(em, node, op, Sides(dy, dx, fh, top, left, edge_of(em, fh, dx, dy.c, dx.c)), turn=True, adds=adds)
        return
    down = phases(dx.h, dy.h, fh, op.stride[0], op.padding[0][0], op.dilation[0])
    across = phases(dx.w, dy.w, fw, op.stride[1], op.padding[1][0], op.dilation[1])
    dy.demand(*reach(down, dy.h), *reach(across, dy.w))
    count = max(len(p.taps) * len(q.taps) for p in down for q in across)
    space = turned.space(em, op, dx, count * layout.columns)
    flipped: list[tuple[Phase, Phase, Scratch | turned.Space]] = []
    for p in down:
        for q in across:
            size = len(p.taps) * len(q.taps) * layout.columns * rounded(c, em.lanes) * op.groups
            flipped.append((p, q, space or em.scratch(max(size, em.lanes))))

    def bind(b: Binder) -> None:
        start = b.value_of(shift) if shift is not None else int(adds)
        for p, q, w in flipped:
            if (p.taps and q.taps) or not adds:
                _phase(em, b, op, layout, p, q, w, dy, dx, start)

    memory = [space.memory] if space is not None else [w for _, _, w in flipped if isinstance(w, Scratch)]
    em.call(node, "input gradient" if shift is None else "deconvolution", (dy, dx, *memory), bind)


def _phase(
    em: Emitter,
    b: Binder,
    op: ops.Conv2d | ops.Deconv2d,
    layout: Matrix,
    p: Phase,
    q: Phase,
    weights: Scratch | turned.Space,
    dy: Tensor,
    dx: Tensor,
    start: int,
) -> None:
    """Add the rows of one phase, from the bias at address `start`, from zero (0) or from what is there (1).

    Its flipped weights go to memory of their own, or each unit makes those it needs.
    """
    from ...kernels import tiles

    c, k, item = op.filters[1], layout.columns, dx.item
    into = column_tiles(c, em.lanes)
    taps_here = [r * op.filters[3] + s for r in p.taps for s in q.taps]
    count = len(taps_here)
    group = count * k * rounded(c, em.lanes) * item
    dense = op.groups == 1 and all(o == q.offsets[0] + i for i, o in enumerate(q.offsets))
    if dense and q.taps:
        taps, per_tap = [r * dy.row + q.offsets[0] * dy.pixel for r in p.offsets], len(q.taps) * k
    else:
        taps, per_tap = [r * dy.row + s * dy.pixel for r in p.offsets for s in q.offsets], k
    (sh, sw) = op.stride
    walk = sweep(
        b, dx.n, p.count, q.count, (dy.image, dy.row, dy.pixel), (dx.image, sh * dx.row, sw * dx.pixel), tiles.TABLE_PAD
    )
    columns = columns_of(b, into, c, em.lanes)
    fields = {
        "X": b.at(dy) + p.source * dy.row + q.source * dy.pixel,
        "Y": b.at(dx) + p.first * dx.row + q.first * dx.pixel,
        "TAPS": b.keep(taps if taps else [0]),
        "NT": len(taps),
        "NJ": per_tap,
        "ROWS": count * k,
        "XG": dy.pixel // op.groups,
        "YG": dx.pixel // op.groups,
        "START": start,
        "SG": rounded(c, em.lanes) * item if op.groups > 1 else 0,
        **walk,
        **columns,
    }
    if isinstance(weights, turned.Space):
        turned.row(b, op, layout, taps_here, weights, fields)
        return
    if count:
        b.row(
            tiles,
            "flip_weights",
            op.groups * len(into),
            F_W=b.value_of(op.weight),
            F_TO=b.arena + weights.offset,
            F_SOURCE=b.keep(layout.tiles),
            F_NSOURCE=len(layout.tiles),
            F_TILES=b.keep(into),
            F_NTILES=len(into),
            F_TAPS=b.keep(taps_here),
            F_NT=count,
            F_IN=c,
            F_OUT=k,
            F_ROWS=layout.rows,
            F_WG=layout.group * item,
            F_TG=group,
        )
    split = max(1, min(columns["NTILES"], 16 // (walk["BLOCKS"] * op.groups)))
    units = walk["BLOCKS"] * op.groups * split
    b.row(tiles, "tiles_forward", units, SPLIT=split, W=b.arena + weights.offset, WG=group, **fields)


RULES[ops.Conv2d] = Rule(forward, backward)
