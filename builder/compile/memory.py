"""Predicted peak memory of a training process, by the same plan that will run, without loading a kernel."""

from __future__ import annotations

import math

from .layouts import layout_of
from .lower import Checked, Lowered, lower
from .plan import plan

BASELINE = 130 << 20
"""Bytes of the process itself: interpreter, NumPy and LLVM's linker with the kernels loaded (measured, see
tests/benchmarks/memory.py)."""

STATES = {"SGD": 0, "Momentum": 1, "Nesterov": 1, "Adam": 2, "AdamW": 2, "RMSprop": 1, "AdaGrad": 1}
"""Arrays of the parameters' size that an optimizer keeps."""

COMFORT = 64 << 20
"""Bytes of values that evaluation may hold at once."""

VECTOR_BYTES = 64
ITEM = 4


def parameter_bytes(graph: Lowered) -> int:
    """Return the bytes of all parameters in the kernels' layouts."""
    lanes = VECTOR_BYTES // ITEM
    own = {id(p) for p in graph.parameters.values()}
    held = [(node.op, p) for node in graph.nodes for p in node.op.parameters if id(p) in own]
    return sum(layout_of(op, p, lanes).size * ITEM for op, p in held)


def use_batch(graph: Lowered, limit: int) -> int:
    """Return how many samples predict and evaluate take at once: at most `limit`, fewer where images are large.

    The two largest values of a batch stay below COMFORT; more would only cost memory, not save time.
    """
    sizes = sorted(math.prod(node.op.shape) * ITEM for node in graph.nodes)
    return max(1, min(limit, COMFORT // max(1, sum(sizes[-2:]))))


def peak_bytes(
    checked: Checked,
    batch_size: int,
    optimizer: str = "Adam",
    accumulate: int = 1,
    data_bytes: int = 0,
    evaluation_batch_size: int = 256,
) -> int:
    """Return the predicted peak memory in bytes of training at these batch sizes, data included."""
    graph = lower(checked)
    train = plan(graph, batch_size, "train", ITEM, VECTOR_BYTES).arena
    samples = use_batch(graph, evaluation_batch_size)
    use = plan(graph, samples, "evaluate", ITEM, VECTOR_BYTES).arena
    copies = 2 + STATES.get(optimizer, 2) + (accumulate > 1)
    feeds = (batch_size + samples) * math.prod(graph.input.op.shape) * ITEM
    return BASELINE + copies * parameter_bytes(graph) + train + use + feeds + data_bytes
