"""The metrics of each task, from predictions and targets, in plain NumPy: importing scikit-learn takes over a second.

tests/builder/report/test_metrics.py compares every value with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builder.targets import IGNORED
from schemas.errors import UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def metrics(
    task: str,
    prediction: np.ndarray,
    target: np.ndarray,
    class_names: Sequence[str] | None = None,
    top_k: int | None = None,
) -> dict[str, Any]:
    """Return the metrics of a task as plain numbers, lists and dicts, ready for JSON. What is undefined is None.

    prediction    (N, classes) probabilities; binary (N,) or (N, outputs) probabilities; regression (N,) or (N, outputs)
    target        class indices (N,) or one-hot (N, classes); binary 0 or 1; regression numbers, shaped like prediction

    Samples and pixels whose class is -1 are left out: they are what a loss ignores (ignore_index).

    Predictions with pixels, (N, C, H, W), count each pixel as a sample of its own; "samples" are then pixels, and
    classes have an iou (intersection over union) with their mean, mean_iou. A regression of images has one r2 over
    all values.

    classification  accuracy, precision, recall, f1 (means over the classes that occur), per_class, confusion,
                    and top_k_accuracy when `top_k` is given
    binary          the same for the classes 0 and 1, where precision, recall and f1 are those of class 1, and auc
    regression      mae, rmse, r2, and per_output when there are several outputs

    Raises UsageError when the shapes do not fit together or there is no sample.
    """
    values = np.asarray(prediction, dtype=np.float64)
    truth = np.asarray(target)
    pixels = values.ndim > 2 and int(np.prod(values.shape[2:])) > 1
    if len(values) != len(truth):
        raise UsageError(f"{len(values)} predictions cannot be compared with {len(truth)} targets: each needs its own.")
    values, truth = _kept(task, values, truth)
    if len(values) == 0:
        raise UsageError("There is no sample to measure: metrics need at least one prediction.")
    if pixels:
        values, truth = _pixels(task, values, truth)
        return {**metrics(task, values, truth, class_names, top_k), **_iou_of(task, values, truth, class_names)}
    values = values.reshape(len(values), -1)
    if task == "classification":
        return _classification(values, truth, class_names, top_k)
    if task == "binary":
        return _binary(values, truth, class_names)
    if task == "regression":
        return _regression(values, truth)
    raise UsageError(f"There is no task {task!r}: use classification, binary or regression.")


def _kept(task: str, values: Floats, truth: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Return predictions and targets without what is left out; pixels become samples of their own where some are."""
    if task != "classification" or truth.dtype.kind not in "if" or not (truth == IGNORED).any():
        return values, truth
    if values.ndim > 2:
        values, truth = _pixels(task, values, truth)
        values = values[:, :, None]
    truth = truth.reshape(len(truth), -1)
    if truth.shape[1] != 1:
        return values, truth
    kept = truth[:, 0] != IGNORED
    return values[kept], truth[kept, 0]


