"""What this processor does, measured: multiply-adds in registers and in register tiles, reads and writes by distance.

`machine_figures` runs small kernels for about a second. The figures are what `tsumiki profile` compares with and what
the time of a step is predicted from (compile/work.py), so they are those of a usual moment, medians: a virtual machine
has others beside it, and the best moment of a processor is not what a step of a tenth of a second gets.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from . import machine, simd
from .machine import arguments, kernel, slots

CHAINS = 12
"""Independent sums: more than latency times throughput of any fused multiply-add unit that we know, and few enough
for 16 registers."""

ROWS, COLUMNS = (6, 4) if simd.VECTOR_BYTES == 64 else (6, 2)
"""Values and vectors of a register tile, as convolutions have them."""

DEPTH = 256
"""Rows of a tile's weights: they come from the second-level cache."""

BYTES = (1 << 17, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23, 1 << 25, 1 << 26, 1 << 28)
"""Sizes over which is read and written again and again: those of caches, and memory."""

OWN = 1 << 19
"""Bytes of working memory that a thread has for itself, in its second-level cache."""

SPIN = 20_000
"""Rounds of the chains in one unit: about 0.1 ms."""

RUN = 8
"""Vectors of one round of reads or writes."""


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


def _tile(e: simd.Emit, a: list[Any]) -> None:
    """Multiply ROWS values of x by COLUMNS vectors of w, n times. Arguments (x, w, n, to)."""
    x, w, n, to = a
    sums = e.accumulators(ROWS * COLUMNS)
    with e.loop(n) as i:
        at = e.add(w, e.mul(i.index, COLUMNS * simd.VECTOR_BYTES))
        ws = [e.load(e.add(at, q * simd.VECTOR_BYTES)) for q in range(COLUMNS)]
        for r in range(ROWS):
            value = e.broadcast(e.add(x, e.mul(e.add(e.mul(i.index, ROWS), r), e.size)))
            for q in range(COLUMNS):
                place = sums[r * COLUMNS + q]
                e.b.store(e.fma(value, ws[q], e.b.load(place)), place)
    for k, place in enumerate(sums):
        e.store(e.b.load(place), e.add(to, k * simd.VECTOR_BYTES))


def _read(e: simd.Emit, a: list[Any]) -> None:
    """Add up all vectors. Arguments (x, vectors, to)."""
    x, n, to = a
    sums = e.accumulators(RUN)
    with e.loop(e.b.sdiv(n, e.count(RUN))) as i:
        at = e.add(x, e.mul(i.index, RUN * simd.VECTOR_BYTES))
        for k, place in enumerate(sums):
            e.b.store(e.b.fadd(e.b.load(place), e.load(e.add(at, k * simd.VECTOR_BYTES))), place)
    total = e.b.load(sums[0])
    for place in sums[1:]:
        total = e.b.fadd(total, e.b.load(place))
    e.store(total, to)


def _write(e: simd.Emit, a: list[Any]) -> None:
    """Write zeros. Arguments (y, vectors)."""
    y, n = a
    with e.loop(e.b.sdiv(n, e.count(RUN))) as i:
        at = e.add(y, e.mul(i.index, RUN * simd.VECTOR_BYTES))
        for k in range(RUN):
            e.store(e.zero, e.add(at, k * simd.VECTOR_BYTES))


chains, tile = simd.emitted(2, _chains), simd.emitted(4, _tile)
reads, writes = simd.emitted(3, _read), simd.emitted(2, _write)

X, Y, TO, SIZE, ROUNDS, STEP = slots(6)


