"""How much each call of a program has to do, and how long that takes on a machine with the given figures.

A roofline (Williams, Waterman and Patterson 2009) whose memory is a hierarchy: every byte comes from as far away as its
last use is (reuse.py), at the speed that reads or writes of so many bytes have on this machine. Beside the useful
multiply-adds those are counted that the kernels really execute: partly filled vectors, Winograd's transforms. Nothing
is bound and no kernel is loaded.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from schemas import ops

from .emit import Call, Emitter, Mode
from .fuse import NormActPool
from .lower import Lowered
from .reuse import Move, footprint, moves
from .rules import folded
from .rules.forms import TRANSFORM as BY_SIDE, edge_of
from .rules.sweep import block_count
from .rules.winograd import BLOCK_BYTES, Sides, chosen, cut_forward
from .tensors import Scratch, Tensor

ALONE = 2_000_000
"""Multiply-adds of a step below which one thread is about as fast as two (some twenty microseconds)."""

POOLED = ("convolution and pooling", "pooled weight gradient")
"""Calls of a convolution whose own value is never written: its pixels are not those of a tensor."""

PRODUCTS = (
    "convolution",
    "depthwise convolution",
    "deconvolution",
    "affine",
    "weight gradient",
    "input gradient",
    "both gradients",
    *POOLED,
)
"""Calls that multiply by a weight; all others pass over memory."""

PASS_COSTS = {"loss": 100, "softmax": 500, "copy": 75, "noise": 140, "pooling": 7, "pooling backward": 14}
LIKELIHOOD = 500
OTHER_PASSES = 7
"""Vector multiply-adds that cost as much as each vector of a pass's largest operand; LIKELIHOOD is for losses that take
exponentials and logarithms. All constants here were fitted with tests/benchmarks/predicted.py."""

TRANSFORM, WEIGHTS = 40, 60
"""The same for each vector of a tile that Winograd's form transforms, and of a filter."""

ENDS, TAPS = 4, 1.5
"""The same for the beginning and end of each vector of a convolution's outputs, and for each row of its taps."""

TURNED, UPDATE = 2, 20
"""The same for each value of an Affine's input gradient, which is made transposed, and for each vector of weights that
the call of their gradient updates."""

POOLING = 1.4
"""How many times as long a convolution takes that looks for the largest of its outputs, or goes back to them."""

REACHED = {"tiles": 0.92, "gradient": 0.75, "winograd": 0.75, "affine": 0.97, "pass": 0.9}
STREAMED = 0.8
"""Share of the register tiles' speed that each kind of call reaches, and of the speed of mere reads and writes."""

HIDDEN = 1.5
"""Arithmetic and memory hide each other in part: exponent of their sum, 1 for not at all."""

CALL, SHARED, STEP = 0.6e-6, 4e-6, 30e-6
"""Seconds that begin and end a call, that it takes longer where threads share it, and of a step as a whole."""


@dataclass(frozen=True)
class Figures:
    """What a machine does on so many threads: see kernels/peaks.py."""

    threads: int
    gflops: float
    tile_gflops: float
    bytes: tuple[int, ...]
    read_gb: tuple[float, ...]
    write_gb: tuple[float, ...]
    own_gb: tuple[float, float]
    vector_bytes: int = 64

    @classmethod
    def of(cls, found: Mapping[str, Any], threads: int) -> Figures:
        sizes = tuple(map(int, found["bytes"]))  # the median of two is none
        reads, writes, own = (tuple(found[key]) for key in ("read_gb", "write_gb", "own_gb"))
        gflops, tiles = float(found["gflops"]), float(found["tile_gflops"])
        return cls(threads, gflops, tiles, sizes, reads, writes, own, int(found["vector_bytes"]))

    @cached_property
    def _logs(self) -> list[float]:
        return [math.log(size) for size in self.bytes]

    def bandwidth(self, distance: float, written: bool = False) -> float:
        """Return bytes per second of what was touched last so many bytes ago."""
        speeds, at = self.write_gb if written else self.read_gb, math.log(max(distance, 1.0))
        k = bisect(self._logs, at)
        if k in (0, len(speeds)):
            return 1e9 * speeds[0 if k == 0 else -1]
        share = (at - self._logs[k - 1]) / (self._logs[k] - self._logs[k - 1])
        return 1e9 * (speeds[k - 1] + share * (speeds[k] - speeds[k - 1]))  # np.interp takes ten times as long

    def seconds(self, move: Move) -> float:
        """Return the time that a read or write takes alone. What was read just now is only written back."""
        if move.own:
            return move.bytes / (1e9 * self.own_gb[move.written])
        one = 1 / self.bandwidth(move.distance, move.written)
        return move.bytes * (max(0.0, one - 1 / self.bandwidth(move.distance)) if move.again else one)

    @property
    def vectors(self) -> float:
        """Vector multiply-adds per second of the register tiles."""
        return self.tile_gflops * 1e9 / (2 * self.vector_bytes / 4)