def _pixels(task: str, values: Floats, truth: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Return images as rows: (pixels, classes) and (pixels,) for classes, else one column of all values."""
    if task != "classification":
        if truth.size != values.size:
            raise UsageError(f"Targets of shape {truth.shape} do not fit predictions of shape {values.shape}.")
        return values.reshape(-1, 1), truth.reshape(-1, 1)
    classes = values.shape[1]
    if truth.shape == values.shape:
        truth = truth.argmax(axis=1)
    if truth.size != values.size // classes:
        raise UsageError(f"Targets of shape {truth.shape} do not fit predictions of shape {values.shape}.")
    return np.moveaxis(values, 1, -1).reshape(-1, classes), truth.reshape(-1)


def _iou_of(task: str, values: Floats, truth: np.ndarray, class_names: Sequence[str] | None) -> dict[str, Any]:
    """Return mean_iou, and per_class with each class's iou, from rows of pixels."""
    if task == "regression":
        return {}
    binary = task == "binary"
    predicted = (values.reshape(-1) >= 0.5).astype(np.int64) if binary else np.argmax(values, axis=1)
    actual = truth.reshape(-1).astype(np.int64)
    confusion = confusion_matrix(actual, predicted, 2 if binary else values.shape[1])
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    rows = [{**row, "iou": _share(both[k], either[k])} for k, row in enumerate(_per_class(confusion, class_names))]
    return {"mean_iou": float((both[either > 0] / either[either > 0]).mean()), "per_class": rows}


def _classification(
    values: Floats, truth: np.ndarray, class_names: Sequence[str] | None, top_k: int | None
) -> dict[str, Any]:
    classes = values.shape[1]
    actual = _indices(truth, classes)
    confusion = confusion_matrix(actual, np.argmax(values, axis=1), classes)
    result = {"accuracy": _share(np.trace(confusion), len(values)), **_averages(confusion)}
    if top_k is not None:
        own = np.take_along_axis(values, actual[:, None], axis=1)
        earlier = np.arange(classes) < actual[:, None]
        better = np.sum((values > own) | ((values == own) & earlier), axis=1)
        result["top_k_accuracy"] = _share(np.sum(better < top_k), len(values))
        result["top_k"] = top_k
    return {**result, "per_class": _per_class(confusion, class_names), "confusion": confusion.tolist()}


def _binary(values: Floats, truth: np.ndarray, class_names: Sequence[str] | None) -> dict[str, Any]:
    flat = truth.reshape(len(truth), -1)
    if flat.shape != values.shape:
        raise UsageError(f"Targets of shape {truth.shape} do not fit predictions of shape {values.shape}.")
    actual = _indices(flat.reshape(-1), 2)
    confusion = confusion_matrix(actual, (values.reshape(-1) >= 0.5).astype(np.int64), 2)
    rows = _per_class(confusion, class_names)
    areas = [_auc(values[:, k], actual.reshape(flat.shape)[:, k]) for k in range(flat.shape[1])]
    return {
        "accuracy": _share(np.trace(confusion), actual.size),
        **{key: rows[1][key] for key in ("precision", "recall", "f1")},
        "auc": None if None in areas else float(np.mean(np.array(areas, dtype=np.float64))),
        "per_class": rows,
        "confusion": confusion.tolist(),
    }


def _regression(values: Floats, truth: np.ndarray) -> dict[str, Any]:
    actual = np.asarray(truth, dtype=np.float64).reshape(len(truth), -1)
    if actual.shape != values.shape:
        raise UsageError(f"Targets of shape {truth.shape} do not fit predictions of shape {values.shape}.")
    error = values - actual
    spread = np.sum((actual - actual.mean(axis=0)) ** 2, axis=0)
    squares = np.sum(error**2, axis=0)
    scores = [float(1 - s / v) if v > 0 else None for s, v in zip(squares, spread, strict=True)]
    result: dict[str, Any] = {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": None if None in scores else float(np.mean(np.array(scores, dtype=np.float64))),
    }
    if actual.shape[1] > 1:
        mae, rmse = np.mean(np.abs(error), axis=0), np.sqrt(np.mean(error**2, axis=0))
        result["per_output"] = [
            {"mae": float(a), "rmse": float(b), "r2": c} for a, b, c in zip(mae, rmse, scores, strict=True)
        ]
    return result


def confusion_matrix(actual: np.ndarray, predicted: np.ndarray, classes: int) -> Integers:
    """Count samples by true class (row) and predicted class (column): (classes, classes)."""
    return np.bincount(actual * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _indices(truth: np.ndarray, classes: int) -> Integers:
    """Return class indices from indices or one-hot rows."""
    if truth.ndim > 1 and truth.shape[1:] == (classes,) and classes > 1:
        truth = np.argmax(truth, axis=1)
    whole = truth.reshape(len(truth), -1)
    if whole.shape[1] != 1:
        raise UsageError(f"Targets of shape {truth.shape} are neither class indices nor one-hot rows of {classes}.")
    indices = whole[:, 0].astype(np.int64)
    if np.any(indices != whole[:, 0]) or indices.min() < 0 or indices.max() >= classes:
        raise UsageError(f"Targets must be whole numbers from 0 to {classes - 1}, one for each class.")
    return indices


def _averages(confusion: Integers) -> dict[str, float]:
    """Return precision, recall and F1, each the mean over the classes that occur or were predicted."""
    rows = _per_class(confusion, None)
    occurs = (confusion.sum(axis=0) + confusion.sum(axis=1)) > 0
    return {
        key: float(np.mean([row[key] for row, there in zip(rows, occurs, strict=True) if there]))
        for key in ("precision", "recall", "f1")
    }


def _per_class(confusion: Integers, class_names: Sequence[str] | None) -> list[dict[str, Any]]:
    hits, predicted, actual = np.diag(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    names = class_names if class_names and len(class_names) == len(hits) else [str(k) for k in range(len(hits))]
    return [
        {
            "class": names[k],
            "precision": _share(hits[k], predicted[k]),
            "recall": _share(hits[k], actual[k]),
            "f1": _share(2 * hits[k], predicted[k] + actual[k]),
            "samples": int(actual[k]),
        }
        for k in range(len(hits))
    ]


def _share(part: Any, whole: Any) -> float:
    """Return part / whole, and 0 where there is no whole (a class that was never predicted has precision 0)."""
    return float(part) / float(whole) if whole else 0.0


def _auc(score: Floats, actual: Integers) -> float | None:
    """Return the area under the ROC curve: how often a sample of class 1 scores above one of class 0, ties half.

    The rank sum of Mann and Whitney 1947. None when one of the classes is missing or a score is not finite.
    """
    ones = int(actual.sum())
    zeros = len(actual) - ones
    if ones == 0 or zeros == 0 or not np.all(np.isfinite(score)):
        return None
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = last - (count - 1) / 2
    return float((ranks[place][actual == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))
