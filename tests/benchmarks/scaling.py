"""How the time of a training step grows with batch, pixels, channels and depth, and the exponent of the fit.

    python tests/benchmarks/scaling.py [--threads T] [--seconds S]

Time = a * size^b is fitted by least squares of the logarithms; b is at most 1 where the growth is no worse than linear.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

import builder
from builder.report.profile import profile

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
    "batch": ("samples", (8, 16, 32, 64, 128), lambda n: (stack(), n, n)),
    "pixels": ("pixels", (12, 16, 24, 32, 48, 64), lambda n: (stack(size=n), 16, n * n)),
    "channels": ("in x out", (16, 32, 64, 128), lambda n: (stack(channels=n, first=n), 16, n * n)),
    "depth": ("convolutions", (2, 4, 8, 16), lambda n: (stack(depth=n), 16, n)),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1)
    args = parser.parse_args()
    for axis, (unit, steps, make) in AXES.items():
        sizes, times = [], []
        for step in steps:
            document, batch, size = make(step)
            net = builder.compile(document, seed=0, threads=args.threads)
            sizes.append(size)
            times.append(profile(net, batch, seconds=args.seconds, again=False)["step_ms"])
        exponent = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        told = ", ".join(f"{size:g}: {ms:.2f}" for size, ms in zip(sizes, times, strict=True))
        print(f"{axis:9} ms by {unit}: {told}   exponent {exponent:.2f}", flush=True)


if __name__ == "__main__":
    main()