@dataclass(frozen=True)
class Work:
    """What a call does: useful floating-point operations, vector multiply-adds executed, and what it moves.

    `inner` are moves of its own working memory, which nothing hides. `units` limits how many threads can be at work.
    """

    flops: float
    vectors: float
    kind: str
    moves: tuple[Move, ...] = ()
    inner: tuple[Move, ...] = ()
    units: int = 0

    @property
    def bytes(self) -> float:
        """Bytes read and written."""
        return sum(move.bytes for move in self.moves)

    def seconds(self, figures: Figures) -> float:
        """Return the predicted time."""
        memory, inner = sum(map(figures.seconds, self.moves)) / STREAMED, sum(map(figures.seconds, self.inner))
        compute = self.vectors / (REACHED[self.kind] * figures.vectors)
        whole = float((compute**HIDDEN + memory**HIDDEN) ** (1 / HIDDEN)) + inner
        if self.units:
            whole *= figures.threads * -(-self.units // figures.threads) / self.units
        return whole + CALL + (SHARED if figures.threads > 1 else 0.0)


def _product(call: Call) -> ops.Conv2d | ops.Deconv2d | ops.Affine | None:
    """Return the operation of a call that multiplies by a weight; None of one that passes over memory."""
    op = call.op
    return op if call.name in PRODUCTS and isinstance(op, ops.Conv2d | ops.Deconv2d | ops.Affine) else None


def works(em: Emitter, slots: int = 0, whole: int | None = None) -> list[Work]:
    """Return the work of each call; `slots` arrays of an optimizer are updated in the gradient of a large Affine.

    `whole` is the step's footprint, where the caller has it.
    """
    whole = footprint(em) if whole is None else whole

    def weights(call: Call) -> float:
        op = _product(call)
        return float(op.weight.size * em.item) if op is not None else 0.0

    listed = moves(em, whole, weights, lambda call: _product(call) is not None)
    return [_work(em, call, slots, whole, moved) for call, moved in zip(em.calls, listed, strict=True)]


def _work(em: Emitter, call: Call, slots: int, whole: int, moved: list[Move]) -> Work:
    tensors = [block for block in call.touches if isinstance(block, Tensor)]
    op, name = _product(call), call.name
    if op is None:
        if name == "batch norm gradient" and isinstance(call.op, NormActPool):
            moved = moved[1:]  # of what was pooled it looks at the largest alone
        if name == "batch norm statistics" and len(call.touches) > 2:
            moved, tensors = moved[1:], []  # they were taken while the value was made
        vectors = max((t.n * t.h * t.w * -(-t.c // em.lanes) for t in tensors), default=0)
        if name == "input" and tensors[0].c == 1:
            vectors = -(-vectors // em.lanes)  # copied as it lies: a vector holds several pixels
        each = PASS_COSTS.get(name, OTHER_PASSES)
        if name == "loss" and isinstance(call.op, ops.CrossEntropy | ops.BinaryCrossEntropy):
            each = LIKELIHOOD
        return Work(0.0, float(each * vectors), "pass", tuple(moved))
    weights = op.weight.size * em.item
    updates = 1 + slots if name in ("weight gradient", "both gradients") and isinstance(op, ops.Affine) else 0
    if updates or not name.endswith("weight gradient"):
        moved += [Move(max(1, updates) * weights, whole)]
    if updates or name.endswith("weight gradient"):
        moved += [Move(max(1, updates) * weights, whole, written=True, again=updates > 0)]
    flops = 2.0 * em.batch * op.multiply_adds * (2 if name == "both gradients" else 1)
    if isinstance(op, ops.Affine):
        step = UPDATE * op.weight.size / em.lanes if updates else 0.0
        return Work(flops, _affine(em, name, op) + step, "affine", tuple(moved))
    first = tensors[0]
    out = em.tensor(op.shape) if name in POOLED else tensors[1]
    if name == "input gradient" and isinstance(op, ops.Conv2d) and folded.better(em, op, first, out):
        columns = -(-2 * op.filters[3] * out.c // em.lanes) / 2
        made = out.n * out.h * first.w * op.filters[2] * first.c * columns
        return Work(flops, made + folded.SUM * out.n * out.h * out.w * op.filters[3], "tiles", tuple(moved))
    if isinstance(op, ops.Conv2d) and not op.depthwise and chosen(em, op, out, first.c, out.c):
        fast, more, inner = _winograd(em, call, op, first, out)
        return Work(flops, fast, "winograd", (*moved, *more), inner)
    kind = "gradient" if name.endswith("weight gradient") else "tiles"
    turned = (Move(weights, weights, True), Move(weights, weights)) if name == "input gradient" else ()
    units = 0
    if name == "convolution" and len(call.touches) > len(tensors):  # with statistics columns are not shared out
        units = block_count(out.n, out.h, out.w)
    return Work(flops, _direct(em, name, op, first, out), kind, tuple(moved), turned, units)


def _direct(em: Emitter, name: str, op: ops.Conv2d | ops.Deconv2d, first: Tensor, second: Tensor) -> float:
    """Return the vector multiply-adds of a convolution (x, y) or its gradients (x, dy and dy, dx)."""
    c, k = first.c // op.groups, second.c // op.groups
    _, _, fh, fw = op.filters
    columns = -(-2 * k // em.lanes) / 2  # a last vector may be computed by half
    # Each pixel of dx reads its phase's share of the taps.
    turned = name in ("input gradient", "deconvolution")
    pixels = second.n * second.h * second.w / (op.stride[0] * op.stride[1] if turned else 1)
    if op.depthwise:
        return float(pixels * fh * fw * -(-second.c // em.lanes))
    ends = 0.0 if name.endswith("weight gradient") else ENDS + TAPS * fh
    return float(pixels * columns * op.groups * (fh * fw * c + ends) * (POOLING if name in POOLED else 1))


def _winograd(
    em: Emitter, call: Call, op: ops.Conv2d, x: Tensor, y: Tensor
) -> tuple[float, tuple[Move, ...], tuple[Move, ...]]:
    """Return vector multiply-adds, moves of transformed weights, and moves of transformed tiles."""
    taps, lanes = op.filters[2], em.lanes
    edge = edge_of(em, taps, y, x.c, y.c)
    side = edge + taps - 1
    points = side**2
    tiles = y.n * -(-y.h // edge) * -(-y.w // edge)
    columns, transformed = -(-2 * y.c // lanes) / 2, tiles * (-(-x.c // lanes) + -(-y.c // lanes))
    vectors = tiles * points * x.c * columns + TRANSFORM * BY_SIDE[side] / BY_SIDE[6] * transformed
    held, filters = float(points * x.c * y.c * em.item), WEIGHTS * x.c * columns
    scratch = [block.bytes for block in call.touches if isinstance(block, Scratch)]
    space = min(BLOCK_BYTES, max(scratch))
    if call.name == "weight gradient":
        if len(scratch) > 2:  # in three passes, through a third-level cache
            space = sum(scratch)
        more: tuple[Move, ...] = Move(held, held, True), Move(held, held)
        vectors += filters
    else:
        cut = cut_forward(em, Sides(x, y, taps, 0, 0, edge))
        vectors += filters * (cut.blocks if cut.own else 1)
        more = (Move(held * cut.blocks, held), Move(held, held, True)) if not cut.own else ()
    moved, own = float(points * lanes * em.item * transformed), space <= BLOCK_BYTES
    return vectors, more, (Move(moved, space, own=own), Move(moved, space, True, own=own))


def _affine(em: Emitter, name: str, op: ops.Affine) -> float:
    rows, columns = op.weight.shape
    dx = float(rows * columns * -(-em.batch // em.lanes) + TURNED * rows * em.batch)
    if name == "input gradient":
        return dx
    return float(em.batch * rows * -(-columns // em.lanes)) + (dx if name == "both gradients" else 0)


def update_seconds(values: int, slots: int, whole: float, figures: Figures, item: int = 4) -> float:
    """Return the time of an update of so many values with `slots` arrays each; a step touches `whole` bytes."""
    size = float(values * item)
    return (
        figures.seconds(Move((2 + slots) * size, whole)) + figures.seconds(Move((1 + slots) * size, whole, True, True))
    ) / STREAMED


def step_seconds(em: Emitter, figures: Figures, parameters: int = 0, slots: int = 0) -> float:
    """Return the predicted time of a whole step; the update passes over `parameters` values with `slots` arrays each.

    An Affine's share of the update is part of its gradient's call.
    """
    whole = footprint(em)
    found = sum(work.seconds(figures) for work in works(em, slots, whole))
    return found + update_seconds(parameters, slots, whole, figures, em.item) + STEP


def work_of_step(graph: Lowered, batch: int, mode: Mode) -> int:
    """Return the multiply-adds of a step, as the literature counts them: a backward pass is two forward passes."""
    passes = 3 if mode == "train" else 1
    return passes * batch * sum(node.op.multiply_adds for node in graph.nodes)


def separately_updated(nodes: Iterable[Any]) -> int:
    """Return how many trained values have an update of their own: all but the weights of Affine."""
    found = 0
    for node in nodes:
        held: Sequence[ops.Parameter] = node.op.parameters
        weight = node.op.weight if isinstance(node.op, ops.Affine) else None
        found += sum(p.size for p in held if p.trainable and not p.statistic and p is not weight)
    return found
