"""Health of the layers in numbers: histograms of weights, activations and gradients, and the share of dead ReLUs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .probe import ROOM, layer_names, shape_of, values

if TYPE_CHECKING:
    from builder.network import Network

BINS = 40
RECTIFIERS = ("ReLU", "ReLU6")
"""Layers whose units can die: below zero they give nothing, and learn nothing."""
FLAT = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0)}
"""Layers with flat ends, and the values there."""
NEAR = 0.02
"""Share of the range from its ends within which a value counts as being there: the slope is a tenth or less."""


def histogram(numbers: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Return counts and edges of the finite values, with mean, deviation, range, zeros, and how many are not finite.

    >>> found = histogram(np.array([0.0, 1.0, 1.0]), bins=2)
    >>> found["counts"].tolist(), found["edges"].tolist(), round(found["zeros"], 2)
    ([1, 2], [0.0, 0.5, 1.0], 0.33)
    """
    flat = np.asarray(numbers).reshape(-1)
    good = flat[np.isfinite(flat)].astype(np.float64)
    lost = int(flat.size - good.size)
    if not good.size:
        return {"counts": np.zeros(bins, np.int64), "edges": np.linspace(0, 1, bins + 1), "not_finite": lost,
                "mean": None, "std": None, "min": None, "max": None, "zeros": 0.0}  # fmt: skip
    low, high = float(good.min()), float(good.max())
    # Of equal values, and where neighbouring edges would be one number, NumPy makes no bins.
    narrow = high - low <= 1e-9 * max(abs(low), abs(high))
    span = (low - 0.5 * max(abs(low), 1), high + 0.5 * max(abs(high), 1)) if narrow else (low, high)
    counts, edges = np.histogram(good, bins, span)
    return {
        "counts": counts,
        "edges": edges,
        "not_finite": lost,
        "mean": float(good.mean()),
        "std": float(good.std()),
        "min": low,
        "max": high,
        "zeros": float((good == 0).mean()),
    }


def dead_units(activations: np.ndarray) -> dict[str, Any]:
    """Return which units of a ReLU (N, C, ...) give nothing for any sample at any pixel, and their share."""
    units = activations.reshape(len(activations), activations.shape[1], -1)
    dead = np.flatnonzero((units <= 0).all(axis=(0, 2)))
    return {"units": activations.shape[1], "dead": dead, "share": len(dead) / activations.shape[1]}


def saturated(activations: np.ndarray, low: float, high: float) -> float:
    """Return the share of values that lie at the ends of the range from `low` to `high`.

    >>> saturated(np.array([0.001, 0.5, 0.999, 0.6]), 0, 1)
    0.5
    """
    margin = NEAR * (high - low)
    return float(((activations < low + margin) | (activations > high - margin)).mean())


def layer_statistics(net: Network, x: Any, t: Any = None, bins: int = BINS) -> list[dict[str, Any]]:
    """Return for each layer {"layer", "type", "shape", "weight", "activation", "gradient", "dead", "saturated"}.

    Weights are all that the layer trains; activations are those of samples x in use; gradients are d loss / d weights
    of x, t as in training, None without targets. "dead" is None where the layer is no ReLU, "saturated" where it is no
    Sigmoid or Tanh.
    """
    names = layer_names(net)
    slopes = net.gradient(x, t) if t is not None else {}
    types = {info.name: info.type for info in net.report.layers}
    rows = []
    for name, seen in _by_layer(net, x, names):
        trained = [net.params[key] for key, p in net.parameters if _of(key, name) and not p.statistic]
        slope = [value for key, value in slopes.items() if _of(key, name)]
        rows.append(
            {
                "layer": name,
                "type": types[name],
                "shape": shape_of(net, name),
                "weight": histogram(_joined(trained), bins) if trained else None,
                "activation": histogram(seen, bins),
                "gradient": histogram(_joined(slope), bins) if slope else None,
                "dead": dead_units(seen) if types[name] in RECTIFIERS else None,
                "saturated": saturated(seen, *FLAT[types[name]]) if types[name] in FLAT else None,
            }
        )
    return rows


def _by_layer(net: Network, x: Any, names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each layer's values, of as many layers at a time as there is room for."""
    group: list[str] = []
    size = 0
    for name in names:
        more = len(x) * math.prod(shape_of(net, name)) * 4
        if group and size + more > ROOM:
            yield from values(net, x, group).items()
            group, size = [], 0
        group.append(name)
        size += more
    yield from values(net, x, group).items()


def _of(key: str, layer: str) -> bool:
    return key.rpartition("/")[0] == layer


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([a.reshape(-1) for a in arrays])
