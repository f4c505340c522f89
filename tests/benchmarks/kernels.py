"""How near the kernels come to the machine's peak, one thread: convolutions to its multiply-adds, passes to its memory.

    python tests/benchmarks/kernels.py [--seconds S] [WORD ...]

Peak and bandwidth are measured by small kernels of ours in the same run. Rows run in the order of a training step, so
that caches hold what they hold there; times are CPU time, lower quartile. A copy of an array of the passes' size
(NumPy's, which is the C library's) takes turns with them. WORDs choose cases by their titles.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import builder
from builder.compile.work import Figures, works
from builder.kernels import machine
from builder.kernels.peaks import machine_figures
from schemas.training import Momentum

CONVOLUTIONS = ("convolution", "input gradient", "weight gradient")
HEAD = [
    {"type": "GlobalAveragePooling"},
    {"type": "Affine", "out_features": 10},
    {"type": "Softmax"},
    {"type": "CategoricalCrossEntropy"},
]


@dataclass(frozen=True)
class Case:
    """A layer (or several) of interest, named "this", in a network; `before` makes its input need a gradient."""

    title: str
    shape: tuple[int, int, int]
    batch: int
    layers: tuple[dict[str, Any], ...]
    goal: float
    exact: bool = True
    before: bool = True


def conv(channels: int, kernel: int, stride: int = 1, padding: int | None = None) -> tuple[dict[str, Any], ...]:
    padding = kernel // 2 if padding is None else padding
    return (
        {"type": "Convolution", "name": "this", "out_channels": channels, "kernel_size": kernel, "stride": stride}
        | {"padding": padding},
    )


VGG = [(64, 32), (128, 16), (256, 8), (512, 4)]
CASES = [
    *(Case(f"direct {c} to {c}, 3x3", (c, s, s), 32, conv(c, 3), 0.9) for c, s in VGG),
    Case("direct 16 to 16, 3x3", (16, 32, 32), 64, conv(16, 3), 0.9),
    Case("direct 64 to 64, 1x1", (64, 32, 32), 32, conv(64, 1), 0.9),
    Case("direct 24 to 45, 3x3", (24, 45, 37), 32, conv(45, 3), 0.9),
    Case("direct 64 to 128, 3x3, stride 2", (64, 32, 32), 32, conv(128, 3, 2), 0.9),
    Case("first 1 to 16, 5x5", (1, 28, 28), 64, conv(16, 5), 0.6, before=False),
    Case("first 1 to 16, 3x3, wide", (1, 100, 248), 32, conv(16, 3), 0.6, before=False),
    Case("first 3 to 64, 3x3", (3, 32, 32), 32, conv(64, 3), 0.6, before=False),
    Case("first 3 to 96, 11x11, stride 4", (3, 227, 227), 16, conv(96, 11, 4, 0), 0.6, before=False),
    *(Case(f"Winograd {c} to {c}, 3x3", (c, s, s), 32, conv(c, 3), 1.5, exact=False) for c, s in VGG[:3]),
    Case("Winograd 16 to 16, 3x3", (16, 32, 32), 64, conv(16, 3), 1.5, exact=False),
    Case("Winograd 16 to 32, 5x5", (16, 14, 14), 64, conv(32, 5), 1.5, exact=False),
]
PASSES = [
    ("BatchNormalization", "ReLU"),
    ("BatchNormalization", "ReLU", "MaxPooling"),
    ("ReLU", "MaxPooling"),
]


def measured(
    shape: tuple[int, ...],
    layers: Any,
    batch: int,
    exact: bool,
    seconds: float,
    beside: Callable[[], Any] = lambda: None,
) -> tuple[Any, list[float], float]:
    """Return the training program of a network, the seconds of each of its calls, and those of what runs beside it."""
    document = {
        "format": 1,
        "task": "classification",
        "model": {"input": list(shape), "layers": [*layers, *HEAD]},
        "training": {"exact": exact},
    }
    net = builder.compile(document, seed=0, threads=1)
    session = net.session(batch, Momentum(learning_rate=1e-6))
    x = np.random.default_rng(0).standard_normal((batch, *shape), dtype=np.float32)
    session.step(x, np.zeros(batch, np.int64), learning_rate=1e-6)
    program = session.last
    assert program is not None
    rows = [program.tape[i : i + 1] for i in range(len(program.tape))]
    end, rounds = time.perf_counter() + seconds, list[list[int]]()
    while len(rounds) < 5 or time.perf_counter() < end:
        found = []
        for row in rows:
            begin = time.thread_time_ns()
            machine.run(row, 1)
            found.append(time.thread_time_ns() - begin)
        begin = time.thread_time_ns()
        beside()
        rounds.append([*found, time.thread_time_ns() - begin])
    quartile = np.quantile(np.array(rounds, np.float64), 0.25, axis=0) / 1e9
    calls = [0.0] * len(program.emitted.calls)
    *of_rows, of_other = map(float, quartile)
    for owner, row_seconds in zip(program.binder.owners, of_rows, strict=True):
        if owner >= 0:
            calls[owner] += row_seconds
    return program, calls, of_other


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()
    machine_figures(1)  # compiles the kernels
    figures = Figures.of(machine_figures(1, 0.2), 1)
    read, write = figures.read_gb[-1], figures.write_gb[-1]
    print(f"peak {figures.gflops:.0f} GFLOP/s, from memory {read:.1f} GB/s, to memory {write:.1f}")
    print(f"{'share of the peak':34} goal  forward       input gradient  weight gradient")
    for case in CASES:
        if args.words and not any(word in case.title for word in args.words):
            continue
        first = [{"type": "Convolution", "out_channels": case.shape[0], "kernel_size": 1}] if case.before else []
        shape = (3, *case.shape[1:]) if case.before else case.shape
        program, seconds, _ = measured(shape, [*first, *case.layers], case.batch, case.exact, args.seconds)
        texts = {}
        for call, took in zip(program.emitted.calls, seconds, strict=True):
            if call.layer == "this" and call.name in CONVOLUTIONS:
                rate = 2e-9 * case.batch * call.op.multiply_adds / took
                texts[call.name] = f"{rate:4.0f} {100 * rate / figures.gflops:4.0f} %"
        shown = "    ".join(texts.get(name, "").ljust(12) for name in CONVOLUTIONS)
        print(f"{case.title:34} {case.goal:4.0%}  {shown}", flush=True)
    print("share of the speed of a copy (goal 80 %), and of mere reads and writes")
    array, copy = (np.ones((32, 128, 128, 32), np.float32) for _ in range(2))
    for types in PASSES:
        title = ", ".join(types)
        if args.words and not any(word in title for word in args.words):
            continue
        before = {"type": "Convolution", "out_channels": 32, "kernel_size": 1, "bias": False}
        stack = [before, *({"type": t} for t in types)]
        program, seconds, taken = measured((3, 128, 128), stack, 32, True, args.seconds, lambda: np.copyto(copy, array))
        speed = 2 * array.nbytes / taken
        print(f"{'copy beside ' + title:62} {speed / 1e9:5.1f} GB/s")
        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for call, work, took in zip(program.emitted.calls, works(program.emitted), seconds, strict=True):
            if call.layer not in ("Input", "Convolution_1", "GlobalAveragePooling_1") and took > 5e-4:
                at_least = sum(map(figures.seconds, work.moves))
                sums[call.name] = [a + b for a, b in zip(sums[call.name], (work.bytes, at_least, took), strict=True)]
        for name, (moved, least, took) in sums.items():
            shares = f"{moved / took / speed:5.0%} {least / took:5.0%}"
            print(f"{title + ': ' + name:62} {moved / took / 1e9:5.1f} GB/s {shares}", flush=True)


if __name__ == "__main__":
    main()
