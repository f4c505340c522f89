"""Measure the best network of a run on a part of its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import DataError

from .metrics import metrics


def evaluate(run: str | Path, part: str = "test", base: str | Path | None = None) -> dict[str, Any]:
    """Return loss and metrics of a run's best network on "test", "validation" or "train", every sample used.

    `base` is the folder that data paths are relative to, when the data have moved. Raises DataError when the run's data
    are missing, have changed (the split would be another one), or have no such part.
    """
    from builder.data import prepare
    from builder.training import Run, evaluation
    from schemas.training import Training

    opened = Run(run)
    prepared = prepare(opened.document, Path(base) if base is not None else Path(opened.data["base"]), findings=False)
    if prepared.fingerprint != opened.data["fingerprint"]:
        raise DataError(
            f"The data of {opened.path} have changed since its training, so its parts are no longer the same: "
            "samples it was trained on could be among those it is tested on. Restore the data, or train again."
        )
    samples = getattr(prepared, part)
    if samples is None:
        raise DataError(f"The data have no {part} part: data.{part} is 0 in {opened.path / 'document.json'}.")
    network = opened.network
    training = Training.model_validate(opened.document.get("training", {}))
    loss, prediction, target = evaluation.evaluate(network, samples, training.evaluation_batch_size)
    names = prepared.class_names or None
    return {"loss": loss, **metrics(network.task, prediction, target, names, training.top_k)}
