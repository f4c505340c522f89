"""Affine with many weights: kernels/large.py, and when it is the better form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..fuse import AffineReLU
from ..layouts import Matrix, column_tiles
from ..tensors import Node, Scratch, Tensor, rounded
from .sweep import columns_of, gradient_list, sweep

if TYPE_CHECKING:
    from ..bind import Binder

MANY = 4 << 20
"""Bytes of weights that no second-level cache holds."""

RUN = 96
"""Rows of a unit: kernels/large.RUN."""

UNITS, TILE = 64, 32
"""Units of a weight gradient at most where nothing is updated; vectors of the largest gradient tile, with room."""


def many(layout: Matrix, item: int, x: Tensor) -> bool:
    """Say whether the weights' way from memory decides; samples must be dense."""
    return layout.size * item >= MANY and not x.bordered


def padded(offsets: np.ndarray, pad: int) -> np.ndarray:
    """Return the offsets with the last repeated behind the end, so that tiles need no edge code."""
    return np.concatenate([offsets, np.full(pad, offsets[-1])])


def forward(em: Emitter, b: Binder, op: ops.Affine, x: Tensor, y: Tensor, layout: Matrix) -> None:
    """Add the row for y = x W + b."""
    from ...kernels import large
    from ...kernels.tiles import TABLE_PAD

    samples = np.arange(x.n)
    b.row(
        large,
        "large_forward",
        len(layout.tiles),
        X=b.at(x),
        Y=b.at(y),
        W=b.value_of(op.weight),
        START=b.value_of(op.bias) if op.bias is not None else 0,
        FLOOR=b.floor(isinstance(op, AffineReLU)),
        NOTHING=b.floor(False),
        XO=b.keep(padded(samples * x.image, TABLE_PAD)),
        YO=b.keep(padded(samples * y.image, TABLE_PAD)),
        COUNT=x.n,
        BLOCK=x.n,
        TAPS=b.keep([0]),
        NT=1,
        NJ=layout.rows,
        ROWS=layout.rows,
        ZERO=b.keep([0]),
        **columns_of(b, layout.tiles, layout.columns, em.lanes),
    )


