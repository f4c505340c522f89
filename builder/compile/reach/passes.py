"""Ranges of the passes over images: normalisation, ReLU, pooling, resampling."""

from __future__ import annotations

import numpy as np

from .row import Row, reach

DOUBLE = 8


def image(r: Row, key: str, *sizes: int, writes: bool = False) -> None:
    """State n x h x w pixels of C values under three strides."""
    n, h, w = sizes
    r.box(key, [(n, r[f"{key}N"]), (h, r[f"{key}H"]), (w, r[f"{key}W"])], r["C"] * r.item, writes)


def lines(r: Row, key: str, *sizes: int, writes: bool = False) -> None:
    """State n x h rows of w neighbouring pixels."""
    n, h, w = sizes
    r.box(key, [(n, r[f"{key}N"]), (h, r[f"{key}H"])], w * r["C"] * r.item, writes)


# --- Batch normalisation alone ---------------------------------------------------------------------------------------


@reach("batch_norm_sums", "batch_norm_gradient_sums")
def norm_sums_alone(r: Row) -> None:
    image(r, "X", *r.sizes("N", "H", "W"))
    if r.kernel == "batch_norm_gradient_sums":
        image(r, "DY", *r.sizes("N", "H", "W"))
        r.reads("COEF", 2 * r["C"])
    r.writes("PART", r["BLOCKS"] * 2 * r["C"])


@reach("batch_norm_statistics", "batch_norm_running")
def norm_statistics_alone(r: Row) -> None:
    running = r.kernel == "batch_norm_running"
    if not running:
        r.reads("PART", r["BLOCKS"] * 2 * r["C"])
    r.reads("HYPER", 2, DOUBLE)
    r.writes("COEF", (4 if running else 2) * r["C"])
    for key in ("MEAN", "VARIANCE"):
        (r.reads if running else r.writes)(key, r["C"])


@reach("batch_norm_apply")
def norm_apply(r: Row) -> None:
    image(r, "X", *r.sizes("N", "H", "W"))
    image(r, "Y", *r.sizes("N", "H", "W"), writes=True)
    r.reads("COEF", 2 * r["C"])
    r.reads("GAMMA", r["C"])
    r.reads("BETA", r["C"])


@reach("batch_norm_gradient")
def norm_gradient_alone(r: Row) -> None:
    r.reads("PART", r["BLOCKS"] * 2 * r["C"])
    r.reads("HYPER", 2, DOUBLE)
    r.may_write("DGAMMA", r["C"])
    r.may_write("DBETA", r["C"])
    size = r["C"] * r.item
    r.touch("COEF", r["COEF"] + 2 * size, r["COEF"] + 4 * size, True)


@reach("batch_norm_backward")
def norm_backward_alone(r: Row) -> None:
    for key in ("X", "DY"):
        image(r, key, *r.sizes("N", "H", "W"))
    image(r, "DX", *r.sizes("N", "H", "W"), writes=True)
    r.reads("COEF", 4 * r["C"])
    r.reads("GAMMA", r["C"])


# --- Batch normalisation, sum and ReLU in one pass -------------------------------------------------------------------


def _rows(r: Row, key: str, writes: bool = False) -> None:
    r.box(key, [(r["D0"], r[f"{key}0"]), (r["D1"], r[f"{key}1"])], r["NPIX"] * r["C"] * r.item, writes)


@reach("norm_sums")
def norm_sums(r: Row) -> None:
    blocks = r.ints("S_FIRST", 2 * r.units).reshape(-1, 2)
    table = r.ints("S_TABLE", int(blocks[:, 1].max()))
    low, high = np.minimum.accumulate(table), np.maximum.accumulate(table)
    first, count = blocks[:, 0], blocks[:, 1] - 1
    end = int((first + high[count]).max()) + r["S_C"] * r.item
    r.touch("S_Y", r["S_Y"] + int((first + low[count]).min()), r["S_Y"] + end)
    r.writes("S_PART", r.units * 2 * r["S_C"])


@reach("norm_statistics", "norm_running")
def norm_statistics(r: Row) -> None:
    running = r.kernel == "norm_running"
    if not running:
        r.reads("PART", r["BLOCKS"] * 2 * r["C"])
        r.ints("COUNTS", r["BLOCKS"])
    for key in ("GAMMA", "BETA"):
        r.reads(key, r["C"])
    r.reads("HYPER", 2, DOUBLE)
    r.writes("COEF", 4 * r["C"])
    for key in ("MEAN", "VARIANCE"):
        (r.reads if running else r.writes)(key, r["C"])


