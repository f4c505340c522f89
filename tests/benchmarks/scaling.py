"""How the time of a training step grows with batch, pixels, channels and depth, and the exponent of the fit.

    python tests/benchmarks/scaling.py [AXIS ...] [--threads T] [--rounds R] [--seconds S]

Time = a * size^b is fitted by least squares of the logarithms of the least times of the rounds, which take turns with
the sizes: b is at most 1 where the growth is no worse than linear. Behind the exponent stands its standard error, and
the fit of the machine's own prediction (builder/compile/work.py), which knows caches but no kernels. Where memory
does not fit into a cache any more, time jumps: with each size stand the arena and the exponent from the size before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import builder
from builder.compile.figures import figures
from builder.compile.work import step_seconds
from builder.report.profile import example
from schemas.training import Momentum

Layers = list[dict[str, Any]]


def stack(channels: int = 32, size: int = 32, depth: int = 2, first: int = 32) -> dict[str, Any]:
    """Return a document of `depth` convolutions with normalisation and ReLU on size x size images."""
    block: Layers = [{"type": "BatchNormalization"}, {"type": "ReLU"}]
    layers: Layers = []
    for _ in range(depth):
        layers += [{"type": "Convolution", "out_channels": channels, "kernel_size": 3, "padding": 1}, *block]
    layers += [{"type": "GlobalAveragePooling"}, {"type": "Affine", "out_features": 10}]
    return {"format": 1, "task": "classification", "model": {"input": [first, size, size], "layers": layers}}


AXES: dict[str, tuple[str, tuple[int, ...], Callable[[int], tuple[dict[str, Any], int, float]]]] = {
    "batch": ("samples", (8, 12, 16, 24, 32, 48, 64, 96, 128), lambda n: (stack(), n, n)),
    "pixels": ("pixels", (12, 16, 20, 24, 32, 40, 48, 64), lambda n: (stack(size=n), 16, n * n)),
    "channels": ("in x out", (16, 24, 32, 48, 64, 96, 128), lambda n: (stack(channels=n, first=n), 16, n * n)),
    "depth": ("convolutions", (2, 3, 4, 6, 8, 12, 16), lambda n: (stack(depth=n), 16, n)),
}


class Step:
    """A training step on random data."""

    def __init__(self, document: dict[str, Any], batch: int, threads: int) -> None:
        net = builder.compile(document, seed=0, threads=threads)
        self.session, self.data = net.session(batch, Momentum(learning_rate=1e-6)), example(net, batch)
        self.least(0.0)
        assert self.session.last is not None
        self.planned = self.session.last.planned

    def least(self, seconds: float) -> float:
        """Return the least seconds of a step over so many seconds."""
        taken, end = [], time.perf_counter() + seconds
        while not taken or time.perf_counter() < end:
            begin = time.perf_counter()
            self.session.step(*self.data, learning_rate=0.0)
            taken.append(time.perf_counter() - begin)
        return min(taken)


def fit(sizes: list[float], times: list[float]) -> tuple[float, float]:
    """Return the exponent and its standard error."""
    x, y = np.log(sizes), np.log(times)
    (b, _), residuals, *_ = np.polyfit(x, y, 1, full=True)
    spread = float(((x - x.mean()) ** 2).sum())
    return float(b), float(np.sqrt(residuals[0] / max(1, len(x) - 2) / spread))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("axes", nargs="*", choices=[[], *AXES])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a size in a round")
    args = parser.parse_args()
    found = figures(args.threads, again=True)
    for axis in args.axes or AXES:
        unit, numbers, make = AXES[axis]
        cases = [make(number) for number in numbers]
        made = [Step(document, batch, args.threads) for document, batch, _ in cases]
        sizes, least = [size for *_, size in cases], [np.inf] * len(cases)
        for _ in range(args.rounds):
            least = [min(before, step.least(args.seconds)) for before, step in zip(least, made, strict=True)]
        predicted = [step_seconds(step.planned.emitted, found) for step in made]
        (b, error), (physics, _) = fit(sizes, least), fit(sizes, predicted)
        print(f"{axis:9} exponent {b:.2f} ± {error:.2f}   predicted {physics:.2f}   threads {args.threads}")
        for k, (size, seconds) in enumerate(zip(sizes, least, strict=True)):
            local = np.log(seconds / least[k - 1]) / np.log(size / sizes[k - 1]) if k else np.nan
            told = "" if k == 0 else f"   exponent {local:.2f}"
            held = f"arena {made[k].planned.arena / 2**20:6.1f} MB"
            print(f"    {size:6g} {unit:12} {1e3 * seconds:8.3f} ms   {held}{told}", flush=True)


if __name__ == "__main__":
    main()
