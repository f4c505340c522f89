"""When the weights' gradient of a convolution copies its pixels near each other, and its rows: see kernels/near.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..layouts import Matrix
from ..tensors import Node, Tensor, rounded
from .sweep import block_count, blocks_of, columns_of, partial_sums
from .winograd import LINE, pieces_of

if TYPE_CHECKING:
    from ..bind import Binder

FEWEST, USES, LONGEST = 16, 64, 1024
"""Channels of a group below which a few neighbouring pixels share a cache line anyway; times that a value of dy is
multiplied below which its copy costs more than it saves (1 x 1 from 16 channels to 64 took 1.5 times as long); pixels
of a row above which no cache would hold its copy."""

PIXELS = 6144
"""Bytes of one vector of columns for the pixels of a block: three of these, and what they read of x, stay in a
first-level cache of 32 KiB."""

WIDEST, HIGHEST = 3, 16
"""Vectors of a column tile at most, and channels of a strip at most (kernels/tiles.py)."""

RANGE = 48
"""Channels of a unit are a multiple of this, which the height of every strip divides, or all."""

UNITS = 8
"""Units that there are at least if possible."""


def better(op: ops.Conv2d | ops.Deconv2d, x: Tensor, dy: Tensor) -> bool:
    """Say whether copies pay."""
    c = x.c // op.groups
    return c >= FEWEST and c * math.prod(op.filters[2:]) >= USES and dy.w <= LONGEST


@dataclass(frozen=True)
class Axis:
    """One axis of a copy: pixels of x from one copied pixel to the next, copied pixels from one output and from one tap
    to the next, and the taps."""

    source: int
    step: int
    tap: int
    taps: int

    @classmethod
    def of(cls, taps: int, stride: int, dilation: int) -> Axis:
        """Of a single tap only those pixels are copied that it reads."""
        return cls(stride, 1, 0, 1) if taps == 1 else cls(1, stride, dilation, taps)

    def reach(self, outputs: int) -> int:
        """Return how many pixels are copied for so many neighbouring outputs."""
        return (outputs - 1) * self.step + (self.taps - 1) * self.tap + 1


def weights_gradient(
    em: Emitter, node: Node, op: ops.Conv2d | ops.Deconv2d, x: Tensor, dy: Tensor, layout: Matrix
) -> None:
    """dW in partial sums over chunks of pixel blocks, then added in order."""
    from .convolution import sum_columns

    limit = PIXELS // (em.lanes * em.item)
    (images, some), blocks = blocks_of(dy.h, dy.w, limit), block_count(dy.n, dy.h, dy.w, limit)
    down, across = (Axis.of(*axis) for axis in zip(op.filters[2:], op.stride, op.dilation, strict=True))
    rows, columns = down.reach(some), across.reach(dy.w)
    chunks = partial_sums(blocks, em.item * layout.size)
    c = x.c // op.groups
    step = min(c, rounded(-(-c // -(-UNITS // (chunks * op.groups))), RANGE))
    split = -(-c // step)
    room = images * some * dy.w
    area = images * rows * columns
    copied = rounded(area * em.item * (step + HIGHEST))
    slice_ = copied + rounded(room * WIDEST * em.lanes * em.item) + LINE
    units = chunks * op.groups * split
    pieces = pieces_of(units, slice_)
    direct = chunks == 1 and layout.columns % em.lanes == 0
    part, space = em.scratch(0 if direct else chunks * layout.size), em.scratch(pieces * slice_, 1)

    def bind(b: Binder) -> None:
        from ...kernels import near
        from ...kernels.tiles import GRADIENT

        top, left = op.padding[0][0], op.padding[1][0]
        listed: list[tuple[int, ...]] = []
        for image in range(0, dy.n, images):
            for row in range(0, dy.h, some):
                whole, high = min(images, dy.n - image), min(some, dy.h - row)
                at = image * x.image + row * op.stride[0] * x.row, image * dy.image + row * dy.row
                listed.append((*at, whole, down.reach(high), whole * high * dy.w))
        i, r, q = (a.ravel() for a in np.meshgrid(*map(np.arange, (images, some, dy.w)), indexing="ij"))
        first = (i * rows + r * down.step) * columns + q * across.step
        taps = np.array([h * down.tap * columns + w * across.tap for h in range(down.taps) for w in range(across.taps)])
        strips = [GRADIENT[v][1] * em.item for v in range(1, WIDEST + 1)]
        b.row(
            near,
            "near_gradient",
            units,
            X=b.at(x) - top * x.row - left * x.pixel,
            XG=c * em.item,
            XI=x.image,
            XR=down.source * x.row,
            XP=across.source * x.pixel,
            Y=b.at(dy),
            YG=dy.pixel // op.groups,
            YO=b.keep(i * dy.image + r * dy.row + q * dy.pixel),
            LIST=b.keep(listed),
            BLOCKS=blocks,
            ROWS=rows,
            COLUMNS=columns,
            AREA=area,
            XO=b.keep([first * strip for strip in strips]),
            NEAR=b.keep([np.arange(room) * em.lanes * em.item * v for v in range(1, WIDEST + 1)]),
            TAPS=b.keep([taps * strip for strip in strips]),
            NT=len(taps),
            C=c,
            **columns_of(b, layout.tiles, layout.columns, em.lanes),
            SPLIT=split,
            CHUNKS=chunks,
            STEP=step,
            PART=b.gradient_of(op.weight) if direct else b.arena + part.offset,
            SIZE=layout.size,
            WG=layout.group * em.item,
            MAT=copied,
            ROOM=room,
            **b.room(b.arena + space.offset, slice_, pieces),
        )
        if not direct:
            sum_columns(b, layout, b.arena + part.offset, chunks, b.gradient_of(op.weight), em.item, em.lanes)

    em.call(node, "weight gradient", (x, dy, part, space), bind)
