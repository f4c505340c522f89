"""The end of a run: the best network on the test part, predictions.csv and report.json."""

from __future__ import annotations

import csv
import io
import math
import shlex
from collections.abc import Iterator
from typing import Any

import numpy as np

from schemas.errors import DataError
from schemas.say import say

from . import checkpoint, doctor, evaluation, scores
from .classweights import labels
from .durable import replace
from .job import Job
from .keeper import restore_parameters
from .protocols import Part
from .runfolder import RunFolder
from .signals import Interrupts
from .state import State

LESS_IS_BETTER = ("loss", "mae", "rmse")
"""Metrics of which `expect` states the most that is allowed; of the others it states the least."""

_ROWS = 1000
"""Lines of predictions.csv written at once."""


def finish(job: Job, folder: RunFolder, state: State, interrupts: Interrupts) -> dict[str, Any]:
    """Evaluate the best checkpoint, write predictions.csv and report.json, and return the report.

    It holds no times, so equal trainings have equal reports. Done again it gives the same, so a kill does no harm.
    """
    from builder.report.metrics import metrics

    restore_parameters(job.network, checkpoint.load(folder.best))
    name, part = evaluated(job)

    def leave() -> None:
        if interrupts.number is not None:
            again = f"tsumiki resume {shlex.quote(str(folder.path))}"
            raise interrupts.interrupted(f"Training is done and saved. Evaluate with: {again}")

    loss, prediction, target = evaluation.evaluate(job.network, part, job.training.evaluation_batch_size, leave)
    names = [str(name) for name in job.prepared.class_names or ()]
    values: dict[str, Any] = {"loss": loss}
    values |= metrics(job.task, prediction, target, names or None, job.training.top_k)
    replace([(folder.path / "predictions.csv", _predictions(job, part, prediction, target, names))])
    confusion = values.get("confusion")
    advice = doctor.diagnose(
        folder.rows(), task=job.task, classes=len(names) or None, confusion=confusion, class_names=names or None
    )
    report = plain(
        {
            "status": "finished",
            "name": job.name,
            "task": job.task,
            "epochs": state.epoch,
            "steps": state.step,
            "stopped_by": state.finished,
            "best": {"epoch": state.best_epoch, "monitor": job.training.monitor, "value": state.best_value},
            "part": name,
            "samples": len(part),
            "metrics": values,
            "expect": expectations(job.document.get("expect"), values),
            "advice": [item.to_json() for item in advice],
        }
    )
    folder.write_json("report.json", report)
    return dict(report)


def evaluated(job: Job) -> tuple[str, Part]:
    """Return the part that the report is about: test, without one validation, without that training."""
    for name in ("test", "validation", "train"):
        part = getattr(job.prepared, name)
        if part is not None:
            return name, part
    raise DataError(say("The data have no samples."))


def expectations(expect: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Compare metrics with the document's `expect`: what a metric must reach (for errors and loss: not exceed)."""
    result = {}
    for name, limit in (expect or {}).items():
        value = values.get(name)
        smaller = name in LESS_IS_BETTER
        met = value is not None and (value <= limit if smaller else value >= limit)
        result[name] = {"limit": limit, "value": value, "met": met}
    return result


def plain(value: Any) -> Any:
    """Turn NumPy values into JSON's, and numbers that JSON cannot say into None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _predictions(job: Job, part: Part, prediction: np.ndarray, target: np.ndarray, names: list[str]) -> Iterator[bytes]:
    """Yield predictions.csv: one line per sample with its place, target, prediction, and the probabilities; of images
    the share of right pixels, or the mean absolute error."""
    if prediction.ndim > 2:  # a table is no place for images: how well each one fits
        yield _csv([["sample", "source", scores.quick_name(job.task)]])
        fit = scores.hits(prediction, target, job.task)
        yield _csv([[str(i), part.where(i), "" if np.isnan(value) else f"{value:.9g}"] for i, value in enumerate(fit)])
        return
    outputs = prediction.shape[1]
    if job.task == "regression":
        numbers = [""] if outputs == 1 else [f"_{k}" for k in range(outputs)]
        header = [f"target{n}" for n in numbers] + [f"prediction{n}" for n in numbers]
    elif job.task == "binary":
        header = ["target", "prediction", "probability"] if outputs == 1 else []
        header = header or [f"{word}_{k}" for k in range(outputs) for word in ("target", "prediction", "probability")]
    else:
        shown = names if len(names) == outputs else [str(k) for k in range(outputs)]
        header = ["target", "prediction", *(f"probability {name}" for name in shown)]
    yield _csv([["sample", "source", *header]])
    for start in range(0, len(prediction), _ROWS):
        block = range(start, min(start + _ROWS, len(prediction)))
        yield _csv([[str(i), part.where(i), *_cells(job.task, prediction[i], target[i], names)] for i in block])


def _cells(task: str, y: np.ndarray, t: np.ndarray, names: list[str]) -> list[str]:
    numbers = [f"{value:.9g}" for value in y]
    if task == "regression":
        return [f"{value:.9g}" for value in np.atleast_1d(t).reshape(-1)] + numbers
    if task == "binary":
        truth = (np.atleast_1d(t).reshape(-1) > 0.5).astype(int)
        cells = zip(truth, (y >= 0.5).astype(int), numbers, strict=True)
        return [cell for a, b, p in cells for cell in (_name(names, a), _name(names, b), p)]
    return [_name(names, int(labels(np.asarray(t)[None])[0])), _name(names, int(y.argmax())), *numbers]


def _name(names: list[str], index: int) -> str:
    if index < 0:
        return ""  # left out
    return names[index] if index < len(names) else str(index)


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")
