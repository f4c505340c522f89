"""The few numbers of every epoch; builder/report/metrics.py has all of them, and means the same by the same name.

Samples are scored one by one in float64 and averaged once; the loss is the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from builder.targets import IGNORED, Mixed
from schemas.training import MONITORS

LARGER_IS_BETTER = frozenset({"accuracy", "top_k_accuracy", "r2", "mean_iou"})


def flat(prediction: np.ndarray, target: np.ndarray, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float64 (n, outputs), and for classification the target as (n,) class indices.

    Where classes have pixels, (n, C, H, W), each pixel is a row of its own. Samples and pixels that the loss leaves out
    are left out here too.
    """
    y = prediction.reshape(len(prediction), -1)
    if task != "classification":
        return y.astype(np.float64), target.reshape(len(target), -1).astype(np.float64)
    if prediction.ndim > 2:
        y = np.moveaxis(prediction, 1, -1).reshape(-1, prediction.shape[1])
    t = _classes(prediction, target).reshape(-1)
    kept = t != IGNORED
    y, t = (y, t) if kept.all() else (y[kept], t[kept])
    return y.astype(np.float64), t


def _classes(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the class of each sample (n,), or of each pixel (n, H, W)."""
    one_hot = target.shape == prediction.shape if prediction.ndim > 2 else target.ndim > 1
    return (target.argmax(axis=1) if one_hot else target).astype(np.int64)


def hits(prediction: np.ndarray, target: np.ndarray, task: str) -> np.ndarray:
    """What counts as right, sample by sample: 1 or 0; for regression the absolute error. Mean: accuracy or MAE.

    NaN of a sample that is left out. Where classes have pixels, it is the share of those that are not left out.
    """
    if task == "classification":
        right, counted = _right(prediction, target)
        shares: np.ndarray = np.where(counted > 0, right / np.maximum(counted, 1), np.nan)
        return shares
    y, t = flat(prediction, target, task)
    if task == "binary":
        return ((y >= 0.5) == (t >= 0.5)).mean(axis=1)
    return np.abs(y - t).mean(axis=1)


def _right(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, sample by sample, how many pixels have the right class, and how many are not left out."""
    t = _classes(prediction, target).reshape(len(prediction), -1)
    right = prediction.argmax(axis=1).reshape(t.shape) == t
    return right.sum(axis=1).astype(np.float64), (t != IGNORED).sum(axis=1)


def tally(prediction: np.ndarray, target: np.ndarray | Mixed, task: str) -> tuple[float, float]:
    """Return a sum of `hits` and what it is divided by for their mean; what is left out is in neither.

    Of mixed samples, the class of each of the two counts as right by its share, as in the paper's own program; an
    error is that against the mixed target.
    """
    if isinstance(target, Mixed):
        first, second, share = target.first, target.second, target.share
        if task == "regression":
            return tally(prediction, share * first + (1 - share) * second, task)
        one, two = tally(prediction, first, task), tally(prediction, second, task)
        return share * one[0] + (1 - share) * two[0], share * one[1] + (1 - share) * two[1]
    if task == "classification":
        right, counted = _right(prediction, target)
        sites = max(1, prediction[0, 0].size) if len(prediction) else 1
        return float(right.sum()) / sites, float(counted.sum()) / sites
    found = hits(prediction, target, task)
    return float(found.sum()), float(len(found))


def quick_name(task: str) -> str:
    """Name of the mean of `hits`."""
    return "mae" if task == "regression" else "accuracy"


def score(
    prediction: np.ndarray, target: np.ndarray, task: str, loss: float, top_k: int | None = None
) -> dict[str, float]:
    """Return the epoch's numbers of a part from its loss, all its predictions (n, outputs) and targets.

    classification: loss, accuracy, top_k_accuracy (with top_k); binary: loss, accuracy;
    regression: loss, mae, rmse, r2 (left out where a target is constant).
    Where a prediction is an image, accuracy is that of its pixels, and mean_iou comes with it.
    """
    y, t = flat(prediction, target, task)
    right, counted = tally(prediction, target, task)
    values = {"loss": loss, quick_name(task): right / max(counted, 1e-12)}
    if task == "classification" and top_k is not None:
        own = y[np.arange(len(y)), t][:, None]
        earlier = np.arange(y.shape[1]) < t[:, None]  # of equally probable classes the first counts as more probable
        better = ((y > own) | ((y == own) & earlier)).sum(axis=1)
        values["top_k_accuracy"] = float((better < top_k).mean())
    if prediction.ndim > 2 and task != "regression" and len(y):
        values["mean_iou"] = mean_iou(y, t, task)
    if task == "regression":
        values["rmse"] = float(np.sqrt(((y - t) ** 2).mean()))
        if prediction.ndim > 2:  # an image's values are one output: a pixel that is always the same has no r2
            y, t = y.reshape(-1, 1), t.reshape(-1, 1)
        spread = ((t - t.mean(axis=0)) ** 2).sum(axis=0)
        if np.all(spread > 0):  # r2 of a constant target is undefined
            values["r2"] = float(np.mean(1.0 - ((y - t) ** 2).sum(axis=0) / spread))
    return values


def mean_iou(y: np.ndarray, t: np.ndarray, task: str) -> float:
    """Return the mean, over the classes that occur or were predicted, of intersection over union of their pixels."""
    if task == "binary":
        y, t = (y >= 0.5).reshape(-1), (t >= 0.5).reshape(-1)
        classes = 2
    else:
        classes, y = y.shape[1], y.argmax(axis=1)
    counts = np.bincount(t.astype(np.int64) * classes + y.astype(np.int64), minlength=classes**2)
    confusion = counts.reshape(classes, classes)
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return float((both[either > 0] / either[either > 0]).mean())


def improves(monitor: str, value: float, best: float | None, delta: float = 0.0) -> bool:
    """Say whether `value` is better than `best` by more than `delta`."""
    if best is None:
        return True
    return value > best + delta if monitor in LARGER_IS_BETTER else value < best - delta


def available(task: str, top_k: int | None, validation: bool, pixels: bool = False) -> tuple[str, ...]:
    """Names that a document of this task can monitor; without a validation part only those of the training part.

    `pixels` says whether predictions are images.
    """
    names: Iterable[str] = MONITORS[task] if validation else ("loss", quick_name(task))
    there = {"top_k_accuracy": top_k is not None, "mean_iou": pixels}
    return tuple(name for name in names if there.get(name, True))
