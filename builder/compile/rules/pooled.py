"""Convolution and the max pooling behind it in one pass; for a first layer their gradients too (kernels/pooled.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..fuse import NormActPool
from ..layouts import Matrix
from ..tensors import Node, Scratch, Tensor, rounded
from .bias import add_sums
from .sweep import LIMIT, columns_of, gradient_list, partial_sums, sweep

if TYPE_CHECKING:
    from ..bind import Binder

TILE = 12
"""Pixels of most register tiles: bands are cut so that few of the last tile's are wasted."""

WORKERS = 16
"""Bands that can be at work at once."""


@dataclass(frozen=True)
class Bands:
    """How the outputs of a pooling are cut: `images` whole images, or `rows` pooled rows of one."""

    images: int
    rows: int
    n: int
    oh: int
    ow: int

    @classmethod
    def of(cls, n: int, oh: int, ow: int) -> Bands:
        """Cut by shape alone: as many pixels as LIMIT allows, and few tiles in all.

        >>> Bands.of(64, 12, 12)
        Bands(images=1, rows=8, n=64, oh=12, ow=12)
        """
        whole = 4 * oh * ow
        if whole <= LIMIT:
            return cls(min(n, LIMIT // whole), oh, n, oh, ow)
        most = max(1, min(oh, LIMIT // (4 * ow)))

        def tiles(rows: int) -> int:
            rest = oh % rows
            return oh // rows * -(-4 * ow * rows // TILE) + -(-4 * ow * rest // TILE)

        return cls(1, min(range(1, most + 1), key=lambda rows: (tiles(rows), -rows)), n, oh, ow)

    @property
    def list(self) -> np.ndarray:
        """First image, images, first row and rows of every band."""
        return np.array(
            [
                (i, min(self.images, self.n - i), r, min(self.rows, self.oh - r))
                for i in range(0, self.n, self.images)
                for r in range(0, self.oh, self.rows)
            ],
            np.int64,
        )

    @property
    def pixels(self) -> int:
        """Pixels of the convolution in a whole band."""
        return self.images * self.rows * 4 * self.ow


def _source(em: Emitter, pool: Node) -> Node | None:
    """Return the convolution that a pooling may take in one pass: one with a direct form, and not of few pixels."""
    from .streamed import streamed
    from .winograd import chosen

    if not isinstance(pool.op, NormActPool) or not pool.op.joined:
        return None
    source = pool.inputs[0]
    assert isinstance(source.op, ops.Conv2d)
    y = em.tensor(source.op.shape)
    x = em.value(source.inputs[0])
    return None if chosen(em, source.op, y, x.c, y.c) or streamed(em, source.op, y) else source


def pools_later(em: Emitter, convolution: Node) -> bool:
    """Say whether a convolution's value is made by the pooling that reads it, and nowhere else."""
    reader = em.sole_reader(convolution)
    return reader is not None and _source(em, reader) is convolution and _bare(reader)


def _bare(pool: Node) -> bool:
    return isinstance(pool.op, NormActPool) and pool.op.norm is None


def forward(em: Emitter, node: Node) -> bool:
    """p = pool(act(conv(x))) without the convolution's value; False where pooling has to read that."""
    source = _source(em, node)
    if source is None or not _bare(node):
        return False
    from .convolution import demand

    op, pool = source.op, node.op
    assert isinstance(op, ops.Conv2d) and isinstance(pool, NormActPool)
    x, y, p = em.value(source.inputs[0]), em.value(source), em.output(node)
    demand(op, x, y)
    layout = em.layout(source, op.weight)
    assert isinstance(layout, Matrix)
    if em.mode != "train":
        em.call(source, "convolution and pooling", (x, p), lambda b: _largest(em, b, op, pool, x, p, layout))
        return True
    bands = Bands.of(p.n, p.h, p.w)
    win = em.scratch(p.n * p.h * p.w * p.c, 1)
    em.saved[id(p)] = win
    count = len(bands.list)
    space = em.scratch(min(count, WORKERS) * rounded(bands.pixels * p.c))

    def bind(b: Binder) -> None:
        from ...kernels import pooled

        fields = _walk(b, op, x, y, bands, p.c) | _memory(b, space, min(count, WORKERS), bands, p)
        fields |= columns_of(b, layout.tiles, layout.columns, em.lanes)
        fields |= {"W": b.value_of(op.weight), "ROWS": layout.rows, "FLOOR": b.floor(False), "ACT": b.floor(pool.relu)}
        fields |= {"START": b.value_of(op.bias) if op.bias is not None else 0}
        fields |= {"P": b.at(p), "PN": p.image, "PH": p.row, "WIN": b.arena + win.offset}
        b.row(pooled, "convolution_pooled", count, **fields)

    em.call(source, "convolution and pooling", (x, p, win, space), bind)
    return True


def _largest(em: Emitter, b: Binder, op: ops.Conv2d, pool: NormActPool, x: Tensor, p: Tensor, layout: Matrix) -> None:
    """Add the row for p = pool(act(conv(x))) where nobody asks for the winners."""
    from ...kernels import windows

    right, down = op.stride[1] * x.pixel, op.stride[0] * x.row
    taps, per_tap = _taps_of(op, x)
    (top, _), (left, _) = op.padding
    walk = sweep(
        b, p.n, p.h, p.w, (x.image, 2 * down, 2 * right), (p.image, p.row, p.pixel), windows.TABLE_PAD, LIMIT // 4
    )
    columns = columns_of(b, layout.tiles, layout.columns, em.lanes)
    split = max(1, min(columns["NTILES"], 16 // walk["BLOCKS"]))
    b.row(
        windows,
        "convolution_largest",
        walk["BLOCKS"] * split,
        X=b.at(x) - top * x.row - left * x.pixel,
        W=b.value_of(op.weight),
        Y=b.at(p),
        START=b.value_of(op.bias) if op.bias is not None else 0,
        FLOOR=b.floor(pool.relu),
        RIGHT=right,
        DOWN=down,
        TAPS=b.keep(taps),
        NT=len(taps),
        NJ=per_tap,
        ROWS=layout.rows,
        SPLIT=split,
        **walk,
        **columns,
    )


def backward(em: Emitter, node: Node, dp: Tensor) -> bool:
    """The gradients of a first layer's weight and bias from the pooled one; False where dy itself is needed."""
    source = _source(em, node)
    if source is None or em.needs(source.inputs[0]) or not em.needs(source):
        return False
    from .convolution import sum_columns
    from .norm_act import wants_sums

    op, pool = source.op, node.op
    assert isinstance(op, ops.Conv2d) and isinstance(pool, NormActPool)
    x, y, p = em.value(source.inputs[0]), em.value(source), em.value(node)
    bias = op.bias if op.bias is not None and em.trains(op.bias) else None
    coefficients = em.saved.get(id(node)) if pool.norm is not None else None
    if coefficients is not None and (y.h, y.w) != (2 * p.h, 2 * p.w):
        return False  # pixels that no window covers have a gradient through the statistics
    if coefficients is not None and bias is not None and not wants_sums(em, source):
        return False
    if not em.trains(op.weight) or any(_shared(em, q) for q in op.parameters):
        return False
    layout, win = em.layout(source, op.weight), em.saved[id(p)]
    assert isinstance(layout, Matrix)
    bands = Bands.of(p.n, p.h, p.w)
    chunks = partial_sums(len(bands.list), em.item * layout.size)
    part, sums = em.scratch(chunks * layout.size), em.scratch(chunks * p.c)
    space = em.scratch(chunks * rounded(bands.pixels * p.c))

    def bind(b: Binder) -> None:
        from ...kernels import pooled

        fields = _walk(b, op, x, y, bands, p.c) | _memory(b, space, chunks, bands, p)
        fields |= gradient_list(b, layout.tiles, _taps_of(op, x)[0], _taps_of(op, x)[1], x.item, layout.columns)
        fields |= {"P": b.at(dp), "PN": dp.image, "PH": dp.row, "WIN": b.arena + win.offset}
        fields |= {"PART": b.arena + part.offset, "SIZE": layout.size, "CHUNKS": chunks, "BIAS": b.arena + sums.offset}
        if coefficients is not None:
            fields |= {"Y": b.at(y), "YN": y.image, "YH": y.row, "COEF": b.arena + coefficients.offset}
        b.row(pooled, "pooled_gradient", chunks, **fields)
        sum_columns(b, layout, b.arena + part.offset, chunks, b.gradient_of(op.weight), x.item, em.lanes)
        if bias is not None and coefficients is None:
            add_sums(b, b.arena + sums.offset, chunks, p.c, b.gradient_of(bias))

    read = (coefficients, y) if coefficients is not None else ()
    em.call(source, "pooled weight gradient", (x, dp, win, part, sums, space, *read), bind)
    return True


def _shared(em: Emitter, parameter: ops.Parameter) -> bool:
    key = em.graph.key(parameter)
    return sum(em.graph.key(p) == key for node in em.graph.nodes for p in node.op.parameters) > 1


def _taps_of(op: ops.Conv2d, x: Tensor) -> tuple[list[int], int]:
    from .convolution import taps_of

    return taps_of(op, x)


def _memory(b: Binder, space: Scratch, pieces: int, bands: Bands, p: Tensor) -> dict[str, int]:
    return {
        "BANDS": b.keep(bands.list),
        "OH": p.h,
        "OW": p.w,
        "K": p.c,
        "DOWN": 2 * p.w * p.pixel,
        **b.room(b.arena + space.offset, rounded(bands.pixels * p.c) * p.item, pieces),
    }


def _walk(b: Binder, op: ops.Conv2d, x: Tensor, y: Tensor, bands: Bands, channels: int) -> dict[str, int]:
    """Return the fields of a walk over the convolution's pixels, band by band; y is the band's own memory, dense."""
    from ...kernels.tiles import TABLE_PAD

    (top, _), (left, _) = op.padding
    down, across = op.stride[0] * x.row, op.stride[1] * x.pixel
    listed = bands.list
    shapes = sorted({(images, rows) for images, rows in listed[:, [1, 3]].tolist()})
    length = rounded(bands.pixels, TABLE_PAD)
    sources, places = [], []
    for images, rows in shapes:
        i, r, c = (
            a.ravel()
            for a in np.meshgrid(np.arange(images), np.arange(2 * rows), np.arange(2 * bands.ow), indexing="ij")
        )
        last = np.minimum(np.arange(length), len(i) - 1)
        sources.append((i * x.image + r * down + c * across)[last])
        places.append(last * channels * x.item)
    taps, per_tap = _taps_of(op, x)
    return {
        "X": b.at(x) - top * x.row - left * x.pixel,
        "XB": b.keep(listed[:, 0] * x.image + listed[:, 2] * 2 * down),
        "COUNT": b.keep(listed[:, 1] * listed[:, 3] * 4 * bands.ow),
        "TABLE": b.keep([shapes.index((int(n), int(r))) * length * 8 for n, r in listed[:, [1, 3]]]),
        "XO": b.keep(np.concatenate(sources)),
        "YO": b.keep(np.concatenate(places)),
        "BLOCKS": len(listed),
        "TAPS": b.keep(taps),
        "NT": len(taps),
        "NJ": per_tap,
    }
