"""Ranges of the kernels for Affine of many weights."""

from __future__ import annotations

from ...kernels.large import TABLE
from ...kernels.optimizers import HYPERS, SGD
from .row import Row, reach
from .tiles import column_tiles, packed


@reach("large_forward")
def forward(r: Row) -> None:
    tiles, columns = column_tiles(r)
    x, y = r.ints("XO", r["COUNT"]), r.ints("YO", r["COUNT"])
    taps = r.ints("TAPS", r["NT"])
    r.ints("ZERO", 1)
    r.touch("X", r["X"] + int(x.min() + taps.min()), r["X"] + int(x.max() + taps.max()) + r["NJ"] * r.item)
    r.touch("Y", r["Y"] + int(y.min()), r["Y"] + int(y.max()) + columns, True)
    r.reads("W", r["ROWS"] * packed(tiles, r))
    r.may_read("START", columns // r.item)
    r.reads("FLOOR", 1)
    r.reads("NOTHING", 1)


@reach("large_backward")
def backward(r: Row) -> None:
    tiles, _ = column_tiles(r)
    x, y = r.ints("XO", r["COUNT"]), r.ints("YO", r["COUNT"])
    over = r.ints("OVER", 2 * r["NOVER"]).reshape(-1, 2)
    r.ints("ZERO", 1)
    r.ints("TABLES", 8 * TABLE)
    r.touch("X", r["X"] + int(x.min()), r["X"] + int(x.max()) + r["ROWS"] * r.item)
    wide = packed(tiles, r)
    r.touch("Y", r["Y"] + int(y.min()), r["Y"] + int(y.max()) + wide * r.item)
    r.reads("DYT", r["WIDE"] * packed(over, r))
    r.box("DX", [(r["ROWS"], r["STEP"])], packed(over, r) * r.item, writes=True)
    for key in ("W", "FIRST", "SECOND"):
        r.touch(key, r[key], r[key] + r["ROWS"] * wide * r.item, writes=key == "W" or r["KIND"] != SGD)
    r.box("PART", [(r.units, r["SIZE"])], 8 * 3 * r.vector, writes=True)
    r.reads("HYPER", HYPERS, 8)
    r.reads("LOSS", 1, 8)
    r.reads("NOTHING", 1)


@reach("pack_columns")
def pack_columns(r: Row) -> None:
    tiles = r.ints("T_TILES", 2 * r["T_NTILES"]).reshape(-1, 2)
    r.box("T_X", [(r["T_ROWS"], r["T_STRIDE"])], r["T_VALID"] * r.item)
    r.writes("T_TO", r["T_COLUMNS"] * packed(tiles, r))


@reach("pad_rows")
def pad_rows(r: Row) -> None:
    r.box("T_X", [(r["T_ROWS"], r["T_STRIDE"])], r["T_VALID"] * r.item)
    r.writes("T_TO", r["T_ROWS"] * r["T_COLUMNS"])


@reach("unpack_transposed")
def unpack_transposed(r: Row) -> None:
    offsets = r.ints("U_OFFSETS", r["U_FEATURES"])
    r.reads("U_X", (r["U_FEATURES"] - 1) * r["U_WIDTH"] + r["U_SAMPLES"])
    last = r["U_TO"] + (r["U_SAMPLES"] - 1) * r["U_STRIDE"] + int(offsets.max()) + r.item
    r.touch("U_TO", r["U_TO"] + int(offsets.min()), last, True)
