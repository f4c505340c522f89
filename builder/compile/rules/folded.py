"""The input's gradient of a convolution with few input channels: when, and its rows. See kernels/folded.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..layouts import Matrix, column_tiles
from ..tensors import Node, Tensor, rounded
from .forms import cost_of, edge_of
from .sweep import LIMIT, columns_of

if TYPE_CHECKING:
    from ..bind import Binder

WORKERS = 16
"""Units that can be at work at once."""

SUM, MARGIN = 4, 1.2
"""Vector multiply-adds that cost as much as one addition of the second line; how much better the form must be."""


def better(em: Emitter, op: ops.Conv2d, dy: Tensor, dx: Tensor) -> bool:
    """Say whether this form costs fewer vector multiply-adds than the direct one and Winograd's."""
    k, c, fh, fw = op.filters
    if op.stride != (1, 1) or op.dilation != (1, 1) or op.groups != 1 or fw == 1:
        return False

    def vectors(columns: int) -> float:
        return -(-2 * columns // em.lanes) / 2  # a last vector may be computed by half

    pixels = dx.n * dx.h * dx.w
    cost = dx.n * dx.h * dy.w * fh * k * vectors(fw * c) + SUM * pixels * fw * -(-c // em.lanes)
    others = [pixels * fh * fw * k * vectors(c)]
    if fh == fw and fw in (3, 5) and em.item == 4 and not em.exact:
        others.append(cost_of(em, fw, edge_of(em, fw, dx, k, c), dx, k, c))
    return not em.winograd and MARGIN * cost < min(others)


def transposed(em: Emitter, node: Node, op: ops.Conv2d, dy: Tensor, dx: Tensor) -> None:
    """dx, band by band."""
    k, c, fh, fw = op.filters
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    top, left = op.padding[0][0], op.padding[1][0]
    dy.demand(max(0, fh - 1 - top), max(0, dx.h + top - dy.h), 0, 0)
    before, behind = max(0, fw - 1 - left), max(0, dx.w + left - dy.w)
    whole = dx.h * dy.w <= LIMIT
    images, rows = (min(dx.n, LIMIT // (dx.h * dy.w)), dx.h) if whole else (1, max(1, LIMIT // dy.w))
    bands = [
        (i, min(images, dx.n - i), r, min(rows, dx.h - r)) for i in range(0, dx.n, images) for r in range(0, dx.h, rows)
    ]
    wide = rounded(fw * c, em.lanes)
    line = (before + dy.w + behind) * wide
    pieces, slice_ = min(len(bands), WORKERS), rounded(images * rows * line)
    turned, space = em.scratch(fh * k * wide), em.scratch(pieces * slice_)

    def bind(b: Binder) -> None:
        from ...kernels import folded, tiles

        into = column_tiles(fw * c, em.lanes)
        b.row(
            tiles,
            "flip_weights",
            len(into),
            F_W=b.value_of(op.weight),
            F_TO=b.arena + turned.offset,
            F_SOURCE=b.keep(layout.tiles),
            F_NSOURCE=len(layout.tiles),
            F_TILES=b.keep(into),
            F_NTILES=len(into),
            F_TAPS=b.keep(range(fh - 1, -1, -1)),
            F_NT=fh,
            F_IN=fw * c,
            F_OUT=k,
            F_ROWS=layout.rows,
        )
        shapes = sorted({(m, r) for _, m, _, r in bands})
        length = rounded(images * rows * dy.w, tiles.TABLE_PAD)
        sources, places = [], []
        for shape in shapes:
            i, r, q = (a.ravel() for a in np.meshgrid(*(np.arange(n) for n in (*shape, dy.w)), indexing="ij"))
            last = np.minimum(np.arange(length), len(i) - 1)
            sources.append((i * dy.image + r * dy.row + q * dy.pixel)[last])
            places.append((((i * shape[1] + r) * line + q * wide) * dy.item)[last])
        b.row(
            folded,
            "input_folded",
            len(bands),
            X=b.at(dy) + (top - (fh - 1)) * dy.row,
            XB=b.keep([i * dy.image + r * dy.row for i, _, r, _ in bands]),
            COUNT=b.keep([m * r * dy.w for _, m, _, r in bands]),
            TABLE=b.keep([shapes.index((m, r)) * length * 8 for _, m, _, r in bands]),
            XO=b.keep(np.concatenate(sources)),
            YO=b.keep(np.concatenate(places)),
            BLOCKS=len(bands),
            TAPS=b.keep([r * dy.row for r in range(fh)]),
            NT=fh,
            NJ=k,
            W=b.arena + turned.offset,
            ROWS=fh * k,
            FLOOR=b.floor(False),
            **columns_of(b, into, wide, em.lanes),
            BANDS=b.keep(bands),
            DX=b.at(dx),
            DXN=dx.image,
            DXH=dx.row,
            WIDE=dx.w,
            C=c,
            WIDTH=fw,
            LEFT=left,
            BEFORE=before,
            BEHIND=behind,
            INNER=dy.w,
            LINE=line * dy.item,
            PIXEL=wide * dy.item,
            **b.room(b.arena + space.offset, slice_ * dy.item, pieces),
        )

    em.call(node, "input gradient", (dy, dx, turned, space), bind)
