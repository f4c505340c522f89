"""Batch normalisation with what follows it: residual sum, ReLU, max pooling. See kernels/fused.py and maxpool.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas import ops

from ..emit import RULES, Emitter, Rule, rows, slices, values
from ..fuse import NormAct, NormActPool
from ..tensors import Node, Scratch, Tensor
from . import pooled
from .batch_norm import frozen_statistics, norm_fields
from .sweep import block_count, pixel_blocks

if TYPE_CHECKING:
    from ..bind import Binder

COEFFICIENTS = 7


def lines(b: Binder, **tensors: Tensor) -> dict[str, int]:
    """Return the fields of operands seen as D0 x D1 runs of NPIX pixels; the longest runs that all of them have."""
    first = next(iter(tensors.values()))
    n, h, w = first.n, first.h, first.w
    whole = not any(t.bordered for t in tensors.values())
    fields = {"D0": n, "D1": 1 if whole else h, "NPIX": h * w if whole else w}
    for prefix, t in tensors.items():
        fields |= {prefix: b.at(t), f"{prefix}0": t.image, f"{prefix}1": t.row}
    return fields


def norm_of(op: ops.Op) -> ops.BatchNorm | None:
    """Return the normalisation that an operation begins with, if any."""
    return op.norm if isinstance(op, NormAct | NormActPool) else None


def wants_sums(em: Emitter, node: Node) -> bool:
    """Say whether the value of this node is read by one normalisation alone, with the batch's statistics."""
    reader = em.sole_reader(node)
    norm = norm_of(reader.op) if reader is not None and reader.inputs[0] is node else None
    return norm is not None and not frozen_statistics(em, norm)


def statistics(em: Emitter, node: Node, norm: ops.BatchNorm, x: Tensor) -> Scratch:
    """Emit what makes the coefficients of this step; return where they are."""
    coefficients = em.weights(COEFFICIENTS * x.c)
    em.saved[id(node)] = coefficients
    frozen = frozen_statistics(em, norm)
    done = em.sums.get(id(node.inputs[0]))
    blocks = block_count(x.n, x.h, x.w) if done is None else len(done.counts)
    part = em.scratch(2 * x.c * blocks) if done is None else done.part

    def bind(b: Binder) -> None:
        from ...kernels import fused

        fields = norm_fields(b, norm, frozen) | {"C": x.c, "COEF": b.arena + coefficients.offset}
        if frozen:
            b.weights(fused, "norm_running", 1, **fields)
            return
        if done is None:
            offsets, counts, table = pixel_blocks(x)
            b.row(
                fused,
                "norm_sums",
                blocks,
                S_Y=b.at(x),
                S_C=x.c,
                S_PART=b.arena + part.offset,
                S_TABLE=b.keep(table),
                S_FIRST=b.keep(np.stack([offsets, counts], 1)),
            )
        else:
            counts = done.counts
        fields |= {"PART": b.arena + part.offset, "BLOCKS": blocks, "COUNTS": b.keep(counts), "TOTAL": x.n * x.h * x.w}
        b.row(fused, "norm_statistics", 1, **fields)

    em.call(node, "batch norm statistics", (x, coefficients, part), bind)
    return coefficients


def act_forward(em: Emitter, node: Node) -> None:
    """a = act(scale * x + shift + r)."""
    op = node.op
    assert isinstance(op, NormAct)
    x = em.value(node.inputs[0])
    rest = {"R": em.value(node.inputs[1])} if len(node.inputs) > 1 else {}
    coefficients = statistics(em, node, op.norm, x)
    a = em.output(node)
    cut = min(rows(a), slices(values(a)))

    def bind(b: Binder, back: int) -> None:
        from ...kernels import fused

        fields = {"COEF": b.arena + coefficients.offset, "C": x.c, "SLICES": cut, "FLOOR": b.floor(op.relu)}
        b.row(fused, "norm_act_forward", cut, BACK=back, **fields, **lines(b, Y=x, A=a, **rest))

    em.turn(node, "batch norm", (x, a, coefficients, *rest.values()), bind)


def _gradient_fields(em: Emitter, b: Binder, norm: ops.BatchNorm, x: Tensor, coefficients: Scratch) -> dict[str, int]:
    fields = norm_fields(b, norm, frozen_statistics(em, norm))
    fields |= {"COEF": b.arena + coefficients.offset, "C": x.c, "TOTAL": x.n * x.h * x.w}
    if em.trains(norm.gamma):
        fields |= {"DGAMMA": b.gradient_of(norm.gamma), "DBETA": b.gradient_of(norm.beta)}
    return fields