def room(layout: Matrix) -> int:
    """Return the vectors of memory for gradient tiles that `backward` takes."""
    return -(-layout.rows // RUN) * TILE


def backward(
    em: Emitter,
    b: Binder,
    op: ops.Affine,
    x: Tensor,
    layout: Matrix,
    dy: tuple[int, int, int],
    dx: int,
    tile: Scratch,
) -> None:
    """Add the row for dx^T = W dy^T and the update of W. `dy`: addresses of dy with whole vectors and of dy turned,
    values of a row; `dx`: where dx^T goes."""
    from ...kernels import large
    from ...kernels.tiles import TABLE_PAD

    samples = np.arange(x.n)
    over = column_tiles(x.n, em.lanes)
    vector, step = em.lanes * x.item, rounded(x.n, em.lanes) * x.item
    rest = layout.rows % RUN or RUN
    tables = []
    for count in (RUN, rest):
        pixels = np.minimum(np.arange(large.TABLE), count - 1)
        tables += [pixels * stride for stride in (vector, 2 * vector, 3 * vector, step)]
    b.row(
        large,
        "large_backward",
        -(-layout.rows // RUN),
        X=b.at(x),
        Y=dy[0],
        XO=b.keep(padded(samples * x.image, TABLE_PAD)),
        YO=b.keep(padded(samples * dy[2] * x.item, TABLE_PAD)),
        COUNT=x.n,
        ROWS=layout.rows,
        COLUMNS=layout.columns,
        OVER=b.keep(over),
        NOVER=len(over),
        DYT=dy[1],
        WIDE=dy[2],
        DX=dx,
        STEP=step,
        TABLES=b.keep(np.concatenate(tables)),
        PART=b.arena + tile.offset,
        SIZE=TILE * vector,
        NOTHING=b.floor(False),
        ZERO=b.keep([0]),
        **b.update_of(op.weight),
        **columns_of(b, layout.tiles, layout.columns, em.lanes),
    )


def taps(x: Tensor) -> tuple[list[int], int]:
    """Return byte offsets and length of the dense runs that make one sample."""
    if x.bordered:
        return [i * x.row for i in range(x.h)], x.w * x.c
    return [0], x.h * x.w * x.c


def sources(layout: Matrix, lanes: int) -> list[tuple[int, list[int], int]]:
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


def both(em: Emitter, node: Node, op: ops.Affine, dy: Tensor, dx: Tensor) -> None:
    """Both gradients of many weights, which come from memory once for these and for their update."""
    x, layout = em.value(node.inputs[0]), em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    wide, samples = rounded(dy.c, em.lanes), rounded(dy.n, em.lanes)
    whole, packed = em.scratch(dy.n * wide), em.scratch(wide * samples)
    transposed = em.scratch(layout.rows * samples)
    tile = em.scratch(room(layout) * em.lanes)

    def bind(b: Binder) -> None:
        if b.update is None or id(op.weight) in b.shared:
            _input_rows(em, b, op, layout, dy, dx, packed, transposed)
            _weight_rows(em, b, op, layout, x, dy, _whole(em, b, dy, whole))
            return
        at = _whole(em, b, dy, whole), _turned(em, b, dy, packed), wide
        backward(em, b, op, x, layout, at, b.arena + transposed.offset, tile)
        _back_in_order(b, layout, dx, transposed, samples)

    em.call(node, "both gradients", (dy, x, dx, whole, packed, transposed, tile), bind)


def _whole(em: Emitter, b: Binder, dy: Tensor, whole: Scratch) -> int:
    """Add the row that gives dy whole vectors; return where they are."""
    from ...kernels import large

    at, wide = b.arena + whole.offset, rounded(dy.c, em.lanes)
    b.row(large, "pad_rows", 1, T_X=b.at(dy), T_TO=at, T_ROWS=dy.n, T_COLUMNS=wide, T_STRIDE=dy.image, T_VALID=dy.c)
    return at


def _turned(em: Emitter, b: Binder, dy: Tensor, packed: Scratch) -> int:
    """Add the row that packs dy^T as weights are; return where it is."""
    from ...kernels import large

    over = column_tiles(dy.n, em.lanes)
    b.row(
        large,
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
    from ...kernels import large

    h, w, c = np.meshgrid(np.arange(dx.h), np.arange(dx.w), np.arange(dx.c), indexing="ij")
    cut = max(1, -(-layout.rows // 16))
    b.row(
        large,
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


def _weight_rows(em: Emitter, b: Binder, op: ops.Affine, layout: Matrix, x: Tensor, dy: Tensor, at: int) -> None:
    """Add the row that makes dW."""
    from ...kernels import tiles

    offsets, per_tap = taps(x)
    walk = sweep(b, dy.n, 1, 1, (x.image, 0, 0), (rounded(dy.c, em.lanes) * dy.item, 0, 0), tiles.TABLE_PAD)
    listed = gradient_list(b, layout.tiles, offsets, per_tap, x.item, layout.columns)
    split = min(listed["NLIST"], UNITS)
    fields = walk | listed | {"SPLIT": split, "CHUNKS": 1, "X": b.at(x), "Y": at}
    b.row(tiles, "tiles_gradient", split, **fields, SIZE=layout.size, PART=b.gradient_of(op.weight))


def _input_rows(
    em: Emitter, b: Binder, op: ops.Affine, layout: Matrix, dy: Tensor, dx: Tensor, packed: Scratch, transposed: Scratch
) -> None:
    from ...kernels import tiles
    from ...kernels.cpu import VECTOR_BYTES

    wide, samples = rounded(dy.c, em.lanes), rounded(dy.n, em.lanes)
    over, turned = column_tiles(dy.n, em.lanes), _turned(em, b, dy, packed)
    for number, (vectors, firsts, columns) in enumerate(sources(layout, em.lanes)):
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
