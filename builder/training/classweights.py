"""Weights of classes in the loss, turned into weights of samples."""

from __future__ import annotations

import numpy as np

from builder.targets import IGNORED, Mixed
from schemas.errors import DocumentError, Problem
from schemas.say import say
from schemas.training import Training


def class_weights(training: Training, task: str, targets: np.ndarray, classes: int) -> np.ndarray | None:
    """Return the weight (classes,) of every class, or None when the document sets none.

    "balanced" is samples / (classes * samples of the class), as in scikit-learn: every class has the same share of the
    loss, and the mean weight of a sample is 1. Raises DocumentError for regression, for several yes-or-no outputs (in
    which a sample has no one class) and for a list of another length.
    """
    setting = training.class_weights
    if setting is None:
        return None
    if task == "regression":
        raise _refusal(
            say("class_weights cannot be used for regression."), say("A regression has no classes. Remove the field.")
        )
    if task == "binary" and targets.ndim > 1 and targets.shape[1] > 1:
        raise _refusal(
            say("class_weights cannot be used with {count} yes-or-no outputs.", count=targets.shape[1]),
            say("Each output is a question of its own, so a sample belongs to no one class. Remove the field."),
        )
    if setting == "balanced":
        found = labels(targets)
        found = found[found != IGNORED]
        counts = np.bincount(found, minlength=classes).astype(np.float64)
        return (len(found) / (classes * np.maximum(counts, 1.0))).astype(np.float32)
    if len(setting) != classes:
        raise _refusal(
            say(
                "class_weights has {count} weights, the data have {classes} classes.",
                count=len(setting),
                classes=classes,
            ),
            say("Give one weight per class, {classes} in all, or 'balanced'.", classes=classes),
        )
    if not any(setting):
        raise _refusal(
            say("class_weights are all 0."), say("Nothing would be learned. Give at least one class a weight.")
        )
    return np.array(setting, np.float32)


def sample_weights(
    weights: np.ndarray | None, t: np.ndarray | Mixed
) -> np.ndarray | tuple[np.ndarray, np.ndarray] | None:
    """Return the weight of each sample, or of each of the two that it was mixed of; None where classes have none."""
    if weights is None:
        return None
    if isinstance(t, Mixed):
        return weights[labels(t.first)], weights[labels(t.second)]
    return np.asarray(weights[labels(t)])


def labels(targets: np.ndarray) -> np.ndarray:
    """Class index (n,) of each target: an index, 0/1 of shape (n, 1), or one-hot."""
    if targets.ndim > 1 and targets.shape[1] > 1:
        return targets.argmax(axis=1).astype(np.int64)
    return np.rint(targets).reshape(len(targets)).astype(np.int64)


def _refusal(what: str, why: str) -> DocumentError:
    problem = Problem("training.class_weights", what, why, "/training/class_weights")
    return DocumentError(f"{what} {why}", [problem])