def act_backward(em: Emitter, node: Node, da: Tensor) -> None:
    """Sums over the batch, then dx (in x's own memory where it is free) and dr in one pass."""
    op = node.op
    assert isinstance(op, NormAct)
    source = node.inputs[0]
    x, a, coefficients = em.value(source), em.value(node), em.saved[id(node)]
    cut = min(rows(a), slices(values(a)))
    part = em.scratch(2 * x.c * cut)
    # Only then the activation's value is read; else it follows from x.
    added = op.relu and len(node.inputs) > 1

    def sums(b: Binder, back: int) -> None:
        from ...kernels import fused

        fields = _gradient_fields(em, b, op.norm, x, coefficients)
        fields |= {"PART": b.arena + part.offset, "SLICES": cut, "FLOOR": b.floor(op.relu), "BACK": back}
        fields |= lines(b, Y=x, A=a, DA=da) | {"R": int(added)}
        b.row(fused, "norm_act_sums", cut, **fields)
        b.row(fused, "norm_gradient", 1, **fields)

    reads = (a,) if added else ()
    em.turn(node, "batch norm gradient", (x, da, coefficients, part, *reads), sums)
    dx = x if em.spare(source) else em.tensor(source.op.shape)
    written = {"DR": em.tensor(node.op.shape)} if added else {}
    if not any(em.needs(i) for i in node.inputs):
        return

    def bind(b: Binder, back: int) -> None:
        from ...kernels import fused

        fields = _gradient_fields(em, b, op.norm, x, coefficients) | {"SLICES": cut, "FLOOR": b.floor(op.relu)}
        b.row(fused, "norm_act_backward", cut, BACK=back, **fields, **lines(b, Y=x, A=a, DA=da, DY=dx, **written))

    em.turn(node, "batch norm backward", (x, da, dx, coefficients, *reads, *written.values()), bind)
    em.accept(source, dx)
    for other in node.inputs[1:]:
        em.accept(other, written.get("DR", da), own=bool(written))


def _window(size: int, out: int, kernel: int, stride: int, before: int) -> list[list[int]]:
    """Return for each output position the input positions in its window, as (position, tap) in one flat list."""
    found = []
    for o in range(out):
        taps = [(o * stride - before + t, t) for t in range(kernel) if 0 <= o * stride - before + t < size]
        found.append([n for pair in taps for n in pair])
    return found


def _table(lists: list[list[int]], entry: int, depth: int) -> np.ndarray:
    """Return rows of a count and `depth` entries, padded with zeros."""
    table = np.zeros((len(lists), 1 + entry * depth), np.int64)
    for i, values_ in enumerate(lists):
        table[i, 0] = len(values_) // entry
        table[i, 1 : 1 + len(values_)] = values_
    return table


def _forward_tables(b: Binder, pool: ops.MaxPool2d, x: Tensor, p: Tensor) -> dict[str, int]:
    rows_ = _window(x.h, p.h, pool.kernel[0], pool.stride[0], pool.padding[0][0])
    columns = _window(x.w, p.w, pool.kernel[1], pool.stride[1], pool.padding[1][0])
    down = [[v * (x.row if i % 2 == 0 else pool.kernel[1]) for i, v in enumerate(r)] for r in rows_]
    across = [[v * (x.pixel if i % 2 == 0 else 1) for i, v in enumerate(r)] for r in columns]
    depth = max(*pool.kernel)
    return {"ROWS": b.keep(_table(down, 2, depth)), "COLUMNS": b.keep(_table(across, 2, depth)), "DEPTH": depth}


