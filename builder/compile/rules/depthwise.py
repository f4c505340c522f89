"""Depthwise convolution and its gradients. Called by the rules of convolution, which know when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops

from ..emit import Emitter
from ..fuse import ConvolutionReLU
from ..layouts import Channels
from ..tensors import Node, Tensor
from .sweep import Strides, block_count, sweep

if TYPE_CHECKING:
    from ..bind import Binder

Filters = ops.Conv2d | ops.Deconv2d


def _layout(em: Emitter, node: Node, op: Filters) -> Channels:
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Channels)
    return layout


def _shifts(op: Filters, x: Tensor) -> list[int]:
    """Return the byte offset in x of every tap, in the order of the weight's."""
    _, _, fh, fw = op.filters
    return [r * op.dilation[0] * x.row + s * op.dilation[1] * x.pixel for r in range(fh) for s in range(fw)]


def _strides(op: Filters, x: Tensor) -> Strides:
    return x.image, op.stride[0] * x.row, op.stride[1] * x.pixel


def _first(b: Binder, op: Filters, x: Tensor) -> int:
    """Return the address of the first pixel that the first window reads."""
    return b.at(x) - op.padding[0][0] * x.row - op.padding[1][0] * x.pixel


def convolve(em: Emitter, node: Node, op: Filters, x: Tensor, y: Tensor, shift: ops.Parameter | None) -> None:
    """y = depthwise convolution of x, plus shift."""
    from .convolution import demand

    demand(op, x, y)
    layout = _layout(em, node, op)

    def bind(b: Binder) -> None:
        from ...kernels import depthwise, tiles

        walk = sweep(b, y.n, y.h, y.w, _strides(op, x), (y.image, y.row, y.pixel), tiles.TABLE_PAD)
        b.row(
            depthwise,
            "depthwise_forward",
            walk["BLOCKS"],
            X=_first(b, op, x),
            W=b.value_of(op.weight),
            Y=b.at(y),
            START=b.value_of(shift) if shift is not None else 0,
            TAPS_AT=b.keep(_shifts(op, x)),
            ROWS_AT=b.keep([t * layout.wide * x.item for t in range(layout.taps)]),
            NT=layout.taps,
            C=y.c,
            FLOOR=b.floor(isinstance(op, ConvolutionReLU)),
            **walk,
        )

    em.call(node, "depthwise convolution", (x, y), bind)


def weights(em: Emitter, node: Node, op: Filters, x: Tensor, dy: Tensor) -> None:
    """dW in partial sums over chunks of pixel blocks, then added in order."""
    from .convolution import demand

    demand(op, x, dy)
    layout = _layout(em, node, op)
    chunks = max(1, min(block_count(dy.n, dy.h, dy.w), 16))
    part = em.scratch(chunks * layout.size)

    def bind(b: Binder) -> None:
        from ...kernels import depthwise, tiles

        walk = sweep(b, dy.n, dy.h, dy.w, _strides(op, x), (dy.image, dy.row, dy.pixel), tiles.TABLE_PAD)
        at = b.arena + part.offset
        b.row(
            depthwise,
            "depthwise_gradient",
            chunks,
            X=_first(b, op, x),
            Y=b.at(dy),
            TAPS_AT=b.keep(_shifts(op, x)),
            NT=layout.taps,
            C=dy.c,
            PART=at,
            CHUNKS=chunks,
            SIZE=layout.size,
            WIDE=layout.wide * dy.item,
            **walk,
        )
        b.row(
            tiles,
            "sum_parts",
            1,
            S_PART=at,
            S_CHUNKS=chunks,
            S_STRIDE=layout.size,
            S_TO=b.gradient_of(op.weight),
            S_SIZE=layout.size,
            S_SLICE=layout.size,
            S_WIDTH=layout.wide,
            S_VALID=layout.channels,
            S_FROM=0,
        )

    em.call(node, "weight gradient", (x, dy, part), bind)


def transposed(em: Emitter, node: Node, op: Filters, dy: Tensor, dx: Tensor, shift: ops.Parameter | None) -> None:
    """dx: for each phase of the stride the taps that meet it, over dy; no weight need be repacked."""
    from .convolution import phases, reach

    layout = _layout(em, node, op)
    _, _, fh, fw = op.filters
    down = phases(dx.h, dy.h, fh, op.stride[0], op.padding[0][0], op.dilation[0])
    across = phases(dx.w, dy.w, fw, op.stride[1], op.padding[1][0], op.dilation[1])
    dy.demand(*reach(down, dy.h), *reach(across, dy.w))

    def bind(b: Binder) -> None:
        from ...kernels import depthwise, tiles

        for p in down:
            for q in across:
                rows, columns = (tuple(zip(phase.taps, phase.offsets, strict=True)) for phase in (p, q))
                taps = [(r, s) for r in rows for s in columns]
                to = dx.image, op.stride[0] * dx.row, op.stride[1] * dx.pixel
                walk = sweep(b, dx.n, p.count, q.count, (dy.image, dy.row, dy.pixel), to, tiles.TABLE_PAD)
                b.row(
                    depthwise,
                    "depthwise_forward",
                    walk["BLOCKS"],
                    X=b.at(dy) + p.source * dy.row + q.source * dy.pixel,
                    W=b.value_of(op.weight),
                    Y=b.at(dx) + p.first * dx.row + q.first * dx.pixel,
                    START=b.value_of(shift) if shift is not None else 0,
                    TAPS_AT=b.keep([r[1] * dy.row + s[1] * dy.pixel for r, s in taps] or [0]),
                    ROWS_AT=b.keep([(r[0] * fw + s[0]) * layout.wide * dy.item for r, s in taps] or [0]),
                    NT=len(taps),
                    C=dx.c,
                    FLOOR=b.floor(False),
                    **walk,
                )

    em.call(node, "input gradient" if shift is None else "deconvolution", (dy, dx), bind)
