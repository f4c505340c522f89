"""Ranges of the kernels whose operands are rows of neighbouring values under three strides, or values under four."""

from __future__ import annotations

from ...kernels.codes import CONSTANT
from .row import Row, reach

OPERATION = 16
"""Bytes of an operation of a stack program: its number and argument."""


def rows_of(r: Row, key: str, length: int, writes: bool = False) -> None:
    """State D0 x D1 x D2 rows of `length` values."""
    axes = [(r[f"D{i}"], r[f"{key}{i}"]) for i in range(3)]
    r.box(key, axes, length * r.item, writes)


def program(r: Row) -> None:
    """State a stack program and those of its constants that it names."""
    if r["NCODE"]:
        code = r.ints("CODE", 2 * r["NCODE"]).reshape(-1, 2)
        named = code[code[:, 0] == CONSTANT, 1]
        r.reads("CONSTANTS", int(named.max()) + 1 if len(named) else 0, 8)


@reach("add", "multiply")
def two(r: Row) -> None:
    rows_of(r, "A", r["L"])
    rows_of(r, "B", r["L"])
    rows_of(r, "Y", r["L"], writes=True)


@reach("copy")
def one(r: Row) -> None:
    rows_of(r, "A", r["L"])
    rows_of(r, "Y", r["L"], writes=True)


@reach("clear")
def none(r: Row) -> None:
    rows_of(r, "Y", r["L"], writes=True)


@reach("dropout", "dropout_channels")
def dropout(r: Row) -> None:
    one(r)
    r.reads("KEY", 2, 8)


@reach("gaussian_noise")
def noise(r: Row) -> None:
    dropout(r)
    r.reads("B", 1, 8)


@reach("binary_forward", "binary_backward")
def binary(r: Row) -> None:
    two(r)
    if r["DY"]:
        rows_of(r, "DY", r["L"])
    program(r)


@reach("pointwise_forward", "pointwise_backward")
def pointwise(r: Row) -> None:
    for key in ("X", "Y", "DY", "DX"):
        if r[key]:
            rows_of(r, key, r["L"], writes=key == ("Y" if r.kernel.endswith("forward") else "DX"))
    program(r)


@reach("lrn_forward", "lrn_backward")
def lrn(r: Row) -> None:
    rows_of(r, "X", r["C"])
    r.reads("HYPER", 3, 8)
    if r.kernel == "lrn_forward":
        rows_of(r, "Y", r["C"], writes=True)
    else:
        rows_of(r, "DY", r["C"])
        rows_of(r, "DX", r["C"], writes=True)


@reach("from_nchw", "to_nchw")
def nchw(r: Row) -> None:
    into = r.kernel == "from_nchw"
    n, c, h, w = r.units, *r.sizes("C", "H", "W")
    r.box("X", [(n, r["XN"]), (h, r["XH"]), (w, r["XW"])], c * r.item, writes=into)
    (r.reads if into else r.writes)("FLAT", n * c * h * w)


def _strided(r: Row, key: str, writes: bool = False, over: str = "") -> None:
    """State values under the strides of the kept axes and, with `over` S or T, of the summed ones; in values."""
    axes = [(r[f"D{i}"], r[f"{key}{i}"] * r.item) for i in range(4)]
    if over:
        axes += [(r[f"R{i}"], r[f"{over}{i}"] * r.item) for i in range(4)]
    r.box(key, axes, r.item, writes)


@reach("strided_copy", "strided_fill", "strided_sum", "strided_extreme")
def strided(r: Row) -> None:
    r.reads("FACTOR", 1, 8)
    if r.kernel != "strided_fill":
        _strided(r, "X", over="" if r.kernel == "strided_copy" else "S")
    _strided(r, "Y", writes=True)


@reach("strided_extreme_backward")
def extreme_backward(r: Row) -> None:
    _strided(r, "X", over="S")
    _strided(r, "Y")
    _strided(r, "DY")
    _strided(r, "DX", writes=True, over="T")


@reach("strided_matmul")
def matmul(r: Row) -> None:
    rows, shared = r.sizes("D0", "D1", "D2"), r["R3"]
    item = r.item
    r.box("X", [*((n, r[f"X{i}"] * item) for i, n in enumerate(rows)), (shared, r["S3"] * item)], item)
    outer = [(n, r[f"Y{i}"] * item) for i, n in enumerate(rows[:2])]
    r.box("Y", [*outer, (shared, r["T3"] * item), (r["D3"], r["Y3"] * item)], item)
    _strided(r, "DX", writes=True)
