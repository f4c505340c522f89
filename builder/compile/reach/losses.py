"""Ranges of softmax, the losses and the optimizers' updates."""

from __future__ import annotations

from ...kernels.expression_loss import ENTRY
from ...kernels.optimizers import HYPERS, SGD
from .row import Row, reach
from .rows import OPERATION, rows_of


@reach("softmax_forward")
def softmax(r: Row) -> None:
    rows_of(r, "X", r["C"])
    rows_of(r, "Y", r["C"], writes=True)


@reach("softmax_backward")
def softmax_backward(r: Row) -> None:
    rows_of(r, "Y", r["C"])
    rows_of(r, "DY", r["C"])
    rows_of(r, "DX", r["C"], writes=True)


@reach(
    "softmax_cross_entropy", "cross_entropy", "sigmoid_binary_cross_entropy", "binary_cross_entropy", "squared_error"
)
def loss(r: Row) -> None:
    rows = r["D0"] * r["D1"] * r["D2"]
    rows_of(r, "X", r["C"])
    if r.kernel.startswith(("softmax", "sigmoid")):
        rows_of(r, "Y", r["C"], writes=True)
    if r["DX"]:
        rows_of(r, "DX", r["C"], writes=True)
    r.may_read("LABEL", rows, 8)
    r.may_read("OTHER", rows, 8)
    r.may_read("TARGET", rows * r["C"])
    r.may_read("SHARES", 2 * r["D0"])
    r.may_read("MIXED", 1, 8)
    r.may_read("COUNTED", 1, 8)
    r.reads("WEIGHT", r["D0"])
    r.reads("GAIN", 1, 8)
    r.may_read("SMOOTH", 1, 8)
    r.writes("PART", r["SLICES"], 8)


@reach("loss_total")
def total(r: Row) -> None:
    r.reads("PART", r["SLICES"], 8)
    r.reads("GAIN", 1, 8)
    r.may_read("COUNTED", 1, 8)
    r.writes("TOTAL", 1, 8)


@reach("expression_loss")
def expression(r: Row) -> None:
    rows_of(r, "X", r["C"])
    if r["DX"]:
        rows_of(r, "DX", r["C"], writes=True)
    r.reads("TARGET", r["D0"] * r["D1"] * r["D2"] * r["C"])
    r.reads("WEIGHT", r["D0"])
    r.reads("GAIN", 1, 8)
    r.writes("PART", r["SLICES"], 8)
    for key, count in (("PARTS", r["COUNT"]), ("SLOPES", r["COUNT"]), ("OUTER", r["COUNT"] + 1)):
        for code, operations, constants, number, _ in r.ints(key, count * ENTRY).reshape(-1, ENTRY).tolist():
            r.touch(key, code, code + OPERATION * operations)
            r.touch(key, constants, constants + 8 * number)


@reach("update")
def update(r: Row) -> None:
    r.reads("G", r["SIZE"])
    r.writes("W", r["SIZE"])
    if r["KIND"] != SGD:
        r.writes("S", r["SIZE"])
        r.writes("M", r["SIZE"])
    r.reads("HYPER", HYPERS, 8)


@reach("squares")
def squares(r: Row) -> None:
    r.reads("G", r["SIZE"])
    r.writes("PART", r["SLICES"], 8)


@reach("clip")
def clip(r: Row) -> None:
    r.reads("PART", r["SIZE"], 8)
    r.reads("LIMIT", 1, 8)
    r.writes("HYPER", r["ROWS"] * HYPERS, 8)
