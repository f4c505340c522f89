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
from .sweep import columns_of, gradient_list, sweep

if TYPE_CHECKING:
    from ..bind import Binder

RUN = 512
"""Rows of the weight that a partial product takes at least; such a run of a column tile stays in cache."""

FEW = 6
"""Samples up to which tiles of 1, 2 and 4 of them are faster than those of 8 or 12."""

LEAST = 16
"""Column tiles that are units enough; fewer are cut by rows, into partial products."""

UNITS, TILE = 64, 32
"""Units of a weight gradient at most, and vectors of the largest gradient tile (25 of 5 x 5) with room to spare."""


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
        taps, per_tap = _taps(x)
        per_tap //= chunks
        walk = sweep(b, y.n, 1, 1, (x.image, 0, 0), (y.pixel, 0, 0), tiles.TABLE_PAD)
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
                "SPLIT": 1,
            }
            b.row(tiles, "tiles_forward", rest * blocks, **common | {"X": b.at(x), "Y": target, "START": 0} | many)
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

    taps, per_tap = _taps(x)
    columns = columns_of(b, layout.tiles, layout.columns, em.lanes)
    split = min(16, columns["NTILES"])
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


def _taps(x: Tensor) -> tuple[list[int], int]:
    """Return byte offsets and length of the dense runs that make one sample."""
    if x.bordered:
        return [i * x.row for i in range(x.h)], x.w * x.c
    return [0], x.h * x.w * x.c


def backward(em: Emitter, node: Node, dy: Tensor) -> None:
    """Gradients of weight, bias and input."""
    op = node.op
    assert isinstance(op, ops.Affine)
    if isinstance(op, AffineReLU):
        dy = relu_gradient(em, node, dy)
    x, layout = em.value(node.inputs[0]), em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    if em.needs(node.inputs[0]) and em.trains(op.weight) and large.many(layout, em.item, x):
        em.give(node.inputs[0], lambda dx: _both(em, node, op, dy, dx))
    else:
        # The input's gradient first: the step on the weights may be part of their own gradient.
        if em.needs(node.inputs[0]):
            em.give(node.inputs[0], lambda dx: _input(em, node, op, dy, dx))
        if em.trains(op.weight):
            _weights(em, node, op, dy)
    if op.bias is not None and em.trains(op.bias):
        bias_gradient(em, node, op.bias, dy, 1)


def _weights(em: Emitter, node: Node, op: ops.Affine, dy: Tensor) -> None:
    """dW = x^T dy, straight into the gradient; dy gets whole vectors first, so that padding lanes stay zero."""
    x = em.value(node.inputs[0])
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    whole, tile = em.scratch(dy.n * rounded(dy.c, em.lanes)), em.scratch(UNITS * TILE * em.lanes)

    def bind(b: Binder) -> None:
        _weight_rows(em, b, op, layout, x, dy, _whole(em, b, dy, whole), b.arena + tile.offset)

    em.call(node, "weight gradient", (x, dy, whole, tile), bind)


def _whole(em: Emitter, b: Binder, dy: Tensor, whole: Scratch) -> int:
    """Add the row that gives dy whole vectors; return where they are."""
    from ...kernels import tiles

    at, wide = b.arena + whole.offset, rounded(dy.c, em.lanes)
    b.row(tiles, "pad_rows", 1, T_X=b.at(dy), T_TO=at, T_ROWS=dy.n, T_COLUMNS=wide, T_STRIDE=dy.image, T_VALID=dy.c)
    return at


def _weight_rows(
    em: Emitter, b: Binder, op: ops.Affine, layout: Matrix, x: Tensor, dy: Tensor, at: int, part: int
) -> None:
    """Add the row that makes dW, and where it may takes the optimizer's step; `part`: memory for its tiles."""
    from ...kernels import tiles

    taps, per_tap = _taps(x)
    walk = sweep(b, dy.n, 1, 1, (x.image, 0, 0), (rounded(dy.c, em.lanes) * dy.item, 0, 0), tiles.TABLE_PAD)
    updates = b.update is not None and id(op.weight) not in b.shared
    listed = gradient_list(b, layout.tiles, taps, per_tap, x.item, layout.columns, alone=updates)
    split = min(listed["NLIST"], UNITS)
    fields = walk | listed | {"SPLIT": split, "CHUNKS": 1, "X": b.at(x), "Y": at}
    if not updates:
        b.row(tiles, "tiles_gradient", split, **fields, SIZE=layout.size, PART=b.gradient_of(op.weight))
    else:
        fields |= b.update_of(op.weight)
        b.row(tiles, "tiles_gradient_update", split, **fields, SIZE=TILE * em.lanes, PART=part)


