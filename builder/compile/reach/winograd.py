"""Ranges of Winograd's kernels."""

from __future__ import annotations

import numpy as np

from .row import Row, reach
from .tiles import column_tiles, packed


def _points(r: Row) -> int:
    """Return the points of a transformed tile."""
    return int(r["SIDE"] ** 2)


def _owned(r: Row) -> tuple[int, int]:
    """Return the least and the largest byte offset of the outputs that belong to tiles."""
    edge = r["SIDE"] - r["TAPS"] + 1
    bits, offsets = r.ints("OWNED", r["PER"]), r.ints("YT", r["COUNT"]).reshape(-1, r["PER"])
    i, j = np.divmod(np.arange(edge * edge), edge)
    place = i * r["YR"] + j * r["YP"]
    own = (bits[:, None] >> np.arange(edge * edge)) & 1 == 1
    low = np.where(own, place, np.iinfo(np.int64).max).min(1)
    high = np.where(own, place, np.iinfo(np.int64).min).max(1)
    some = own.any(1)  # a tile that was moved back may own nothing
    return int((offsets[:, some] + low[some]).min()), int((offsets[:, some] + high[some]).max())


def _pixels(r: Row) -> None:
    """State the pixels that tiles read."""
    offsets = r.ints("XT", r["COUNT"])
    end = (r["SIDE"] - 1) * (r["XR"] + r["XP"]) + r["C"] * r.item
    r.touch("X", r["X"] + int(offsets.min()), r["X"] + int(offsets.max()) + end)


def _filters(r: Row, tiles: np.ndarray) -> None:
    """State the packed weights that are transformed."""
    source = r.ints("WTILES", 2 * r["NWTILES"]).reshape(-1, 2) if r["TURN"] else tiles
    rows = r["ROWS"] if r["TURN"] else r["TAPS"] ** 2 * r["C"]
    r.reads("W", rows * packed(source, r))


@reach("winograd_weights")
def weights(r: Row) -> None:
    tiles, _ = column_tiles(r)
    _filters(r, tiles)
    r.box("U", [(_points(r), r["UPLANE"])], r["C"] * packed(tiles, r) * r.item, writes=True)
    if r["TURN"]:
        r.touch("SPACE", r["SPACE"], r["SPACE"] + r.units * r["SLICE"], True)


@reach("winograd_forward")
def forward(r: Row) -> None:
    tiles, columns = column_tiles(r)
    r.room()
    _pixels(r)
    low, high = _owned(r)
    r.touch("Y", r["Y"] + low, r["Y"] + high + columns, True)
    if r["U"]:
        r.box("U", [(_points(r), r["UPLANE"])], r["C"] * packed(tiles, r) * r.item)
    else:
        _filters(r, tiles)
    if r["START"]:
        r.touch("START", r["START"], r["START"] + columns)
    r.reads("FLOOR", 1)
    if r["STAT"]:
        for offset, table, count in r.ints("SUMS", 3 * r["BLOCKS"]).reshape(-1, 3).tolist():
            pixels = r.tables.ints(table, count)
            r.touch("SUMS", table, table + 8 * count)
            r.touch("Y", r["Y"] + offset + int(pixels.min()), r["Y"] + offset + int(pixels.max()) + columns)
        r.touch("STAT", r["STAT"], r["STAT"] + r["BLOCKS"] * 2 * columns, True)


@reach("winograd_gradient")
def gradient(r: Row) -> None:
    tiles, columns = column_tiles(r)
    r.room()
    _pixels(r)
    low, high = _owned(r)
    r.touch("Y", r["Y"] + low, r["Y"] + high + columns)
    for key in ("VO", "MO"):
        r.ints(key, r["BLOCK"])
    r.ints("ZERO", 1)
    values = (r["CHUNKS"] - 1) * r["SIZE"] + r["TAPS"] ** 2 * r["C"] * packed(tiles, r)
    r.writes("PART", values)


def _planes(r: Row, key: str, plane: str, length: int, writes: bool = False) -> None:
    """State the planes of transformed values at a field."""
    r.box(key, [(_points(r), r[plane])], length, writes)


@reach("winograd_spread")
def spread(r: Row) -> None:
    _, columns = column_tiles(r)
    _pixels(r)
    low, high = _owned(r)
    r.touch("Y", r["Y"] + low, r["Y"] + high + columns)
    _planes(r, "SPACE", "VPLANE", r["COUNT"] * r["VSTEP"], writes=True)
    _planes(r, "U", "MPLANE", r["COUNT"] * r["MSTEP"], writes=True)


@reach("winograd_sums")
def sums(r: Row) -> None:
    tiles, _ = column_tiles(r)
    r.ints("VO", r["COUNT"])
    r.ints("MO", r["COUNT"])
    r.ints("ZERO", 1)
    _planes(r, "SPACE", "VPLANE", r["COUNT"] * r["VSTEP"])
    _planes(r, "U", "MPLANE", r["COUNT"] * r["MSTEP"])
    _planes(r, "PART", "UPLANE", r["C"] * packed(tiles, r) * r.item, writes=True)


@reach("winograd_back")
def back(r: Row) -> None:
    tiles, _ = column_tiles(r)
    _planes(r, "U", "UPLANE", r["C"] * packed(tiles, r) * r.item)
    r.writes("PART", r["TAPS"] ** 2 * r["C"] * packed(tiles, r))
