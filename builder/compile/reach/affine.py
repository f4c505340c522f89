"""Ranges of the gradients of Affine."""

from __future__ import annotations

import numpy as np

from ...kernels.optimizers import HYPERS, SGD
from .row import Row, reach
from .tiles import packed


@reach("affine_spread")
def spread(r: Row) -> None:
    tiles = r.ints("TILES", 2 * r["NTILES"]).reshape(-1, 2)
    for key, step in (("DA", "DAN"), ("A", "AN")):
        if r[key]:
            r.box(key, [(r["N"], r[step])], r["C"] * r.item)
    r.reads("FLOOR", 1)
    r.writes("PACKED", r["LENGTH"] * packed(tiles, r))
    if r["TURNED"]:
        over = r.ints("OVER", 2 * r["NOVER"]).reshape(-1, 2)
        r.writes("TURNED", r["WIDE"] * packed(over, r))
    r.may_write("BIAS", r["C"])


@reach("affine_weights")
def weights(r: Row) -> None:
    kind, x, dy, at, rows = r.ints("LIST", 5 * r["NLIST"]).reshape(-1, 5).T
    across = np.where(kind < 4, kind, 1) * r.vector
    last = (r["SAMPLES"] - 1) * r["XN"]
    r.touch("X", r["X"] + int(x.min()), r["X"] + last + int((x + rows * r.item).max()))
    r.touch("DY", r["DY"] + int(dy.min()), r["DY"] + int((dy + r["SAMPLES"] * across).max()))
    first, end = int(at.min()), int((at + rows * across).max())
    if r["TO"]:
        r.touch("TO", r["TO"] + first, r["TO"] + end, True)
        return
    for key in ("W", "FIRST", "SECOND"):
        r.touch(key, r[key] + first, r[key] + end, writes=key == "W" or r["KIND"] != SGD)
    r.touch("PART", r["PART"], r["PART"] + (r.units - 1) * r["SIZE"] * r.item + int((rows * across).max()), True)
    r.reads("HYPER", HYPERS, 8)
    r.reads("LOSS", 1, 8)


@reach("affine_input")
def inputs(r: Row) -> None:
    offsets = r.ints("I_OFFSETS", r["I_FEATURES"])
    over = r.ints("I_OVER", 2 * r["I_NOVER"]).reshape(-1, 2)
    blocks = 2 if r["I_FEATURES"] % r["I_BLOCK"] and r.units > 1 else 1
    for vectors, taps, count, columns, first in r.ints("I_SOURCES", 5 * r["I_NSOURCES"]).reshape(-1, 5).tolist():
        places = r.tables.ints(taps, count)
        r.touch("I_SOURCES", taps, taps + 8 * count)
        end = (r["I_FEATURES"] - 1) * vectors * r.vector + columns * r.item
        r.touch("I_W", r["I_W"] + int(places.min()), r["I_W"] + int(places.max()) + end)
        if first + count * columns > r["I_WIDE"]:
            raise LookupError("more columns are multiplied than there are")
    r.reads("I_TURNED", r["I_WIDE"] * packed(over, r))
    for key in ("I_XO", "I_YO"):
        r.ints(key, blocks * r["I_NSOURCES"] * r["I_LENGTH"])
    rows = r.ints("I_YO", blocks * r["I_NSOURCES"] * r["I_LENGTH"])
    if int(rows.max()) + packed(over, r) * r.item > r["I_SLICE"]:
        raise LookupError("a block does not fit its memory")
    r.reads("I_FLOOR", 1)
    r.touch("SPACE", r["I_SPACE"], r["I_SPACE"] + r["I_NSPACE"] * r["I_SLICE"], True)
    r.touch("FLAGS", r["I_FLAGS"], r["I_FLAGS"] + 64 * r["I_NSPACE"], True)
    last = (r["I_N"] - 1) * r["I_DXN"] + int(offsets.max()) + r.item
    r.touch("I_DX", r["I_DX"] + int(offsets.min()), r["I_DX"] + last, True)
