"""How much each call of a program has to do, and how long that takes on a machine with the given figures.

A roofline (Williams, Waterman and Patterson 2009) with two corrections: the vector instructions that the kernels really
execute are counted (partly filled vectors, Winograd's transforms), and neither arithmetic nor memory is quite at its
peak. Nothing is bound and no kernel is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas import ops

from .emit import Call, Emitter, Mode
from .lower import Lowered
from .plan import Planned
from .rules.forms import cost_of, edge_of
from .rules.winograd import chosen
from .tensors import Tensor

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

REACHED = {"tiles": 0.9, "gradient": 0.95, "winograd": 0.85, "affine": 0.92}
"""Share of the peak that the inner loops of each kind of kernel reach. All constants here were fitted with
tests/benchmarks/predicted.py."""

PASSES = 0.48
"""Share of the copy bandwidth that passes over memory reach."""

PASS_COSTS = {"pooling": 7, "pooling backward": 14, "input": 12, "output": 12, "loss": 500, "softmax": 500}
"""Vector multiply-adds that cost as much as each vector of a pass's largest operand; NORM more with normalisation."""

OTHER_PASSES, NORM = 4, 8

TURNED = 7
"""The same per value for the gradient of an Affine's input, which is made transposed."""

CALL, STEP = 0.6e-6, 30e-6
"""Seconds that begin and end a call, and a step as a whole."""


@dataclass(frozen=True)
class Figures:
    """What a machine does at most on so many threads: see kernels/peaks.py."""

    threads: int
    gflops: float
    copy_bytes: tuple[int, ...]
    copy_gb: tuple[float, ...]
    vector_bytes: int = 64

    @classmethod
    def of(cls, found: Mapping[str, Any], threads: int) -> Figures:
        sizes, speeds = (tuple(found[key]) for key in ("copy_bytes", "copy_gb"))
        return cls(threads, float(found["gflops"]), sizes, speeds, int(found["vector_bytes"]))

    @property
    def memory_gb(self) -> float:
        """GB/s of copies from and to memory."""
        return self.copy_gb[-1]

    def bandwidth(self, size: float) -> float:
        """Return bytes per second of a pass that touches so many bytes, which may be in a cache."""
        at = math.log(max(size, 1.0))
        return 1e9 * float(np.interp(at, [math.log(s) for s in self.copy_bytes], self.copy_gb))


@dataclass(frozen=True)
class Work:
    """What a call does: useful floating-point operations, vector multiply-adds executed, bytes read and written."""

    flops: float
    vectors: float
    bytes: float
    kind: str

    def seconds(self, figures: Figures, item: int, among: float) -> float:
        """Return the predicted time of a call whose operands lie in an arena of `among` bytes."""
        memory = self.bytes / (PASSES * figures.bandwidth(among))
        lanes = figures.vector_bytes / item
        compute = 2 * lanes * self.vectors / (REACHED.get(self.kind, 1.0) * figures.gflops * 1e9)
        # Arithmetic and memory hide each other, but not wholly.
        return math.hypot(compute, memory) + CALL


def work_of(em: Emitter, call: Call, slots: int = 0) -> Work:
    """Return the work of a call; `slots` arrays of an optimizer are updated in the gradient of a large Affine."""
    tensors = [block for block in call.touches if isinstance(block, Tensor)]
    moved = float(sum(t.n * t.h * t.w * t.c * t.item for t in tensors))
    op = call.op
    if call.name not in PRODUCTS or not isinstance(op, ops.Conv2d | ops.Deconv2d | ops.Affine):
        each = PASS_COSTS.get(call.name, OTHER_PASSES)
        each += NORM * (call.name.startswith("pooling") and getattr(op, "norm", None) is not None)
        vectors = max((t.n * t.h * t.w * -(-t.c // em.lanes) for t in tensors), default=0)
        return Work(0.0, float(each * vectors), moved, "pass")
    weights = op.weight.size * em.item
    if call.name in ("weight gradient", "both gradients") and isinstance(op, ops.Affine):
        weights *= 2 + 2 * slots
    flops = 2.0 * em.batch * op.multiply_adds * (2 if call.name == "both gradients" else 1)
    if isinstance(op, ops.Conv2d | ops.Deconv2d):
        out = em.tensor(op.shape) if call.name in POOLED else tensors[1]
        vectors_, kind = _convolution(em, call.name, op, tensors[0], out)
        if kind == "winograd":  # transformed weights are written and read again
            taps = op.filters[2]
            edge = edge_of(em, taps, out, tensors[0].c, out.c)
            weights = 2 * weights * (edge + taps - 1) ** 2 // taps**2
    else:
        vectors_, kind = _affine(em, call.name, op), "affine"
    return Work(flops, vectors_, moved + weights, kind)


def _convolution(
    em: Emitter, name: str, op: ops.Conv2d | ops.Deconv2d, first: Tensor, second: Tensor
) -> tuple[float, str]:
    """Return the vector multiply-adds of a convolution (x, y) or its gradients (x, dy and dy, dx), and the kind."""
    out = second
    c, k = first.c // op.groups, second.c // op.groups
    _, _, fh, fw = op.filters
    columns = -(-2 * k // em.lanes) / 2  # a last vector may be computed by half
    if isinstance(op, ops.Conv2d) and not op.depthwise and chosen(em, op, out, first.c, second.c):
        return cost_of(em, fh, edge_of(em, fh, out, c, k), out, c, k), "winograd"
    # Each pixel of dx reads its phase's share of the taps.
    turned = name in ("input gradient", "deconvolution")
    pixels = out.n * out.h * out.w / (op.stride[0] * op.stride[1] if turned else 1)
    kind = "gradient" if name.endswith("weight gradient") else "tiles"
    if op.depthwise:
        return float(pixels * fh * fw * -(-second.c // em.lanes)), kind
    return float(pixels * fh * fw * c * columns * op.groups), kind


def _affine(em: Emitter, name: str, op: ops.Affine) -> float:
    rows, columns = op.weight.shape
    dx = float(rows * columns * -(-em.batch // em.lanes) + TURNED * rows * em.batch)
    if name == "input gradient":
        return dx
    return float(em.batch * rows * -(-columns // em.lanes)) + (dx if name == "both gradients" else 0)


def step_seconds(planned: Planned, figures: Figures, parameters: int = 0, slots: int = 0) -> float:
    """Return the predicted time of a whole step; the update passes over `parameters` values with `slots` arrays each.

    An Affine's share of the update is part of its gradient's call.
    """
    em = planned.emitted
    found = sum(work_of(em, call, slots).seconds(figures, em.item, planned.arena) for call in em.calls)
    moved = parameters * em.item * (3 + 2 * slots)
    return found + moved / (PASSES * figures.bandwidth(moved)) + STEP


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
