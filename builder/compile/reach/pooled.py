"""Ranges of the kernels that do several operations for one band of an image."""

from __future__ import annotations

from ...kernels.windows import TABLE_PAD
from .row import Row, reach
from .tiles import column_tiles, extent, listed_tiles, packed, partial_sums, products


def _room(r: Row, end: int) -> None:
    """State the memory of units at work, of which each uses `end` bytes."""
    if end > r["SLICE"]:
        raise LookupError("a band does not fit its memory")
    # A last vector that is not whole reads what lies behind it too.
    r.room(slack=r.vector - r.item)


def _farthest(r: Row, step: int) -> int:
    """Return the largest byte offset of a pixel within the memory of a unit."""
    counts, tables = r.ints("COUNT", r["BLOCKS"]), r.ints("TABLE", r["BLOCKS"])
    pairs = {*zip(tables.tolist(), counts.tolist(), strict=True)}
    return max(int(r.ints("YO", -(-count // step) * step, table).max()) for table, count in pairs)


def _bands(r: Row) -> tuple[int, int, int, int]:
    """Return the first image and the one behind the last, and the same of rows."""
    image, images, row, rows = r.ints("BANDS", 4 * r["BLOCKS"]).reshape(-1, 4).T
    return int(image.min()), int((image + images).max()), int(row.min()), int((row + rows).max())


def _pooled(r: Row, writes: bool) -> None:
    """State the pooled values, or their gradients, and the winners."""
    _, images, _, rows = _bands(r)
    if rows > r["OH"]:
        raise LookupError("a band has more rows than its image")
    wide = r["OW"] * r["K"]
    r.box("P", [(images, r["PN"]), (rows, r["PH"])], wide * r.item, writes)
    r.touch("WIN", r["WIN"], r["WIN"] + images * r["OH"] * wide, writes, slack=r.vector // r.item)


@reach("convolution_pooled")
def forward(r: Row) -> None:
    tiles, columns = column_tiles(r)
    products(r, tiles, columns)
    _room(r, _farthest(r, 12) + columns)
    _pooled(r, True)
    r.reads("ACT", 1)


@reach("convolution_largest")
def largest(r: Row) -> None:
    tiles, columns = column_tiles(r)
    taps = r.ints("TAPS", r["NT"])
    low, high = extent(r, "XB", "XO", TABLE_PAD)
    last = high + r["RIGHT"] + r["DOWN"] + int(taps.max()) + r["NJ"] * r.item
    r.touch("X", r["X"] + low + int(taps.min()), r["X"] + last)
    low, high = extent(r, "YB", "YO", TABLE_PAD)
    r.touch("Y", r["Y"] + low, r["Y"] + high + columns, True)
    r.reads("W", r["ROWS"] * packed(tiles, r))
    if r["START"]:
        r.touch("START", r["START"], r["START"] + columns)
    r.reads("FLOOR", 1)


@reach("pooled_gradient")
def gradient(r: Row) -> None:
    listed, shapes = listed_tiles(r)
    partial_sums(r, listed, shapes)
    _room(r, _farthest(r, 1) + r["K"] * r.item)
    _pooled(r, False)
    r.writes("BIAS", r["CHUNKS"] * r["K"])
    if r["COEF"]:
        _, images, _, rows = _bands(r)
        r.box("Y", [(images, r["YN"]), (2 * rows, r["YH"])], 2 * r["OW"] * r["K"] * r.item)
        r.reads("COEF", 7 * r["K"])


@reach("input_folded")
def folded(r: Row) -> None:
    tiles, columns = column_tiles(r)
    products(r, tiles, columns)
    _, images, _, rows = _bands(r)
    _room(r, _farthest(r, 12) + r["BEFORE"] * r["PIXEL"] + columns + r["BEHIND"] * r["PIXEL"])
    r.box("DX", [(images, r["DXN"]), (rows, r["DXH"])], r["WIDE"] * r["C"] * r.item, writes=True)
