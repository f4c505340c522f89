"""Evaluate a whole part in use mode: every sample, the last incomplete batch included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from builder.answers import counted as count

from .protocols import Network, Part


def plain(prediction: np.ndarray) -> np.ndarray:
    """Return predictions without pixels as (N, outputs); those of images keep their shape."""
    return prediction if np.prod(prediction.shape[2:]) > 1 else prediction.reshape(len(prediction), -1)


def evaluate(
    network: Network, part: Part, batch_size: int, between: Callable[[], None] = lambda: None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return mean loss, predictions (N, outputs) or (N, C, H, W), and targets of a part, in its order.

    Samples are read batch by batch, so a part may be larger than memory. `between` is called after every batch and may
    raise, to leave early.
    """
    total, weight, predictions, targets = 0.0, 0, [], []
    for start in range(0, len(part), batch_size):
        x, t = part.read(np.arange(start, min(start + batch_size, len(part))))
        loss, y = network.evaluated(x, t, batch_size)
        counted = count(np.asarray(t)) if np.asarray(t).dtype.kind == "i" else len(x)
        total, weight = total + loss * counted, weight + counted
        predictions.append(plain(np.asarray(y)))
        targets.append(np.asarray(t))
        between()
    return total / max(weight, 1), np.concatenate(predictions), np.concatenate(targets)
