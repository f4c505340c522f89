"""What this processor can do at most, measured: multiply-adds in registers, and copies between caches or memory.

`machine_figures` runs two small kernels for a third of a second. The figures are what `tsumiki profile` compares with.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from . import machine, simd
from .machine import arguments, kernel, slots

CHAINS = 12
"""Independent sums: more than latency times throughput of any fused multiply-add unit that we know, and few enough
for 16 registers."""

BYTES = (1 << 17, 1 << 21, 1 << 23, 1 << 25, 1 << 28)
"""Sizes of what is copied: from and to the second-level cache, the third, and memory."""

SPIN = 20_000
"""Rounds of the chains in one unit: about 0.1 ms."""


def _chains(e: simd.Emit, a: list[Any]) -> None:
    """Add products in CHAINS registers, `n` rounds; store their sum. Arguments (n, to)."""
    n, to = a
    half = e.spread(simd.ir.Constant(e.scalar, 0.5), e.scalar)
    sums = e.accumulators(CHAINS)
    with e.loop(n):
        for place in sums:
            e.b.store(e.fma(e.b.load(place), half, half), place)
    total = e.b.load(sums[0])
    for place in sums[1:]:
        total = e.b.fadd(total, e.b.load(place))
    e.store(total, to)


def _copy(e: simd.Emit, a: list[Any]) -> None:
    """y = x / 2: what a pass over memory does at least. Arguments (x, y, vectors)."""
    x, y, n = a
    half, run = e.spread(simd.ir.Constant(e.scalar, 0.5), e.scalar), 4
    with e.loop(e.b.sdiv(n, e.count(run))) as i:
        at = e.mul(i.index, run * simd.VECTOR_BYTES)
        for k in range(run):
            o = e.add(at, k * simd.VECTOR_BYTES)
            e.store(e.b.fmul(e.load(e.add(x, o)), half), e.add(y, o))


chains, halves = simd.emitted(2, _chains), simd.emitted(3, _copy)

X, Y, SIZE, ROUNDS, STEP = slots(5)


@kernel
def measure_fma(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """ROUNDS of CHAINS multiply-adds. Units: as many as wanted; each stores one vector at Y, STEP bytes apart."""
    d = arguments(row)
    chains(real, (d[ROUNDS], d[Y] + unit * d[STEP]))


@kernel
def measure_copy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = x / 2 over SIZE vectors, ROUNDS times. Units: consecutive pieces, STEP bytes apart."""
    d = arguments(row)
    for _ in range(d[ROUNDS]):
        halves(real, (d[X] + unit * d[STEP], d[Y] + unit * d[STEP], d[SIZE]))


def _row(name: str, units: int, **fields: int) -> np.ndarray:
    row = np.zeros((1, machine.SLOTS), np.int64)
    row[0, machine.FUNCTION], row[0, machine.UNITS] = machine.address(name, np.float32), units
    for key, value in fields.items():
        row[0, globals()[key]] = value
    return row


def _best(tape: np.ndarray, threads: int, seconds: float) -> float:
    """Return the least seconds of a run of the tape, over at least three."""
    end, best, runs = time.perf_counter() + seconds, np.inf, 0
    while runs < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        machine.run(tape, threads)
        best, runs = min(best, time.perf_counter() - begin), runs + 1
    return float(best)


def machine_figures(threads: int, seconds: float = 0.05) -> dict[str, Any]:
    """Return peak GFLOP/s, and GB/s of copies (bytes read and written) by size, of so many threads together."""
    lanes = simd.VECTOR_BYTES // 4
    space = np.zeros((2, max(BYTES) // 8 + 64), np.float32)
    x, y = (int(half.ctypes.data) + -int(half.ctypes.data) % 64 for half in space)
    units = 4 * threads
    flops = 2.0 * units * SPIN * CHAINS * lanes
    fma = flops / _best(_row("measure_fma", units, Y=y, ROUNDS=SPIN, STEP=64), threads, seconds)
    copies = []
    for whole in BYTES:
        # `whole` counts source and target; every thread walks over pieces of its own.
        pieces = max(threads, min(16, whole // (1 << 16)))
        piece = whole // 2 // pieces // 256 * 256
        rounds = max(1, (1 << 22) // whole)
        tape = _row("measure_copy", pieces, X=x, Y=y, SIZE=piece // simd.VECTOR_BYTES, STEP=piece, ROUNDS=rounds)
        copies.append(2.0 * piece * pieces * rounds / _best(tape, threads, seconds) / 1e9)
    row = _row("measure_fma", 1, Y=y, ROUNDS=1, STEP=64)
    overhead = _best(np.repeat(row, 100, 0), threads, seconds / 4) / 100
    figures = {"gflops": fma / 1e9, "copy_bytes": list(BYTES), "copy_gb": copies, "row_seconds": overhead}
    return figures | {"vector_bytes": simd.VECTOR_BYTES}
