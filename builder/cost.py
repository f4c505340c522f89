"""What a network costs before it is trained: parameters, multiply-adds, activations, and the memory of training.

All figures are per sample and in float32 unless they say otherwise, and all are arithmetic: nothing is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from schemas import ops
from schemas.layer import Layer
from schemas.shapes import Shape, elements

FLOAT = 4
"""Bytes of one float32 value."""

PROCESS_BYTES = 150 * 2**20
"""Memory of the training process before it holds any array: Python, NumPy and the loaded kernels."""

SLOTS = {"SGD": 0, "Momentum": 1, "Nesterov": 1, "RMSprop": 1, "AdaGrad": 1, "Adam": 2, "AdamW": 2}
"""Arrays of the parameters' size that each optimizer keeps."""


@dataclass(frozen=True)
class LayerInfo:
    """One layer of the expanded network and its cost; None where the shape is unknown.

    `parameters` counts what is trained when the layer is not frozen: weights, biases, and BatchNormalization's gamma
    and beta. `statistics` (running mean and variance) are kept but never trained. `multiply_adds` is the forward pass
    of one sample. `activation_bytes` is the output of one sample in float32.
    """

    name: str
    type: str
    pointer: str
    inputs: tuple[str | None, ...]
    output_shape: Shape | None
    layer: Layer | None
    parameters: int | None = None
    weights: int | None = None
    biases: int | None = None
    statistics: int | None = None
    trainable: int | None = None
    multiply_adds: int | None = None
    activation_bytes: int | None = None
    share: str | None = None
    """The layer whose parameters it uses; they are counted there."""
    receptive_field: tuple[int, int] | None = None
    """Rows and columns of the input that one output value can depend on; None for layers after Affine and the like."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "inputs": list(self.inputs),
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "parameters": self.parameters,
            "weights": self.weights,
            "biases": self.biases,
            "multiply_adds": self.multiply_adds,
            "activation_bytes": self.activation_bytes,
        }


@dataclass(frozen=True)
class View:
    """How far one value sees: rows and columns of the input, and the input's pixels from one value to the next, which
    are less than one where an image is larger than the input."""

    size: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1))
    step: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1))

    @property
    def pixels(self) -> tuple[int, int]:
        """Whole rows and columns."""
        return math.ceil(self.size[0]), math.ceil(self.size[1])


def measure(
    name: str,
    kind: str,
    pointer: str,
    inputs: Sequence[str],
    layer: Layer,
    shape: Shape,
    given: Sequence[Shape],
    share: str | None = None,
) -> tuple[LayerInfo, tuple[ops.Op, ...]]:
    """Return a layer's cost, and the operations that it is made of, for inputs of the given shapes.

    Parameters that it shares with the layer `share` are counted there.
    """
    values = [ops.value(s) for s in given]
    made = tuple(op for op in ops.walk([layer.lower(*values)], values) if not isinstance(op, ops.Input))
    held = [p for op in made for p in op.parameters if share is None]
    trained = [p for p in held if not p.statistic]
    info = LayerInfo(
        name,
        kind,
        pointer,
        tuple(inputs),
        shape,
        layer,
        parameters=sum(p.size for p in trained),
        weights=sum(p.size for p in trained if p.kind == "weight"),
        biases=sum(p.size for p in trained if p.kind == "bias"),
        statistics=sum(p.size for p in held if p.statistic),
        trainable=sum(p.size for p in trained if p.trainable),
        multiply_adds=sum(op.multiply_adds for op in made),
        activation_bytes=FLOAT * elements(shape),
        share=share,
    )
    return info, made


def view(made: Iterable[ops.Op], given: Sequence[View | None]) -> View | None:
    """Return how far the output of these operations sees, or None where it sees all of the input.

    Araujo, Norris and Sim 2019, "Computing receptive fields": a window of k adds (k - 1) steps and multiplies the step.
    What enlarges an image divides the step, and an output reads as many values as the filter meets.
    """
    if not given or any(v is None for v in given):
        return None
    seen = [v for v in given if v is not None]
    size = (max(v.size[0] for v in seen), max(v.size[1] for v in seen))
    step = (max(v.step[0] for v in seen), max(v.step[1] for v in seen))
    for op in made:
        moved = isinstance(op, ops.MatMul | ops.Transpose) or (isinstance(op, ops.Reduce) and op.axes != (0,))
        if moved or isinstance(op, ops.Affine | ops.GlobalAveragePool | ops.Reshape):
            return None
        if isinstance(op, ops.Normalize) and op.groups is not None:
            return None
        factor = _factor(op)
        if factor is None:
            continue
        reach = _reach(op)
        size = (size[0] + reach[0] * step[0], size[1] + reach[1] * step[1])
        step = (step[0] * factor[0], step[1] * factor[1])
    return View(size, step)


def _factor(op: ops.Op) -> tuple[Fraction, Fraction] | None:
    """Return the values of the input from one output to the next; None for operations that keep every value's place."""
    if isinstance(op, ops.Conv2d | ops.MaxPool2d | ops.AveragePool2d):
        return Fraction(op.stride[0]), Fraction(op.stride[1])
    if isinstance(op, ops.Deconv2d):
        return Fraction(1, op.stride[0]), Fraction(1, op.stride[1])
    if isinstance(op, ops.Resample):
        before, after = op.inputs[0].shape, op.shape
        return Fraction(before[-2], after[-2]), Fraction(before[-1], after[-1])
    return None


