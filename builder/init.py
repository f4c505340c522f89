"""`tsumiki init DATA`: look at data and write a document that trains well enough to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.shapes import shape_text

SMALLEST_IMAGE = 4
"""Pixels below which an image is treated as a row of numbers: no window fits twice."""

LARGEST_ROW = 8192
"""Values that may enter the last Affine; beyond, each channel is averaged first, which saves millions of weights."""


def default_name(data: str) -> str:
    """Return the name of a document about `data`: the file's or folder's own, without its ending."""
    return Path(data).resolve().stem or "network"


def init(data: str | Path, target: str | None = None, base: str | Path = ".") -> dict[str, Any]:
    """Return a document for a csv file, an npz file, a folder or a builtin data set, its paths relative to `base`.

    Images get a convolutional stack, everything else Affine layers; head and loss are the task's. `target` names the
    column of a table to predict. Raises UsageError or DataError when the data cannot be used.
    """
    from .data import suggest

    found = suggest(data, base, target)
    shape = tuple(found["input"]) if found["input"] else None
    model: dict[str, Any] = {"input": list(shape)} if shape else {}
    outputs = found["classes"] if found["task"] == "classification" else found["targets"] or 1
    layers = stack(shape, found["task"], outputs)
    return {
        "format": 1,
        "name": found["name"],
        "task": found["task"],
        "description": _describe(found, shape),
        "model": {**model, "layers": layers},
        "data": found["data"],
        "training": settings(found["samples"] or 0, found["task"]),
    }


def stack(shape: tuple[int, ...] | None, task: str, outputs: int | None) -> list[dict[str, Any]]:
    """Return layers that suit samples of this shape, with the task's head and loss.

    Without `outputs` they end before the head: the check fills it in as soon as the labels are known.
    """
    return _stack(shape or (1,)) + (_head(task, outputs) if outputs is not None else [])


def _stack(shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return the hidden layers for samples of this shape."""
    if len(shape) != 3 or min(shape[1:]) < SMALLEST_IMAGE:
        values = 1
        for size in shape:
            values *= size
        wide = 16
        while wide < min(2 * values, 128):
            wide *= 2
        return [*_affine(wide), *_affine(wide // 2)]
    layers: list[dict[str, Any]] = []
    _, height, width = shape
    channels = 16
    while min(height, width) >= SMALLEST_IMAGE and channels <= 128:
        # An odd size leaves a row or column over; rounding up keeps it.
        pooling = {"type": "MaxPooling", **({"ceil_mode": True} if height % 2 or width % 2 else {})}
        layers += [
            {"type": "Convolution", "out_channels": channels, "kernel_size": 3, "padding": 1},
            {"type": "BatchNormalization"},
            {"type": "ReLU"},
            pooling,
        ]
        height, width, channels = -(-height // 2), -(-width // 2), channels * 2
    if channels // 2 * height * width > LARGEST_ROW:
        layers.append({"type": "GlobalAveragePooling"})
    return layers


def _affine(out_features: int) -> list[dict[str, Any]]:
    return [{"type": "Affine", "out_features": out_features}, {"type": "ReLU"}]


def _head(task: str, outputs: int) -> list[dict[str, Any]]:
    """Return output and loss layers of the task."""
    ends = {
        "binary": ("Sigmoid", "BinaryCrossEntropy"),
        "classification": ("Softmax", "CategoricalCrossEntropy"),
        "regression": ("SquaredError",),
    }
    last = {"type": "Affine", "out_features": outputs}
    return [last, *({"type": kind} for kind in ends[task])]


def settings(samples: int, task: str) -> dict[str, Any]:
    """Return settings that suit the number of samples: small data need small batches and many epochs."""
    sizes = ((200, 100, 16), (1_000, 60, 32), (5_000, 30, 64), (50_000, 15, 64))
    epochs, batch_size = next(((e, b) for most, e, b in sizes if samples < most), (10, 128))
    rate = 0.01 if task == "regression" else 0.003 if samples < 5_000 else 0.001
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": {"type": "Adam", "learning_rate": rate},
        "schedule": {"type": "Cosine"},
        "seed": 0,
    }


def _describe(found: dict[str, Any], shape: tuple[int, ...] | None) -> str:
    parts = [f"{found['samples']:,} samples"] if found["samples"] else []
    if shape:
        parts.append(f"{shape_text(shape)} values each")
    if found["classes"]:
        parts.append(f"{found['classes']} classes")
    return f"Made by tsumiki init: {found['task']}, " + ", ".join(parts or ["data to be seen at training"]) + "."