@reach("norm_act_forward")
def norm_act_forward(r: Row) -> None:
    _rows(r, "Y")
    if r["R"]:
        _rows(r, "R")
    _rows(r, "A", writes=True)
    r.reads("COEF", 4 * r["C"])
    r.reads("FLOOR", 1)


@reach("norm_act_sums")
def norm_act_sums(r: Row) -> None:
    _rows(r, "Y")
    if r["R"]:  # only then the activation's value is read; it is 1, no address
        _rows(r, "A")
    _rows(r, "DA")
    r.reads("COEF", 4 * r["C"])
    r.reads("FLOOR", 1)
    r.writes("PART", r["SLICES"] * 2 * r["C"])


@reach("norm_gradient")
def norm_gradient(r: Row) -> None:
    r.reads("PART", r["SLICES"] * 2 * r["C"])
    r.reads("GAMMA", r["C"])
    r.reads("HYPER", 2, DOUBLE)
    r.may_write("DGAMMA", r["C"])
    r.may_write("DBETA", r["C"])
    size = r["C"] * r.item
    r.reads("COEF", 2 * r["C"])
    r.touch("COEF", r["COEF"] + 4 * size, r["COEF"] + 7 * size, True)


@reach("norm_act_backward")
def norm_act_backward(r: Row) -> None:
    _rows(r, "Y")
    _rows(r, "DA")
    if r["DR"]:
        _rows(r, "A")
        _rows(r, "DR", writes=True)
    _rows(r, "DY", writes=True)
    r.reads("COEF", 7 * r["C"])
    r.reads("FLOOR", 1)


@reach("relu_backward")
def relu_backward(r: Row) -> None:
    _rows(r, "A")
    _rows(r, "DA")
    _rows(r, "DY", writes=True)
    r.may_write("PART", r["SLICES"] * r["C"])
    r.reads("FLOOR", 1)


# --- Max pooling with normalisation and ReLU -------------------------------------------------------------------------