def _reach(op: ops.Op) -> tuple[int, int]:
    """Return the values beside the first one that an output reads along each axis."""
    if isinstance(op, ops.MaxPool2d | ops.AveragePool2d):
        return op.kernel[0] - 1, op.kernel[1] - 1
    if isinstance(op, ops.Conv2d):
        return (op.filters[2] - 1) * op.dilation[0], (op.filters[3] - 1) * op.dilation[1]
    if isinstance(op, ops.Deconv2d):
        rows, columns = ((op.filters[2 + a] - 1) * op.dilation[a] // op.stride[a] for a in (0, 1))
        return rows, columns
    more = int(isinstance(op, ops.Resample) and op.mode == "bilinear")
    return more, more


def totals(layers: Iterable[LayerInfo]) -> dict[str, int]:
    """Return the sums over all layers whose shape is known."""
    known = [info for info in layers if info.output_shape is not None]
    sums = {
        key: sum(getattr(info, key) or 0 for info in known)
        for key in ("parameters", "weights", "biases", "statistics", "trainable", "multiply_adds", "activation_bytes")
    }
    sums["frozen"] = sums["parameters"] - sums["trainable"]
    return sums


@dataclass(frozen=True)
class Settings:
    """What of the training section decides how much memory it takes; defaults where it says nothing, or nonsense."""

    batch: int = 64
    evaluation: int = 256
    optimizer: str = "Adam"
    accumulate: int = 1

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Settings:
        """Return the settings of a document that may be broken."""
        section = document.get("training")
        section = section if isinstance(section, Mapping) else {}
        optimizer = section.get("optimizer")
        kind = optimizer.get("type") if isinstance(optimizer, Mapping) else None
        return cls(
            _count(section.get("batch_size"), cls.batch),
            _count(section.get("evaluation_batch_size"), cls.evaluation),
            kind if isinstance(kind, str) and kind in SLOTS else cls.optimizer,
            _count(section.get("accumulate"), cls.accumulate),
        )


def _count(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65_536 else default


def estimate(layers: Sequence[LayerInfo], input_shape: Shape, settings: Settings) -> int:
    """Return roughly how many bytes training takes at its peak.

    Parameters and their gradients once each, the optimizer's slots, for each activation its value and its gradient, and
    beside them the two largest activations in a row of an evaluation, which reuses its memory.
    """
    sums = totals(layers)
    held = sums["parameters"] * (2 + SLOTS[settings.optimizer] + (settings.accumulate > 1)) + sums["statistics"]
    inputs = (settings.batch + settings.evaluation) * elements(input_shape)
    widest = max((info.activation_bytes or 0 for info in layers), default=0)
    activations = 2 * settings.batch * sums["activation_bytes"] + 2 * settings.evaluation * widest
    return FLOAT * (held + inputs) + activations + PROCESS_BYTES


@cache
def machine_bytes() -> int:
    """Return the memory that this process may use: the machine's, or less where a container is limited."""
    import psutil

    total = int(psutil.virtual_memory().total)
    limits = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
    for path in limits:
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total
