"""Affine by the same register tiles as convolution: samples are the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule
from ..fuse import AffineReLU
from ..layouts import Matrix, column_tiles
from ..tensors import Node, Scratch, Tensor, rounded
from . import large
from .activated import relu_gradient
from .bias import bias_gradient
from .sweep import LIMIT, columns_of, sweep

if TYPE_CHECKING:
    from ..bind import Binder

RUN = 512
"""Rows of the weight that a partial product takes at least; such a run of a column tile stays in cache."""

PARTS = 8
"""Units of a forward product at least, where there are so many samples and columns."""

FEW = 6
"""Samples up to which tiles of 1, 2 and 4 of them are faster than those of 8 or 12."""

LEAST = 16
"""Column tiles that are units enough; fewer are cut by rows, into partial products."""

UNITS, TILE = 64, 128
"""Units of a weight gradient at most, and vectors of the largest run of its tiles with room to spare."""

FEATURES, MADE, WORKERS = 48, 1 << 16, 16
"""Features of a block of the input's gradient: a multiple of this, which whole tiles fill; the bytes that a block makes
before they are turned; units that can be at work at once."""


def _chunks(features: int) -> int:
    """Return into how many equal runs of rows the product is cut: most work in parallel, weights read once."""
    return max(c for c in range(1, 33) if features % c == 0 and (c == 1 or features // c >= RUN))


def forward(em: Emitter, node: Node) -> None:
    """y = x W + b, in partial products over runs of rows that are added in order."""
    op = node.op
    assert isinstance(op, ops.Affine)
    x, y = em.value(node.inputs[0]), em.output(node)
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    runs = _chunks(layout.rows)
    part = em.scratch(runs * y.n * y.c)

    def bind(b: Binder) -> None:
        from ...kernels import tiles

        if x.n <= FEW:
            _few(em, b, op, x, y, layout)
            return
        if large.many(layout, em.item, x) and len(layout.tiles) >= LEAST:
            large.forward(em, b, op, x, y, layout)
            return
        chunks = 1 if x.bordered else runs
        taps, per_tap = large.taps(x)
        per_tap //= chunks
        # Few columns: the samples are cut too, so that there is work for several.
        some = LIMIT if chunks > 1 else min(LIMIT, rounded(-(-y.n * len(layout.tiles) // PARTS), tiles.TABLE_PAD))
        walk = sweep(b, y.n, 1, 1, (x.image, 0, 0), (y.pixel, 0, 0), tiles.TABLE_PAD, some)
        common = (
            {"W": b.value_of(op.weight), "TAPS": b.keep(taps), "NT": len(taps), "NJ": per_tap, "ROWS": layout.rows}
            | walk
            | columns_of(b, layout.tiles, layout.columns, em.lanes)
        )
        bias = b.value_of(op.bias) if op.bias is not None else 0
        target = b.arena + part.offset if chunks > 1 else b.at(y)
        split = max(1, min(common["NTILES"], 16 // walk["BLOCKS"]))
        relu = isinstance(op, AffineReLU)
        first = {"X": b.at(x), "Y": target, "START": bias, "SPLIT": split, "FLOOR": b.floor(relu and chunks == 1)}
        b.row(tiles, "tiles_forward", walk["BLOCKS"] * split, **common | first)
        if chunks > 1:
            rest, blocks = chunks - 1, walk["BLOCKS"]
            x_block, y_block, count, table = (_read(b, walk[k], blocks) for k in ("XB", "YB", "COUNT", "TABLE"))
            run = np.repeat(np.arange(1, chunks), blocks)
            many = {
                "XB": b.keep(np.tile(x_block, rest) + run * per_tap * x.item),
                "YB": b.keep(np.tile(y_block, rest) + run * y.n * y.pixel),
                "WB": b.keep(run * per_tap),
                "COUNT": b.keep(np.tile(count, rest)),
                "TABLE": b.keep(np.tile(table, rest)),
                "BLOCKS": rest * blocks,
                "SPLIT": max(1, min(common["NTILES"], 16 // (rest * blocks))),
            }
            b.row(
                tiles,
                "tiles_forward",
                rest * blocks * many["SPLIT"],
                **common | {"X": b.at(x), "Y": target, "START": 0} | many,
            )
            size = y.n * y.c
            b.row(
                tiles,
                "sum_parts",
                -(-size // 4096),
                S_PART=target,
                S_CHUNKS=chunks,
                S_STRIDE=size,
                S_TO=b.at(y),
                S_SIZE=size,
                S_SLICE=4096,
                S_WIDTH=1,
                S_VALID=1,
                S_FROM=0,
                S_RELU=int(relu),
            )

    em.call(node, "affine", (x, y, part), bind)


def _few(em: Emitter, b: Binder, op: ops.Affine, x: Tensor, y: Tensor, layout: Matrix) -> None:
    """The same for a few samples, which the weights pass by once."""
    from ...kernels import few

    taps, per_tap = large.taps(x)
    columns = columns_of(b, layout.tiles, layout.columns, em.lanes)
    split = min(16, -(-columns["NTILES"] // 2))  # pairs of tiles: see kernels/few.py
    b.row(
        few,
        "affine_few",
        split,
        SPLIT=split,
        X=b.at(x),
        W=b.value_of(op.weight),
        Y=b.at(y),
        START=b.value_of(op.bias) if op.bias is not None else 0,
        XO=b.keep(np.arange(x.n) * x.image),
        YO=b.keep(np.arange(x.n) * y.image),
        TAPS=b.keep(taps),
        NT=len(taps),
        NJ=per_tap,
        ROWS=layout.rows,
        COUNT=x.n,
        FLOOR=b.floor(isinstance(op, AffineReLU)),
        **columns,
    )


def _read(b: Binder, address: int, count: int) -> np.ndarray:
    return next(k for k in b.kept if k.ctypes.data == address)[:count]


def backward(em: Emitter, node: Node, da: Tensor) -> None:
    """Gradients of weight, bias and input."""
    op = node.op
    assert isinstance(op, ops.Affine)
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    trains, x = em.trains(op.weight), em.value(node.inputs[0])
    bias = op.bias if op.bias is not None and em.trains(op.bias) else None
    if em.needs(node.inputs[0]) and trains and large.many(layout, em.item, x):
        dy = relu_gradient(em, node, da) if isinstance(op, AffineReLU) else da
        em.give(node.inputs[0], lambda dx: large.both(em, node, op, dy, dx))
        if bias is not None:
            bias_gradient(em, node, bias, dy, 1)
        return
    # The input's gradient goes first: the step on the weights may be part of their own gradient.
    wide, samples = rounded(da.c, em.lanes), rounded(da.n, em.lanes)
    packed = em.scratch(wide * samples)
    turned = em.scratch(wide * samples) if em.needs(node.inputs[0]) else None
    if trains or turned is not None or bias is not None:
        _spread(em, node, layout, da, packed, turned, bias)
    if turned is not None:
        em.give(node.inputs[0], lambda dx: _input(em, node, op, turned, dx))
    if trains:
        _weights(em, node, op, packed)


def _spread(
    em: Emitter,
    node: Node,
    layout: Matrix,
    da: Tensor,
    packed: Scratch,
    turned: Scratch | None,
    bias: ops.Parameter | None,
) -> None:
    """Bring the output's gradient, through ReLU, into the forms that the other gradients read; sum the bias's."""
    relu = isinstance(node.op, AffineReLU)
    a = em.value(node)
    touches = [da, packed, *([a] if relu else []), *([turned] if turned is not None else [])]

    def bind(b: Binder) -> None:
        from ...kernels import affine

        over = column_tiles(da.n, em.lanes) if turned is not None else []
        b.row(
            affine,
            "affine_spread",
            rounded(da.c, em.lanes) // em.lanes,
            DA=b.at(da),
            DAN=da.image,
            A=b.at(a) if relu else 0,
            AN=a.image,
            FLOOR=b.floor(True),
            N=da.n,
            C=da.c,
            PACKED=b.arena + packed.offset,
            TILES=b.keep(layout.tiles),
            NTILES=len(layout.tiles),
            LENGTH=rounded(da.n, em.lanes),
            TURNED=b.arena + turned.offset if turned is not None else 0,
            OVER=b.keep(over),
            NOVER=len(over),
            WIDE=rounded(da.c, em.lanes),
            BIAS=b.gradient_of(bias) if bias is not None else 0,
        )

    em.call(node, "activation backward" if relu else "bias gradient", touches, bind)


def _weights(em: Emitter, node: Node, op: ops.Affine, packed: Scratch) -> None:
    """dW = x^T dy, straight into the gradient or into the optimizer's step."""
    x = em.value(node.inputs[0])
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    tile = em.scratch(UNITS * TILE * em.lanes)

    def bind(b: Binder) -> None:
        from ...kernels import affine

        listed = _runs(layout, x, em.lanes)
        units = min(len(listed), UNITS)
        fields = {
            "X": b.at(x),
            "XN": x.image,
            "SAMPLES": x.n,
            "DY": b.arena + packed.offset,
            "LIST": b.keep(listed),
            "NLIST": len(listed),
            "SPLIT": units,
        }
        if b.update is None or id(op.weight) in b.shared:
            fields["TO"] = b.gradient_of(op.weight)
        else:
            fields |= {"PART": b.arena + tile.offset, "SIZE": TILE * em.lanes} | b.update_of(op.weight)
        b.row(affine, "affine_weights", units, **fields)

    em.call(node, "weight gradient", (x, packed, tile), bind)