def _winners(r: Row, n: int, writes: bool = False) -> None:
    """State a byte per output; a vector that is not whole reads what lies behind the last too."""
    r.touch("WIN", r["WIN"], r["WIN"] + n * r["OH"] * r["OW"] * r["C"], writes, slack=r.vector // r.item)


def _places(r: Row, key: str, count: int, entry: int, which: int = 0) -> tuple[int, int] | None:
    """Return the least and largest byte offset in a table of windows: per row a count, then DEPTH entries."""
    rows = r.ints(key, count * (1 + entry * r["DEPTH"])).reshape(count, -1)
    used = np.arange(r["DEPTH"]) < rows[:, :1]
    found = rows[:, 1 + which :: entry][used]
    return (int(found.min()), int(found.max())) if len(found) else None


def _windows(r: Row, n: int) -> None:
    """State the input pixels of every window."""
    down, across = _places(r, "ROWS", r["OH"], 2), _places(r, "COLUMNS", r["OW"], 2)
    if down and across:
        end = down[1] + across[1] + r["C"] * r.item
        r.touch("Y", r["Y"] + down[0] + across[0], r["Y"] + (n - 1) * r["YN"] + end)


@reach("max_forward", "triple_max_forward")
def max_forward(r: Row) -> None:
    n = r.units // r["OH"]
    _windows(r, n)
    lines(r, "P", n, *r.sizes("OH", "OW"), writes=True)
    _winners(r, n, writes=True)
    r.may_read("COEF", 4 * r["C"])
    r.reads("FLOOR", 1)


@reach("max_backward", "triple_max_backward")
def max_backward(r: Row) -> None:
    n = r.units // (r["OH"] if r.kernel == "triple_max_backward" else r["IH"])
    lines(r, "DY", n, *r.sizes("IH", "IW"), writes=True)
    if r["COEF"]:
        lines(r, "Y", n, *r.sizes("IH", "IW"))
        r.reads("COEF", 7 * r["C"])
    down, across = _places(r, "ROWS", r["IH"], 3), _places(r, "COLUMNS", r["IW"], 3)
    if down and across:
        end = (n - 1) * r["DPN"] + down[1] + across[1] + r["C"] * r.item
        r.touch("DP", r["DP"] + down[0] + across[0], r["DP"] + end)
        _winners(r, n)


@reach("max_sums")
def max_sums(r: Row) -> None:
    n = r["N"]
    _windows(r, n)
    lines(r, "P", n, *r.sizes("OH", "OW"))
    lines(r, "DP", n, *r.sizes("OH", "OW"))
    _winners(r, n)
    for key in ("GAMMA", "BETA"):
        r.reads(key, r["C"])
    r.reads("COEF", 2 * r["C"])
    r.reads("FLOOR", 1)
    r.writes("PART", r["SLICES"] * 2 * r["C"])


@reach("pair_max_forward")
def pair_max_forward(r: Row) -> None:
    n = r.units // r["OH"]
    lines(r, "Y", n, 2 * r["OH"], 2 * r["OW"])
    lines(r, "P", n, *r.sizes("OH", "OW"), writes=True)
    _winners(r, n, writes=True)
    r.may_read("COEF", 4 * r["C"])
    r.reads("FLOOR", 1)


@reach("pair_max_backward")
def pair_max_backward(r: Row) -> None:
    n = r.units // r["OH"]
    lines(r, "DY", n, *r.sizes("IH", "IW"), writes=True)
    lines(r, "DP", n, *r.sizes("OH", "OW"))
    _winners(r, n)
    if r["COEF"]:
        lines(r, "Y", n, *r.sizes("IH", "IW"))
        r.reads("COEF", 7 * r["C"])


# --- Pooling alone, resampling ---------------------------------------------------------------------------------------


@reach("max_pool_forward", "average_pool_forward")
def pool_forward(r: Row) -> None:
    n = r.units // r["OH"]
    image(r, "X", n, *r.sizes("IH", "IW"))
    image(r, "Y", n, *r.sizes("OH", "OW"), writes=True)


@reach("max_pool_backward", "average_pool_backward")
def pool_backward(r: Row) -> None:
    n = r.units
    image(r, "DX", n, *r.sizes("IH", "IW"), writes=True)
    image(r, "DY", n, *r.sizes("OH", "OW"))
    if r.kernel == "max_pool_backward":
        image(r, "X", n, *r.sizes("IH", "IW"))
        image(r, "Y", n, *r.sizes("OH", "OW"))


@reach("resample")
def resample(r: Row) -> None:
    n = r.units // r["OH"]
    image(r, "Y", n, *r.sizes("OH", "OW"), writes=True)
    reached = []
    for axis, out in (("ROW", "OH"), ("COLUMN", "OW")):
        count = int(r.ints(f"{axis}S", r[out] + 1)[-1])
        places = r.ints(f"{axis}_AT", count)
        r.reads(f"{axis}_WEIGHTS", count, DOUBLE)
        reached.append(int(places.max()) + 1 if count else 0)
    if all(reached):
        image(r, "X", n, *reached)


# --- Normalisation within a sample -----------------------------------------------------------------------------------


def _factors(r: Row, key: str) -> None:
    r.may_read(key, r["C"] * (r["H"] * r["W"] if r["FULL"] else 1))


@reach("group_forward", "pixel_forward")
def sample_forward(r: Row) -> None:
    image(r, "X", *r.sizes("N", "H", "W"))
    image(r, "Y", *r.sizes("N", "H", "W"), writes=True)
    _factors(r, "GAMMA")
    _factors(r, "BETA")
    r.reads("EPSILON", 1, DOUBLE)
    if r.kernel == "group_forward":
        r.writes("STAT", 2 * r["GROUPS"] * r["N"], DOUBLE)
    else:
        r.writes("STAT", 2 * r["N"] * r["H"] * r["W"])


@reach("group_backward", "pixel_backward")
def sample_backward(r: Row) -> None:
    image(r, "X", *r.sizes("N", "H", "W"))
    image(r, "DY", *r.sizes("N", "H", "W"))
    if r["DX"]:
        image(r, "DX", *r.sizes("N", "H", "W"), writes=True)
    _factors(r, "GAMMA")
    grouped = r.kernel == "group_backward"
    if grouped:
        r.reads("STAT", 2 * r["GROUPS"] * r["N"], DOUBLE)
    else:
        r.reads("STAT", 2 * r["N"] * r["H"] * r["W"])
    r.writes("PART", 2 * r["C"] * (r["N"] if grouped else r["SLICES"]), DOUBLE)


@reach("full_gradient")
def full_gradient(r: Row) -> None:
    image(r, "X", *r.sizes("N", "H", "W"))
    image(r, "DY", *r.sizes("N", "H", "W"))
    r.reads("STAT", 2 * r["GROUPS"] * r["N"], DOUBLE)
    r.writes("DGAMMA", r.units * r["W"] * r["C"])
    r.may_write("DBETA", r.units * r["W"] * r["C"])


@reach("channel_gradient")
def channel_gradient(r: Row) -> None:
    r.reads("PART", 2 * r["C"] * r["PARTS"], DOUBLE)
    r.writes("DGAMMA", r["C"])
    r.may_write("DBETA", r["C"])