def _backward_tables(b: Binder, pool: ops.MaxPool2d, x: Tensor, p: Tensor, dp: Tensor) -> dict[str, int]:
    """Per input row (column) the windows over it: byte offset in dp, in win (dense), and the tap."""

    def turned(axis: int, size: int, out: int, in_dp: int, in_win: int, factor: int) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in range(size)]
        for o, taps in enumerate(_window(size, out, pool.kernel[axis], pool.stride[axis], pool.padding[axis][0])):
            for at, tap in zip(taps[::2], taps[1::2], strict=True):
                found[at] += [o * in_dp, o * in_win, tap * factor]
        return found

    down = turned(0, x.h, p.h, dp.row, p.w * p.c, pool.kernel[1])
    across = turned(1, x.w, p.w, dp.pixel, p.c, 1)
    depth = max(len(r) // 3 for r in down + across)
    return {"ROWS": b.keep(_table(down, 3, depth)), "COLUMNS": b.keep(_table(across, 3, depth)), "DEPTH": depth}


def _pairs(pool: ops.MaxPool2d, x: Tensor, p: Tensor) -> bool:
    """Say whether windows are 2 x 2 side by side and within the image, the form that has kernels of its own."""
    whole = 2 * p.h <= x.h and 2 * p.w <= x.w
    return whole and pool.kernel == pool.stride == (2, 2) and pool.padding == ((0, 0), (0, 0))


def _form(pool: ops.MaxPool2d, x: Tensor, p: Tensor) -> str:
    """Return how the kernels for these windows begin."""
    if _pairs(pool, x, p):
        return "pair_"
    return "triple_" if pool.kernel == (3, 3) and pool.stride == (2, 2) else ""


def _pool_fields(b: Binder, **tensors: Tensor) -> dict[str, int]:
    fields: dict[str, int] = {}
    for prefix, t in tensors.items():
        fields |= {prefix: b.at(t), f"{prefix}N": t.image, f"{prefix}H": t.row}
    return fields


def _sizes(pool: ops.MaxPool2d, x: Tensor, p: Tensor) -> dict[str, int]:
    (top, _), (left, _) = pool.padding
    return {"N": x.n, "IH": x.h, "IW": x.w, "OH": p.h, "OW": p.w, "C": x.c, "TOP": top, "LEFT": left}


def pool_forward(em: Emitter, node: Node) -> None:
    """p = pool(act(scale * x + shift)); the winning taps are kept for training."""
    op = node.op
    assert isinstance(op, NormActPool)
    if pooled.forward(em, node):
        return
    x = em.value(node.inputs[0])
    coefficients = statistics(em, node, op.norm, x) if op.norm is not None else None
    p = em.output(node)
    win = em.scratch(values(p), 1)
    em.saved[id(p)] = win

    def bind(b: Binder) -> None:
        from ...kernels import maxpool, triples  # noqa: F401  # registers its kernels

        fields: dict[str, Any] = _pool_fields(b, Y=x, P=p) | _sizes(op.pool, x, p) | _forward_tables(b, op.pool, x, p)
        fields |= {"WIN": b.arena + win.offset, "FLOOR": b.floor(op.relu)}
        if coefficients is not None:
            fields["COEF"] = b.arena + coefficients.offset
        b.row(maxpool, f"{_form(op.pool, x, p)}max_forward", p.n * p.h, **fields)

    em.call(node, "pooling", [t for t in (x, p, win, coefficients) if t is not None], bind)


def pool_backward(em: Emitter, node: Node, dp: Tensor) -> None:
    """dx gathered from the pooled gradient, through ReLU and normalisation, in x's own memory where it is free."""
    op = node.op
    assert isinstance(op, NormActPool)
    source = node.inputs[0]
    x, p, win = em.value(source), em.value(node), em.saved[id(em.value(node))]
    norm = op.norm
    coefficients = em.saved.get(id(node)) if norm is not None else None
    if norm is not None and coefficients is not None:
        _pool_sums(em, node, op, norm, coefficients, dp)
    if not em.needs(source) or pooled.backward(em, node, dp):
        return
    dx = x if em.spare(source) else em.tensor(source.op.shape)

    def bind(b: Binder) -> None:
        from ...kernels import maxpool, triples  # noqa: F401  # registers its kernels

        fields: dict[str, Any] = _pool_fields(b, Y=x, P=p, DP=dp, DY=dx) | _sizes(op.pool, x, p)
        fields |= {"WIN": b.arena + win.offset}
        if coefficients is not None:
            fields["COEF"] = b.arena + coefficients.offset
        form = _form(op.pool, x, p)
        tables = {} if form == "pair_" else _backward_tables(b, op.pool, x, p, dp)
        b.row(maxpool, f"{form}max_backward", p.n * p.h if form else x.n * x.h, **fields, **tables)

    reads = [t for t in (coefficients, x if coefficients is not None else None) if t is not None]
    em.call(node, "pooling backward", (dx, dp, win, *reads), bind)
    em.accept(source, dx)


def _pool_sums(
    em: Emitter, node: Node, op: NormActPool, norm: ops.BatchNorm, coefficients: Scratch, dp: Tensor
) -> None:
    x, p, win = em.value(node.inputs[0]), em.value(node), em.saved[id(em.value(node))]
    cut = min(rows(p), slices(values(p)))
    part = em.scratch(2 * x.c * cut)

    def bind(b: Binder) -> None:
        from ...kernels import fused, maxpool

        fields: dict[str, Any] = (
            _pool_fields(b, Y=x, P=p, DP=dp) | _sizes(op.pool, x, p) | _forward_tables(b, op.pool, x, p)
        )
        fields |= {"WIN": b.arena + win.offset, "PART": b.arena + part.offset, "SLICES": cut}
        fields |= {
            "FLOOR": b.floor(op.relu),
            "COEF": b.arena + coefficients.offset,
            "GAMMA": b.value_of(norm.gamma),
            "BETA": b.value_of(norm.beta),
        }
        b.row(maxpool, "max_sums", cut, **fields)
        more = _gradient_fields(em, b, norm, x, coefficients) | {"PART": b.arena + part.offset, "SLICES": cut}
        b.row(fused, "norm_gradient", 1, **more)

    em.call(node, "batch norm gradient", (x, p, dp, win, coefficients, part), bind)


RULES[NormAct] = Rule(act_forward, act_backward)
RULES[NormActPool] = Rule(pool_forward, pool_backward)
