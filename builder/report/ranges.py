"""Value ranges of data as the network sees them: column by column of a table, channel by channel of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from builder.data.part import Part

MOST = 2048
"""Samples that are looked at, spread evenly over the part."""


def some(part: Part, most: int = MOST) -> np.ndarray:
    """Return up to `most` samples (n, ...) float32 of a part after preprocessing, spread evenly over it."""
    places = np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).astype(np.int64))
    return np.asarray(part.read(places)[0])


def ranges(x: np.ndarray, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return {"name", "least", "most", "mean", "std"} for each column of x (n, F), or each channel of x (n, C, H, W).

    A column without a name gets its number, counted from 1. Values that are not finite are left out.

    >>> ranges(np.array([[1.0, 5.0], [3.0, 5.0]]), ["a"])[0]
    {'name': 'a', 'least': 1.0, 'most': 3.0, 'mean': 2.0, 'std': 1.0}
    >>> ranges(np.array([[1.0, 5.0], [3.0, 5.0]]), ["a"])[1]["name"]
    '2'
    """
    found: list[dict[str, Any]] = []
    for k in range(x.shape[1]):
        values = x[:, k].astype(np.float64).reshape(-1)
        values = values[np.isfinite(values)]
        name = names[k] if names is not None and k < len(names) else str(k + 1)
        if not values.size:
            found.append({"name": name, "least": None, "most": None, "mean": None, "std": None})
            continue
        found.append(
            {
                "name": name,
                "least": float(values.min()),
                "most": float(values.max()),
                "mean": float(values.mean()),
                "std": float(values.std()),
            }
        )
    return found


def spread(targets: np.ndarray, count: int) -> np.ndarray:
    """Return up to `count` positions (in order) that show every class as evenly as it can be: one of each in turn.

    `targets` are class indices (n,) or one column (n, 1); of others, and of values, the first ones are returned.

    >>> spread(np.array([0, 0, 0, 0, 1, 1, 2]), 4)
    array([0, 1, 4, 6])
    """
    flat = targets.reshape(len(targets), -1)
    if flat.shape[1] != 1 or len(flat) <= count:
        return np.arange(min(count, len(flat)))
    values, inverse = np.unique(flat[:, 0], return_inverse=True)
    if len(values) > max(100, count):
        return np.arange(count)
    order = np.argsort(inverse, kind="stable")
    sizes = np.bincount(inverse)
    turn = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # its place among its class
    chosen = order[np.lexsort((inverse[order], turn))][:count]
    return np.sort(chosen)
