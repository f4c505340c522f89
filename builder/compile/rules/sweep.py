"""Pixel blocks and tables for the tile kernels: which pixels a unit of work covers and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensors import Tensor

if TYPE_CHECKING:
    from ..bind import Binder

LIMIT = 384
"""Pixels of a block; its tables then stay in the first-level cache."""

CHUNKS, LARGEST_PARTIALS = 16, 4 << 20
"""Partial sums of one weight gradient at most, and the bytes that they may take."""

Strides = tuple[int, int, int]
"""Bytes from one image, row and pixel to the next."""


def partial_sums(blocks: int, each: int) -> int:
    """Return in how many partial sums of `each` bytes so many blocks are added up."""
    return max(1, min(blocks, CHUNKS, LARGEST_PARTIALS // each))


def block_count(n: int, rows: int, columns: int, limit: int = LIMIT) -> int:
    """Return into how many blocks n images of rows x columns pixels are cut."""
    per = blocks_of(rows, columns, limit)
    return n * -(-rows // per[1]) if per[0] == 1 else -(-n // per[0])


def blocks_of(rows: int, columns: int, limit: int = LIMIT) -> tuple[int, int]:
    """Return (images, rows) of a block: several whole images, or some rows of one."""
    if rows * columns > limit:
        return 1, max(1, limit // columns)
    return max(1, limit // (rows * columns)), rows


def pixel_blocks(t: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return byte offset and pixel count of every block of a tensor, and the byte offsets of a block's pixels."""
    images, some = blocks_of(t.h, t.w)
    image, row = (a.ravel() for a in np.meshgrid(np.arange(0, t.n, images), np.arange(0, t.h, some), indexing="ij"))
    counts = np.minimum(images, t.n - image) * np.minimum(some, t.h - row) * t.w
    i, r, c = np.meshgrid(np.arange(images), np.arange(some), np.arange(t.w), indexing="ij")
    return image * t.image + row * t.row, counts, (i * t.image + r * t.row + c * t.pixel).ravel()


def sweep(
    b: Binder, n: int, rows: int, columns: int, x: Strides, y: Strides, pad: int, limit: int = LIMIT
) -> dict[str, int]:
    """Return the fields of a walk over n x rows x columns pixels that lie in x and y by these strides, in blocks of up
    to `limit` pixels."""
    images, some = blocks_of(rows, columns, limit)
    first = np.arange(0, n, images)
    top = np.arange(0, rows, some)
    image, row = (a.ravel() for a in np.meshgrid(first, top, indexing="ij"))
    counts = np.minimum(images, n - image) * np.minimum(some, rows - row) * columns
    sizes = np.array(sorted(set(counts.tolist())))  # np.unique would load numpy.ma, 15 ms
    grid = np.meshgrid(np.arange(images), np.arange(some), np.arange(columns), indexing="ij")
    xo, yo = (np.sum([g.ravel() * s for g, s in zip(grid, strides, strict=True)], 0) for strides in (x, y))
    # One table per size of block; behind its end the last pixel is repeated, so that tiles need no edge code.
    length = -(-int(sizes[-1]) // pad) * pad
    tables = [np.concatenate([t[:size], np.full(length - size, t[size - 1])]) for t in (xo, yo) for size in sizes]
    return {
        "XB": b.keep(image * x[0] + row * x[1]),
        "YB": b.keep(image * y[0] + row * y[1]),
        "COUNT": b.keep(counts),
        "TABLE": b.keep(np.searchsorted(sizes, counts) * length * 8),
        "XO": b.keep(np.concatenate(tables[: len(sizes)])),
        "YO": b.keep(np.concatenate(tables[len(sizes) :])),
        "BLOCKS": len(counts),
    }


def columns_of(b: Binder, tiles: Sequence[tuple[int, int]], columns: int, lanes: int) -> dict[str, int]:
    """Return the fields of the column tiles, and how many lanes of the last vector count."""
    vectors, first = tiles[-1]
    return {"TILES": b.keep(tiles), "NTILES": len(tiles), "LANES": columns - first - (vectors - 1) * lanes}


def gradient_list(
    b: Binder,
    tiles: Sequence[tuple[int, int]],
    taps: Any,
    per_tap: int,
    item: int,
    columns: int,
) -> dict[str, int]:
    """Return the fields of the weight-gradient tiles: every column tile by every tap and run of rows."""
    from ...kernels.cpu import VECTOR_BYTES as width
    from ...kernels.tiles import FEW, GRADIENT as kinds, HALVES, NINES, SHORT

    offsets = np.asarray(taps, np.int64)
    address = b.keep(offsets)
    listed: list[tuple[int, ...]] = []
    count = len(offsets)
    whole = next((k for k in (4, 5) if kinds[k][:2] == (count, per_tap)), None)
    short = 2 * (columns - tiles[-1][1]) * item <= width
    for vectors, first in tiles:
        base = count * per_tap * first * item
        across = vectors * width
        if whole is not None:
            # All taps and rows of one vector at once: no row of the tile is wasted.
            for v in range(vectors):
                at = first * item + v * width
                kind = HALVES.get(whole, whole) if 2 * (columns * item - at) <= width else whole
                listed.append((kind, address, 0, at, base + v * width, per_tap * across, across, per_tap))
            continue
        kind = NINES.get(vectors, vectors) if per_tap == 9 else vectors
        if short and first == tiles[-1][1]:
            kind = HALVES.get(vectors, kind)
        step = kinds[kind][1] if kind in kinds else kinds[vectors][1]
        for t in range(count):
            for j in range(0, per_tap, step):
                place = base + (t * per_tap + j) * across
                rows = min(step, per_tap - j)
                which = SHORT.get(kind, kind) if rows <= FEW else kind
                listed.append((which, address + 8 * t, j * item, first * item, place, 0, across, rows))
    return {"LIST": b.keep(listed), "NLIST": len(listed)}
