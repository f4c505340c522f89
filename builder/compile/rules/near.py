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
from .sweep import blocks_of, columns_of
from .winograd import LINE, WORKERS, WORKING_BYTES

if TYPE_CHECKING:
    from ..bind import Binder

FEWEST, USES, LONGEST = 16, 64, 1024
"""Channels of a group below which a few neighbouring pixels share a cache line anyway; times that a value of dy is
multiplied below which its copy costs more than it saves (1 x 1 from 16 channels to 64 took 1.5 times as long); pixels
of a row above which no cache would hold its copy."""

PIXELS = 6144
"""Bytes of one vector of columns for the pixels of a block: three of these, and what they read of x, stay in a
first-level cache of 32 KiB."""

WIDEST, HIGHEST = 3, 24
"""Vectors of a column tile at most, and channels of a run at most (kernels/tiles.py)."""

RANGE = 48
"""Channels of a unit are a multiple of this, which every run divides, or all."""

UNITS, MOST_SUMS = 8, 16
"""Units that there are at least if possible; partial sums at most."""


def better(op: ops.Conv2d | ops.Deconv2d, x: Tensor, dy: Tensor) -> bool:
    """Say whether copies pay."""
    c = x.c // op.groups
    return c >= FEWEST and c * math.prod(op.filters[2:]) >= USES and dy.w <= LONGEST


@dataclass(frozen=True)
class Axis:
    """One axis of a copy: bytes and pixels of x from one copied pixel to the next, and copied pixels from one output
    and one tap to the next, and for `outputs` neighbouring ones."""

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
    em: Emitter, node: Node, op: ops.Conv2d | ops.Deconv2d, x: Tensor, dy: Tensor, layout: Matrix, partials: int
) -> None:
    """dW in partial sums over chunks of pixel blocks, then added in order; they may take `partials` bytes."""
    from .convolution import sum_columns

    images, some = blocks_of(dy.h, dy.w, PIXELS // (em.lanes * em.item))
    down, across = (Axis.of(*axis) for axis in zip(op.filters[2:], op.stride, op.dilation, strict=True))
    rows, columns = down.reach(some), across.reach(dy.w)
    blocks = -(-dy.n // images) * -(-dy.h // some)
    chunks = max(1, min(blocks, MOST_SUMS, partials // (em.item * layout.size)))
    c = x.c // op.groups
    step = min(c, rounded(-(-c // -(-UNITS // (chunks * op.groups))), RANGE))
    split = -(-c // step)
    room = images * some * dy.w
    area = images * rows * columns
    copied = rounded(area * em.item * (step + HIGHEST))
    slice_ = copied + rounded(room * WIDEST * em.lanes * em.item) + LINE
    units = chunks * op.groups * split
    least, most = WORKERS
    pieces = min(units, max(least, min(most, WORKING_BYTES // slice_)))
    direct = chunks == 1 and layout.columns % em.lanes == 0
    part, space = em.scratch(0 if direct else chunks * layout.size), em.scratch(pieces * slice_, 1)

    def bind(b: Binder) -> None:
        from ...kernels import near
        from ...kernels.tiles import GRADIENT

        top, left = op.padding[0][0], op.padding[1][0]
        steps = x.image, down.source * x.row, across.source * x.pixel
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
            XI=steps[0],
            XR=steps[1],
            XP=steps[2],
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
            SPACE=b.arena + space.offset,
            SLICE=slice_,
            FLAGS=b.keep(np.zeros(8 * pieces)),
            NSPACE=pieces,
        )
        if not direct:
            sum_columns(b, layout, b.arena + part.offset, chunks, b.gradient_of(op.weight), em.item, em.lanes)

    em.call(node, "weight gradient", (x, dy, part, space), bind)