@kernel
def measure_fma(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """ROUNDS of CHAINS multiply-adds. Units: as many as wanted; each stores one vector at Y, STEP bytes apart."""
    d = arguments(row)
    chains(real, (d[ROUNDS], d[Y] + unit * d[STEP]))


@kernel
def measure_tile(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """ROUNDS of a register tile of depth SIZE, from X and Y. Units: as many as wanted; each stores STEP bytes apart."""
    d = arguments(row)
    for _ in range(d[ROUNDS]):
        tile(real, (d[X], d[Y], d[SIZE], d[TO] + unit * d[STEP]))


@kernel
def measure_read(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Sums over SIZE vectors, ROUNDS times. Units: consecutive pieces, STEP bytes apart; each stores a vector at TO."""
    d = arguments(row)
    for _ in range(d[ROUNDS]):
        reads(real, (d[X] + unit * d[STEP], d[SIZE], d[TO] + unit * simd.VECTOR_BYTES))


@kernel
def measure_write(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Zeros in SIZE vectors, ROUNDS times. Units: consecutive pieces, STEP bytes apart."""
    d = arguments(row)
    for _ in range(d[ROUNDS]):
        writes(real, (d[X] + unit * d[STEP], d[SIZE]))


def _row(name: str, units: int, **fields: int) -> np.ndarray:
    row = np.zeros((1, machine.SLOTS), np.int64)
    row[0, machine.FUNCTION], row[0, machine.UNITS] = machine.address(name, np.float32), units
    for key, value in fields.items():
        row[0, globals()[key]] = value
    return row


def _usual(threads: int, seconds: float, *tapes: np.ndarray) -> list[float]:
    """Return the median seconds of a run of each tape, over at least five; they take turns."""
    end, taken = time.perf_counter() + seconds, [list[float]() for _ in tapes]
    while len(taken[0]) < 5 or time.perf_counter() < end:
        for tape, times in zip(tapes, taken, strict=True):
            begin = time.perf_counter()
            machine.run(tape, threads)
            times.append(time.perf_counter() - begin)
    return [statistics.median(times) for times in taken]


def _moved(whole: int, threads: int, seconds: float, x: int, to: int) -> tuple[float, float]:
    """Return GB/s of reads and of writes over `whole` bytes in turns, each piece by whichever thread comes first.

    So what is read was written just now, perhaps by another thread, as between two operations of a step.
    """
    pieces = max(threads, min(16, whole >> 14))
    piece = whole // pieces // (RUN * simd.VECTOR_BYTES) * RUN * simd.VECTOR_BYTES
    rounds = max(1, (1 << 22) // whole)
    write, read = (
        _row(f"measure_{name}", pieces, X=x, TO=to, SIZE=piece // simd.VECTOR_BYTES, STEP=piece, ROUNDS=1)
        for name in ("write", "read")
    )
    moved = piece * pieces * rounds / 1e9
    if rounds == 1:
        to_write, to_read = _usual(threads, 2 * seconds, write, read)
        return moved / to_read, moved / to_write
    # A run of the tape would take longer to begin than these.
    turns = np.tile(np.concatenate([write, read]), (rounds, 1))
    alone, both = _usual(threads, 2 * seconds, np.repeat(write, rounds, 0), turns)
    return moved / max(both - alone, both / 8), moved / alone


def _own(name: str, threads: int, seconds: float, x: int, to: int) -> float:
    """Return GB/s of reads or writes of all threads, each over memory of its own."""
    rounds, units = 8, 2 * threads
    row = _row(name, units, X=x, TO=to, SIZE=OWN // simd.VECTOR_BYTES, STEP=OWN, ROUNDS=rounds)
    return OWN * units * rounds / _usual(threads, seconds, row)[0] / 1e9


def machine_figures(threads: int, seconds: float = 0.04, space: np.ndarray | None = None) -> dict[str, Any]:
    """Return GFLOP/s of multiply-adds in registers and in register tiles, and GB/s of reads and writes by size and of
    each thread's own memory, all of so many threads together.

    `space` is zeroed memory to measure in, max(BYTES) and a little more.
    """
    lanes = simd.VECTOR_BYTES // 4
    space = np.zeros(max(BYTES) + (1 << 20), np.uint8) if space is None else space
    x = int(space.ctypes.data) + -int(space.ctypes.data) % 64
    to, w = x + max(BYTES), x + (1 << 16)
    units = 4 * threads
    flops = 2.0 * units * SPIN * CHAINS * lanes
    fma = flops / _usual(threads, 2 * seconds, _row("measure_fma", units, Y=to, ROUNDS=SPIN, STEP=64))[0]
    flops = 2.0 * units * SPIN * ROWS * COLUMNS * lanes
    tiles = _row("measure_tile", units, X=x, Y=w, TO=to, SIZE=DEPTH, ROUNDS=SPIN // DEPTH, STEP=4096)
    tiled = flops * (SPIN // DEPTH * DEPTH / SPIN) / _usual(threads, 4 * seconds, tiles)[0]
    read, write = zip(*(_moved(size, threads, seconds / 2, x, to) for size in BYTES), strict=True)
    own = [_own(name, threads, seconds / 2, x, to) for name in ("measure_read", "measure_write")]
    return {
        "gflops": fma / 1e9,
        "tile_gflops": tiled / 1e9,
        "bytes": list(BYTES),
        "read_gb": list(read),
        "write_gb": list(write),
        "own_gb": own,
        "vector_bytes": simd.VECTOR_BYTES,
    }
