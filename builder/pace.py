"""Roughly how long each layer takes in a training step on this machine, by arithmetic alone.

    seconds(info, 64, machine())        of one layer, forward and backward, for a batch of 64

For an editor, which shows it at every block with every edit. The time of a whole network is told by the engine's plan
(builder/report/pace.py), which knows what is fused. A layer takes time for its multiply-adds (fewer where Winograd's
algorithm serves), for the memory that its output moves, for its parameters' update, and a little for being there. The
five factors were fitted to eight networks, from an MLP to VGG-16, trained with one thread on a processor of 116 GFLOP/s
per core (tests/benchmarks/train_step.py): the sum meets every one within 20 %.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from schemas.layers.convolution import Convolution

from .cost import LayerInfo

MULTIPLY_ADD = 3.39e-11
WINOGRAD = 2.34e-11
BYTE = 1.24e-10
PARAMETER = 9.25e-10
LAYER = 6.4e-5
"""Seconds of one training step for each multiply-add, byte of output and parameter of a batch, and for each layer."""

LEAST_CHANNELS = 16
"""Channels in and out from which Winograd's algorithm pays."""

ARITHMETIC = 50e9
COPY = 19e9
"""What `machine` found on the processor of the fit: multiply-adds and bytes per second."""


@dataclass(frozen=True)
class Machine:
    """How many times as long arithmetic and memory take here as on the processor of the fit."""

    arithmetic: float = 1.0
    memory: float = 1.0


@cache
def machine() -> Machine:
    """Measure this machine, once, in some 20 ms. Training takes all its cores, which help less than they count."""
    import numpy as np

    # So small that no BLAS shares it out to threads.
    size, rounds = 64, 50
    a, b = np.ones((size, size), np.float32), np.ones((size, size), np.float32)
    out = np.empty_like(a)
    source = np.ones(4 << 20, np.float32)
    target = np.empty_like(source)

    def product() -> None:
        for _ in range(rounds):
            np.dot(a, b, out=out)

    rate = rounds * size**3 / _best(product)
    moved = source.nbytes / _best(lambda: np.copyto(target, source))
    helped = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) ** 0.5
    return Machine(ARITHMETIC / rate / helped, COPY / moved / helped)


def _best(run: Callable[[], None]) -> float:
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def seconds(info: LayerInfo, batch: int, on: Machine) -> float | None:
    """Return the time that one layer takes in a training step of `batch` samples; None where its cost is unknown."""
    if info.multiply_adds is None or info.activation_bytes is None:
        return None
    factor = WINOGRAD if _winograd(info) else MULTIPLY_ADD
    arithmetic = factor * info.multiply_adds * batch
    memory = BYTE * info.activation_bytes * batch + PARAMETER * (info.trainable or 0)
    return arithmetic * on.arithmetic + memory * on.memory + LAYER * on.arithmetic


def _winograd(info: LayerInfo) -> bool:
    layer = info.layer
    if not isinstance(layer, Convolution) or info.output_shape is None:
        return False
    square = layer.kernel_size in ((3, 3), (5, 5)) and layer.stride == (1, 1) == layer.dilation and layer.groups == 1
    taps = layer.kernel_size[0] * layer.kernel_size[1]
    read = (info.weights or 0) // (taps * layer.out_channels)
    return square and min(read, layer.out_channels) >= LEAST_CHANNELS