def _both(em: Emitter, node: Node, op: ops.Affine, dy: Tensor, dx: Tensor) -> None:
    """Both gradients of many weights, which come from memory once for these and for their update."""
    x, layout = em.value(node.inputs[0]), em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    wide, samples = rounded(dy.c, em.lanes), rounded(dy.n, em.lanes)
    whole, packed = em.scratch(dy.n * wide), em.scratch(wide * samples)
    transposed = em.scratch(layout.rows * samples)
    tile = em.scratch(max(UNITS * TILE, large.room(layout)) * em.lanes)

    def bind(b: Binder) -> None:
        if b.update is None or id(op.weight) in b.shared:
            _input_rows(em, b, op, layout, dy, dx, packed, transposed)
            _weight_rows(em, b, op, layout, x, dy, _whole(em, b, dy, whole), b.arena + tile.offset)
            return
        at = _whole(em, b, dy, whole), _turned(em, b, dy, packed), wide
        large.backward(em, b, op, x, layout, at, b.arena + transposed.offset, tile)
        _back_in_order(b, layout, dx, transposed, samples)

    em.call(node, "both gradients", (dy, x, dx, whole, packed, transposed, tile), bind)


def _sources(layout: Matrix, lanes: int) -> list[tuple[int, list[int], int]]:
    """Return the column tiles of a weight as a product reads them in one go: (vectors, first columns, columns of each).

    Tiles of equal width go together, but for a last one that has lanes to spare: those are not multiplied.
    """
    found: list[tuple[int, list[int], int]] = []
    for vectors, first in layout.tiles:
        columns = min(vectors * lanes, layout.columns - first)
        if found and found[-1][0] == vectors and columns == found[-1][2]:
            found[-1][1].append(first)
        else:
            found.append((vectors, [first], columns))
    return found


def _input(em: Emitter, node: Node, op: ops.Affine, dy: Tensor, dx: Tensor) -> None:
    """dx^T = W dy^T: the packed weights are read once, as pixels, and the small dy is repacked instead."""
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    wide, samples = rounded(dy.c, em.lanes), rounded(dy.n, em.lanes)
    packed, transposed = em.scratch(wide * samples), em.scratch(layout.rows * samples)

    def bind(b: Binder) -> None:
        _input_rows(em, b, op, layout, dy, dx, packed, transposed)

    em.call(node, "input gradient", (dy, dx, packed, transposed), bind)


def _turned(em: Emitter, b: Binder, dy: Tensor, packed: Scratch) -> int:
    """Add the row that packs dy^T as weights are; return where it is."""
    from ...kernels import tiles

    over = column_tiles(dy.n, em.lanes)
    b.row(
        tiles,
        "pack_columns",
        1,
        T_X=b.at(dy),
        T_TO=b.arena + packed.offset,
        T_ROWS=dy.n,
        T_COLUMNS=rounded(dy.c, em.lanes),
        T_STRIDE=dy.image,
        T_TILES=b.keep(over),
        T_NTILES=len(over),
        T_VALID=dy.c,
    )
    return b.arena + packed.offset


def _back_in_order(b: Binder, layout: Matrix, dx: Tensor, transposed: Scratch, samples: int) -> None:
    """Add the row that turns dx^T, with rows of `samples` values, into dx."""
    from ...kernels import tiles

    h, w, c = np.meshgrid(np.arange(dx.h), np.arange(dx.w), np.arange(dx.c), indexing="ij")
    cut = max(1, -(-layout.rows // 16))
    b.row(
        tiles,
        "unpack_transposed",
        -(-layout.rows // cut),
        U_X=b.arena + transposed.offset,
        U_TO=b.at(dx),
        U_FEATURES=layout.rows,
        U_WIDTH=samples,
        U_SAMPLES=dx.n,
        U_STRIDE=dx.image,
        U_OFFSETS=b.keep((h * dx.row + w * dx.pixel + c * dx.item).ravel()),
        U_SLICE=cut,
    )


def _input_rows(
    em: Emitter, b: Binder, op: ops.Affine, layout: Matrix, dy: Tensor, dx: Tensor, packed: Scratch, transposed: Scratch
) -> None:
    from ...kernels import tiles
    from ...kernels.cpu import VECTOR_BYTES

    wide, samples = rounded(dy.c, em.lanes), rounded(dy.n, em.lanes)
    over, turned = column_tiles(dy.n, em.lanes), _turned(em, b, dy, packed)
    for number, (vectors, firsts, columns) in enumerate(_sources(layout, em.lanes)):
        walk = sweep(b, 1, layout.rows, 1, (0, vectors * VECTOR_BYTES, 0), (0, samples * dx.item, 0), tiles.TABLE_PAD)
        b.row(
            tiles,
            "tiles_forward",
            walk["BLOCKS"],
            SPLIT=1,
            X=b.value_of(op.weight),
            W=turned,
            WB=b.keep(np.full(walk["BLOCKS"], firsts[0])),
            Y=b.arena + transposed.offset,
            START=int(number > 0),
            TAPS=b.keep([layout.rows * first * dx.item for first in firsts]),
            NT=len(firsts),
            NJ=columns,
            ROWS=wide,
            **walk,
            **columns_of(b, over, samples, em.lanes),
        )
    _back_in_order(b, layout, dx, transposed, samples)


RULES[ops.Affine] = Rule(forward, backward)
