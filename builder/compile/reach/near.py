"""Ranges of the weights' gradient that copies its pixels."""

from __future__ import annotations

from ...kernels.near import LISTED
from .row import Row, reach
from .tiles import column_tiles, packed


@reach("near_gradient")
def gradient(r: Row) -> None:
    tiles, columns = column_tiles(r)
    groups = r.units // (r["SPLIT"] * r["CHUNKS"])
    pixels = r.ints("YO", r["ROOM"])
    for key, count in (("XO", 3 * r["ROOM"]), ("NEAR", 3 * r["ROOM"]), ("TAPS", 3 * r["NT"])):
        r.ints(key, count)
    more = (groups - 1) * r["XG"] + (r["COLUMNS"] - 1) * r["XP"] + r["C"] * r.item
    for x, y, images, rows, count in r.ints("LIST", LISTED * r["BLOCKS"]).reshape(-1, LISTED).tolist():
        r.touch("X", r["X"] + x, r["X"] + x + (images - 1) * r["XI"] + (rows - 1) * r["XR"] + more)
        ends = pixels[:count]
        last = y + int(ends.max()) + (groups - 1) * r["YG"] + columns
        r.touch("Y", r["Y"] + y + int(ends.min()), r["Y"] + last)
    r.room()
    one = r["NT"] * r["C"] * packed(tiles, r) * r.item
    r.box("PART", [(r["CHUNKS"], r["SIZE"] * r.item), (groups, r["WG"])], one, writes=True)
