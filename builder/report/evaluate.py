"""Measure the best network of a run on a part of its data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError
from schemas.say import say

from .metrics import metrics

if TYPE_CHECKING:
    from builder.data.part import Part
    from builder.data.prepared import Prepared
    from builder.training import Run


def evaluate(run: str | Path, part: str = "test", base: str | Path | None = None) -> dict[str, Any]:
    """Return loss and metrics of a run's best network on "test", "validation" or "train", every sample used.

    `base` is the folder that data paths are relative to, when the data have moved. Raises DataError when the run's data
    are missing, have changed (the split would be another one), or have no such part.
    """
    from builder.training import Run, evaluation
    from schemas.training import Training

    opened = Run(run)
    prepared = data_of(opened, base)
    samples = part_of(opened, prepared, part)
    network = opened.network
    training = Training.model_validate(opened.document.get("training", {}))
    loss, prediction, target = evaluation.evaluate(network, samples, training.evaluation_batch_size)
    names = prepared.class_names or None
    return {"loss": loss, **metrics(network.task, prediction, target, names, training.top_k)}


def data_of(run: Run, base: str | os.PathLike[str] | None = None) -> Prepared:
    """Return the data that a run was trained on, as they were split then. Raises DataError when they have changed."""
    from builder.data import prepare

    prepared = prepare(run.document, Path(base) if base is not None else Path(run.data["base"]), findings=False)
    if prepared.fingerprint != run.data["fingerprint"]:
        raise DataError(
            say(
                "The data of {path} have changed since its training, so its parts are no longer the same: samples it "
                "was trained on could be among those it is tested on. Restore the data, or train again.",
                path=run.path,
            )
        )
    return prepared


def part_of(run: Run, prepared: Prepared, name: str) -> Part:
    """Return "train", "validation" or "test" of a run's data. Raises DataError when there is no such part."""
    part = prepared.parts.get(name)
    if part is None:
        raise DataError(
            say(
                "The data have no {name} part: data.{name} is 0 in {file}.",
                name=name,
                file=run.path / "document.json",
            )
        )
    return part
