"""Ranges of the tile kernels: convolution and its gradients, Affine, depthwise, and what repacks their operands.

What a vector reads behind the last value that counts is stated only where it reaches memory: lanes that only pad the
partial sums of a gradient, which are zeroed when those are added.
"""

from __future__ import annotations

import numpy as np

from ...kernels.depthwise import PIXELS as DEPTHWISE_PIXELS
from ...kernels.tiles import GRADIENT, HALVES, PIXELS
from .row import Row, reach

SHAPES = GRADIENT | {half: GRADIENT[whole] for whole, half in HALVES.items()}
KINDS = np.array([SHAPES.get(kind, (0, 0, 0)) for kind in range(max(SHAPES) + 1)])
"""Kind of gradient tile -> its taps, rows and vectors."""


def extent(r: Row, block_key: str, offset_key: str, step: int) -> tuple[int, int]:
    """Return the least and the largest byte offset of the pixels of all blocks; tables are read in steps."""
    blocks = r["BLOCKS"]
    first, counts, tables = (r.ints(key, blocks) for key in (block_key, "COUNT", "TABLE"))
    low, high = np.empty(blocks, np.int64), np.empty(blocks, np.int64)
    for table, count in {*zip(tables.tolist(), counts.tolist(), strict=True)}:
        found = r.ints(offset_key, -(-count // step) * step, table)
        same = (tables == table) & (counts == count)
        low[same], high[same] = found.min(), found.max()
    return int((first + low).min()), int((first + high).max())


def column_tiles(r: Row) -> tuple[np.ndarray, int]:
    """Return the column tiles (vectors, first column), and the bytes of all columns that count."""
    tiles = r.ints("TILES", 2 * r["NTILES"]).reshape(-1, 2)
    vectors, column = tiles[-1].tolist()
    return tiles, column * r.item + (vectors - 1) * r.vector + r["LANES"] * r.item


def packed(tiles: np.ndarray, r: Row) -> int:
    """Return the columns of packed tiles, lanes that only pad included."""
    vectors, column = tiles[-1].tolist()
    return int(column + vectors * r.vector // r.item)


def products(r: Row, tiles: np.ndarray, columns: int, groups: int = 1) -> None:
    """State what forward tiles read: pixels, weights and bias."""
    steps = r["NT"] * r["NJ"]
    if steps:
        sources(r, tiles, groups)
        rows = r.ints("WB", r["BLOCKS"]) if r["WB"] else np.zeros(1, np.int64)
        base, wide = r["ROWS"] * tiles[:, 1] * r.item, tiles[:, 0] * r.vector
        begin, end = int((base + rows.min() * wide).min()), int((base + (rows.max() + steps) * wide).max())
        r.touch("W", r["W"] + begin, r["W"] + (groups - 1) * r["WG"] + end)
    start(r, columns, groups)


def sources(r: Row, tiles: np.ndarray, groups: int) -> None:
    """State the pixels that forward tiles read."""
    taps = r.ints("TAPS", r["NT"])
    low, high = extent(r, "XB", "XO", max(PIXELS[v] for v in {*tiles[:, 0].tolist()}))
    first, last = r["X"] + low + int(taps.min()), r["X"] + high + int(taps.max()) + r["NJ"] * r.item
    r.touch("X", first, last + (groups - 1) * r["XG"])


def start(r: Row, columns: int, groups: int) -> None:
    """State the bias and the floor."""
    if r["START"] > 1:
        r.touch("START", r["START"], r["START"] + (groups - 1) * r["SG"] + columns)
    r.reads("FLOOR", 1)


def results(r: Row, tiles: np.ndarray, columns: int, groups: int) -> None:
    """State what forward tiles write."""
    low, high = extent(r, "YB", "YO", max(PIXELS[v] for v in {*tiles[:, 0].tolist()}))
    r.touch("Y", r["Y"] + low, r["Y"] + high + (groups - 1) * r["YG"] + columns, True)


@reach("tiles_forward")
def forward(r: Row) -> None:
    split, blocks = r["SPLIT"], r["BLOCKS"]
    groups = r.units // (split * blocks)
    tiles, columns = column_tiles(r)
    results(r, tiles, columns, groups)
    products(r, tiles, columns, groups)
    if r["STAT"]:
        r.writes("STAT", blocks * 2 * r["CHANNELS"])


def listed_tiles(r: Row) -> tuple[np.ndarray, np.ndarray]:
    """State what the listed tiles read of x; return the list, and (taps, rows, vectors) of each of its tiles."""
    groups = r.units // (max(1, r["SPLIT"]) * max(1, r["CHUNKS"]))
    listed = r.ints("LIST", 8 * r["NLIST"]).reshape(-1, 8)
    shapes = KINDS[listed[:, 0]]
    low, high = np.empty(len(listed), np.int64), np.empty(len(listed), np.int64)
    # A tile's taps are some of one table of offsets: few different pairs of an address in it and a number of taps.
    which = listed[:, 1] * 64 + shapes[:, 0]
    for pair in sorted(set(which.tolist())):  # np.unique would load numpy.ma, 15 ms
        address, taps = divmod(pair, 64)
        found = r.tables.ints(address, taps)
        r.touch("LIST", address, address + 8 * taps)
        low[which == pair], high[which == pair] = found.min(), found.max()
    first, last = extent(r, "XB", "XO", 1)
    ends = listed[:, 2] + high + listed[:, 7] * r.item
    begin, end = int((listed[:, 2] + low).min()), int(ends.max())
    r.touch("X", r["X"] + first + begin, r["X"] + last + end + (groups - 1) * r["XG"])
    return listed, shapes


def partial_sums(r: Row, listed: np.ndarray, shapes: np.ndarray, groups: int = 1) -> None:
    """State the partial sums that the listed tiles write."""
    ends = (
        listed[:, 4] + (shapes[:, 0] - 1) * listed[:, 5] + (listed[:, 7] - 1) * listed[:, 6] + shapes[:, 2] * r.vector
    )
    more = (r["CHUNKS"] - 1) * r["SIZE"] * r.item + (groups - 1) * r["WG"]
    r.touch("PART", r["PART"] + int(listed[:, 4].min()), r["PART"] + more + int(ends.max()), True)


@reach("tiles_gradient")
def gradient(r: Row) -> None:
    groups = r.units // (r["SPLIT"] * r["CHUNKS"])
    listed, shapes = listed_tiles(r)
    first, last = extent(r, "YB", "YO", 1)
    begin, end = int(listed[:, 3].min()), int((listed[:, 3] + (shapes[:, 2] - 1) * r.vector).max()) + r.item
    # A last vector that is not whole reads the next pixel too, or nothing of meaning.
    where = r["Y"] + first + begin, r["Y"] + last + end + (groups - 1) * r["YG"]
    r.touch("Y", *where, slack=r.vector - r.item)
    partial_sums(r, listed, shapes, groups)


@reach("turned_forward")
def turned(r: Row) -> None:
    groups = r.units // r["NTILES"]
    tiles, columns = column_tiles(r)
    results(r, tiles, columns, groups)
    source = r.ints("SOURCES", 2 * r["NSOURCES"]).reshape(-1, 2)
    if r["ROWS"]:
        sources(r, tiles, groups)
        r.ints("TURNS", r["ROWS"] // r["OUT"])
    start(r, columns, groups)
    r.box("W", [(groups, r["WG"])], r["HEIGHT"] * packed(source, r) * r.item)
    r.room()


@reach("sum_parts")
def sum_parts(r: Row) -> None:
    r.reads("S_PART", (r["S_CHUNKS"] - 1) * r["S_STRIDE"] + r["S_SIZE"])
    r.writes("S_TO", r["S_SIZE"])


@reach("flip_weights")
def flip(r: Row) -> None:
    source = r.ints("F_SOURCE", 2 * r["F_NSOURCE"]).reshape(-1, 2)
    tiles = r.ints("F_TILES", 2 * r["F_NTILES"]).reshape(-1, 2)
    r.ints("F_TAPS", r["F_NT"])
    for key, group, values, writes in (
        ("F_W", "F_WG", r["F_ROWS"] * packed(source, r), False),
        ("F_TO", "F_TG", r["F_NT"] * r["F_OUT"] * packed(tiles, r), True),
    ):
        r.box(key, [(r.units // r["F_NTILES"], r[group])], values * r.item, writes)


@reach("column_sums")
def column_sums(r: Row) -> None:
    r.reads("C_X", r["C_N"] * r["C_C"])
    r.writes("C_TO", r["C_CHUNKS"] * r["C_C"])
    r.writes("C_WORK", r["C_CHUNKS"] * r["C_RUN"] * r["C_C"])


@reach("affine_few")
def affine_few(r: Row) -> None:
    tiles, columns = column_tiles(r)
    x, y, taps = r.ints("XO", r["COUNT"]), r.ints("YO", r["COUNT"]), r.ints("TAPS", r["NT"])
    r.touch("X", r["X"] + int(x.min() + taps.min()), r["X"] + int(x.max() + taps.max()) + r["NJ"] * r.item)
    r.touch("Y", r["Y"] + int(y.min()), r["Y"] + int(y.max()) + columns, True)
    r.reads("W", r["ROWS"] * packed(tiles, r))
    if r["START"] > 1:
        r.touch("START", r["START"], r["START"] + columns)
    r.reads("FLOOR", 1)


@reach("depthwise_forward")
def depthwise(r: Row) -> None:
    channels = r["C"] * r.item
    low, high = extent(r, "YB", "YO", DEPTHWISE_PIXELS)
    r.touch("Y", r["Y"] + low, r["Y"] + high + channels, True)
    if r["NT"]:
        taps, rows = r.ints("TAPS_AT", r["NT"]), r.ints("ROWS_AT", r["NT"])
        low, high = extent(r, "XB", "XO", DEPTHWISE_PIXELS)
        r.touch("X", r["X"] + low + int(taps.min()), r["X"] + high + int(taps.max()) + channels)
        r.touch("W", r["W"] + int(rows.min()), r["W"] + int(rows.max()) + channels)
    r.may_read("START", r["C"])
    r.reads("FLOOR", 1)


@reach("depthwise_gradient")
def depthwise_gradient(r: Row) -> None:
    channels = r["C"] * r.item
    taps = r.ints("TAPS_AT", r["NT"])
    low, high = extent(r, "XB", "XO", 1)
    r.touch("X", r["X"] + low + int(taps.min()), r["X"] + high + int(taps.max()) + channels)
    low, high = extent(r, "YB", "YO", 1)
    r.touch("Y", r["Y"] + low, r["Y"] + high + channels)
    r.box("PART", [(r["CHUNKS"], r["SIZE"] * r.item), (r["NT"], r["WIDE"])], channels, writes=True)
