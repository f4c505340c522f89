"""Milliseconds of single layers, forward and backward, on one thread; with --torch those of PyTorch beside them.

    python tests/benchmarks/layers.py [--torch]

Each layer stands behind a 1 × 1 convolution, on 4 images of 64 × 56 × 56. The least of many runs counts, so that what
else the machine does matters little. PyTorch's is the better of its two memory formats.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "builder"))  # the harness of the engine's tests
import engine_harness as engine

from builder.kernels import machine

CHANNELS, SIZE, BATCH, RUNS = 64, 56, 4, 25
LAYERS: dict[str, dict[str, Any]] = {
    "depthwise 3 × 3": {"type": "DepthwiseConvolution", "padding": 1},
    "depthwise 5 × 5": {"type": "DepthwiseConvolution", "kernel_size": 5, "padding": 2},
    "deconvolution 4 × 4, stride 2": {
        "type": "Deconvolution", "out_channels": 64, "kernel_size": 4, "stride": 2, "padding": 1
    },
    "LRN": {"type": "LRN"},
    "group normalisation": {"type": "GroupNormalization"},
    "layer normalisation": {"type": "LayerNormalization"},
    "layer normalisation of pixels": {"type": "LayerNormalization", "over": "channels"},
    "unpooling": {"type": "Unpooling"},
    "bilinear": {"type": "Upsample", "mode": "bilinear"},
}  # fmt: skip


def ours(layer: dict[str, Any]) -> tuple[float, float]:
    """Return the milliseconds of the layer's rows of the tape before and behind the loss."""
    first = {"type": "Convolution", "name": "first", "out_channels": CHANNELS, "kernel_size": 1}
    stack = [first, {**layer, "name": "it"}, {"type": "GlobalAveragePooling"}, engine.affine(1), *engine.SQUARED]
    _, made = engine.program((3, SIZE, SIZE), stack, BATCH, dtype=np.dtype("float32"))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((BATCH, 3, SIZE, SIZE), dtype=np.float32)
    engine.fill(made, x, engine.some_targets(made, rng))
    made.run(1)
    least = [float("inf")] * len(made.tape)
    for _ in range(RUNS):
        for i in range(len(made.tape)):
            begin = time.perf_counter()
            machine.run(made.tape[i : i + 1])
            least[i] = min(least[i], time.perf_counter() - begin)
    loss = next(i for i, name in enumerate(made.binder.names) if name == "squared_error")
    calls = made.emitted.calls
    own = [i for i, call in enumerate(made.binder.owners) if call >= 0 and calls[call].layer == "it"]
    return 1e3 * sum(least[i] for i in own if i < loss), 1e3 * sum(least[i] for i in own if i > loss)


def best(call: Callable[[], Any]) -> float:
    """Return the milliseconds of the fastest call."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return 1e3 * min(times)


def theirs(layer: dict[str, Any]) -> tuple[float, float]:
    """Return PyTorch's milliseconds, forward and backward."""
    import torch

    sys.path.insert(0, str(Path(__file__).parents[1] / "exam"))
    from torch_windows import FORWARD, needed

    torch.set_num_threads(1)
    kind = layer["type"]
    shapes = needed(kind, layer, (CHANNELS, SIZE, SIZE)) or {}
    p = {name: torch.randn(*shape, requires_grad=True) for name, shape in shapes.items()}
    found = []
    for form in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(BATCH, CHANNELS, SIZE, SIZE).to(memory_format=form).requires_grad_()
        y = FORWARD[kind](x, layer, p)
        g = torch.ones_like(y)
        with torch.no_grad():
            forward = best(lambda x=x: FORWARD[kind](x, layer, p))
        backward = best(lambda x=x, y=y, g=g: torch.autograd.grad(y, (x, *p.values()), g, retain_graph=True))
        found.append((forward, backward))
    return min(f for f, _ in found), min(b for _, b in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", action="store_true")
    args = parser.parse_args()
    for name, layer in LAYERS.items():
        columns = [*ours(layer), *(theirs(layer) if args.torch else ())]
        print(f"{name:32}" + "".join(f"{ms:10.2f}" for ms in columns), flush=True)


if __name__ == "__main__":
    main()