def _runs(layout: Matrix, x: Tensor, lanes: int) -> list[tuple[int, int, int, int, int]]:
    """Return runs of tiles of a weight gradient: kind, byte offsets of x, packed dy and the gradient, rows."""
    from ...kernels.affine import ROWS, RUN as TILES
    from ...kernels.cpu import HALF

    taps, per_tap = large.taps(x)
    samples, listed = rounded(x.n, lanes), []
    for vectors, first in layout.tiles:
        half = HALF and vectors == 1 and 2 * (layout.columns - first) <= lanes
        kind = 4 if half else vectors
        most = ROWS[kind] * TILES
        for number, tap in enumerate(taps):
            for j in range(0, per_tap, most):
                place = layout.rows * first + (number * per_tap + j) * vectors * lanes
                rows = min(most, per_tap - j)
                listed.append((kind, tap + j * x.item, first * samples * x.item, place * x.item, rows))
    return listed


def _input(em: Emitter, node: Node, op: ops.Affine, turned: Scratch, dx: Tensor) -> None:
    """dx^T = W dy^T: the packed weights are read once, as pixels, and the small dy is repacked instead."""
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    samples = rounded(dx.n, em.lanes)
    row = samples * dx.item
    # So many features that every thread has work, and that what comes out stays in cache.
    some = min(rounded(-(-layout.rows // 16), FEATURES), max(1, MADE // (row * FEATURES)) * FEATURES)
    units = -(-layout.rows // some)
    pieces = min(units, WORKERS)
    space = em.scratch(pieces * rounded(some * samples, em.lanes))

    def bind(b: Binder) -> None:
        from ...kernels import affine
        from ...kernels.tiles import TABLE_PAD

        sources, rest = large.sources(layout, em.lanes), layout.rows % some
        length = rounded(some, TABLE_PAD)
        blocks = [some, rest] if rest else [some]

        def table(stride: int) -> list[np.ndarray]:
            return [np.minimum(np.arange(length), count - 1) * stride for count in blocks]

        rows = [table(vectors * em.lanes * dx.item) for vectors, _, _ in sources]
        listed = [
            (vectors, b.keep([layout.rows * first * dx.item for first in firsts]), len(firsts), columns, firsts[0])
            for vectors, firsts, columns in sources
        ]
        over = column_tiles(dx.n, em.lanes)
        h, w, c = np.meshgrid(np.arange(dx.h), np.arange(dx.w), np.arange(dx.c), indexing="ij")
        b.row(
            affine,
            "affine_input",
            units,
            I_W=b.value_of(op.weight),
            I_TURNED=b.arena + turned.offset,
            I_DX=b.at(dx),
            I_DXN=dx.image,
            I_OFFSETS=b.keep((h * dx.row + w * dx.pixel + c * dx.item).ravel()),
            I_N=dx.n,
            I_FEATURES=layout.rows,
            I_BLOCK=some,
            I_OVER=b.keep(over),
            I_NOVER=len(over),
            I_WIDE=rounded(layout.columns, em.lanes),
            I_SOURCES=b.keep(listed),
            I_NSOURCES=len(listed),
            I_XO=b.keep(np.concatenate([t[i] for i in range(len(blocks)) for t in rows])),
            I_YO=b.keep(np.concatenate([t for t in table(row) for _ in sources])),
            I_LENGTH=length,
            I_FLOOR=b.floor(False),
            I_ROW=row,
            I_SPACE=b.arena + space.offset,
            I_SLICE=rounded(some * samples, em.lanes) * dx.item,
            I_FLAGS=b.keep(np.zeros(8 * pieces)),
            I_NSPACE=pieces,
        )

    em.call(node, "input gradient", (dx, turned, space), bind)


RULES[ops.Affine] = Rule(forward, backward)
