"""Training on arrays: the loop behind `Network.fit`. Run folders and data files are builder/training's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import TrainingError, UsageError
from schemas.training import Training

if TYPE_CHECKING:
    from .network import Network


def fit(
    net: Network,
    x: np.ndarray,
    t: np.ndarray,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    validation: tuple[Any, Any] | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Train on checked arrays in a seeded order; return {"epoch", "loss", "validation"?} per epoch.

    Where the network has several losses, "loss" is the main one, "total_loss" what training makes small, and "losses"
    has each by its layer's name.
    """
    from .training.schedules import learning_rate

    changed: dict[str, Any] = dict(net.document.get("training") or {})
    changed |= {k: v for k, v in (("epochs", epochs), ("batch_size", batch_size)) if v is not None}
    settings = Training.model_validate(changed)
    if settings.epochs < 1:
        raise UsageError("epochs must be at least 1.")
    size = min(settings.batch_size, len(x))
    session = net.session(size, settings.optimizer, settings.decay, settings.clip_norm, settings.accumulate)
    per_epoch = -(-len(x) // size)
    history: list[dict[str, Any]] = []
    for epoch in range(settings.epochs):
        order = np.random.default_rng([net.random_seed, epoch]).permutation(len(x))
        total, rate, sums = 0.0, 0.0, dict.fromkeys(net.loss_weights, 0.0)
        for start in range(0, len(x), size):
            rate = learning_rate(settings, session.steps, per_epoch)
            batch = order[start : start + size]
            loss = session.step(x[batch], t[batch], learning_rate=rate)
            if not np.isfinite(loss):
                raise TrainingError(
                    f"The loss is not finite in epoch {epoch + 1}: {session.fault()}. The parameters are those before "
                    "this step. Use a smaller learning rate or clip_norm, and look for NaN in the data."
                )
            total += loss * len(batch)
            for name, value in session.losses.items():
                sums[name] += value * len(batch)
        session.flush(rate)
        row: dict[str, Any] = {"epoch": epoch + 1, "loss": total / len(x)}
        if session.losses:
            each = {name: value / len(x) for name, value in sums.items()}
            row |= {"loss": each[net.checked.loss] * net.loss_weights[net.checked.loss]}
            row |= {"total_loss": total / len(x), "losses": each}
        if validation is not None:
            row["validation"] = net.evaluate(*validation)
        history.append(row)
        if progress is not None:
            progress(row)
    return history
