"""The training doctor: what the numbers of the epochs say, in plain words, with what to try next.

Pure functions over the rows of metrics.jsonl. Thresholds are rules of thumb, so every finding is advice, no error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]

_NOISE = 0.02
"""Relative change of a loss below which it counts as standing still."""


@dataclass(frozen=True)
class Advice:
    """One finding about a training. `epoch` is where it began, counted from 1."""

    code: str
    what: str
    why: str
    fix: str
    epoch: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def diagnose(
    rows: Sequence[Row],
    *,
    task: str,
    classes: int | None = None,
    confusion: Sequence[Sequence[int]] | None = None,
    class_names: Sequence[str] | None = None,
) -> list[Advice]:
    """Return every finding, the gravest first. `confusion[i][j]` counts samples of class i predicted as j."""
    checks: tuple[Callable[[], Advice | None], ...] = (
        lambda: diverging(rows),
        lambda: rate_too_high(rows),
        lambda: no_progress(rows, task, classes),
        lambda: overfitting(rows),
        lambda: never_predicted(confusion, class_names) if confusion is not None else None,
        lambda: still_improving(rows),
    )
    return [advice for check in checks if (advice := check()) is not None]


def diverging(rows: Sequence[Row]) -> Advice | None:
    """The training loss has risen for three epochs and is well above its lowest value."""
    losses = _losses(rows, "train")
    if len(losses) < 4 or not all(a < b for a, b in pairwise(losses[-4:])):
        return None
    lowest = min(losses)
    if losses[-1] < 1.25 * lowest + 1e-6:
        return None
    since = losses.index(lowest) + 1
    return Advice(
        "diverging",
        f"The training loss has been rising since epoch {since}: from {lowest:.4g} to {losses[-1]:.4g}.",
        "Steps are so large that they jump over the minimum, each time further away.",
        f"Divide the learning rate by 10{_rate(rows)}, or set training.clip_norm to 1.",
        since,
    )


def rate_too_high(rows: Sequence[Row]) -> Advice | None:
    """The training loss jumps up and down by more than a fifth in most of the last epochs."""
    losses = _losses(rows, "train")[-8:]
    if len(losses) < 6:
        return None
    changes = [b - a for a, b in pairwise(losses)]
    turns = sum(a * b < 0 for a, b in pairwise(changes))
    jumps = sum(abs(change) > 0.2 * max(abs(loss), 1e-12) for change, loss in zip(changes, losses, strict=False))
    if turns < 0.6 * (len(changes) - 1) or jumps < 0.6 * len(changes):
        return None
    return Advice(
        "learning_rate_too_high",
        f"The training loss jumps up and down, between {min(losses):.4g} and {max(losses):.4g} in the last epochs.",
        "Steps are larger than the valley of the loss is wide.",
        f"Divide the learning rate by 3 to 10{_rate(rows)}, use a larger batch_size, or a Cosine schedule.",
        len(rows) - len(losses) + 1,
    )


def no_progress(rows: Sequence[Row], task: str, classes: int | None) -> Advice | None:
    """The training loss stands still, and not because everything is learned."""
    losses = _losses(rows, "train")
    if len(losses) < 3 or min(losses) < losses[0] * (1 - _NOISE) or losses[-1] > losses[0] * 1.25:
        return None
    accuracy = rows[-1]["train"].get("accuracy")
    if accuracy is not None and accuracy > 0.99:
        return None
    at_chance = task != "regression" and classes is not None and abs(losses[-1] - math.log(classes)) < 0.05
    guess = f" A loss of {losses[-1]:.3g} is that of guessing among {classes} classes." if at_chance else ""
    return Advice(
        "no_progress",
        f"The training loss has not fallen in {len(losses)} epochs: {losses[0]:.4g}, now {losses[-1]:.4g}.{guess}",
        "The learning rate is too small or far too large, units are saturated (Sigmoid in deep stacks, unscaled "
        "inputs), or labels do not belong to their samples.",
        f"Try ten times the learning rate{_rate(rows)}, then a tenth; normalise the inputs; use ReLU and "
        "BatchNormalization.",
        1,
    )


def overfitting(rows: Sequence[Row]) -> Advice | None:
    """The validation loss left its minimum three or more epochs ago while the training loss went on falling."""
    validation, train = _losses(rows, "validation"), _losses(rows, "train")
    if len(validation) < 5 or len(validation) != len(train):
        return None
    lowest = min(validation)
    since = validation.index(lowest) + 1
    later = len(validation) - since
    if later < 3 or validation[-1] < 1.1 * lowest + 1e-6 or train[-1] >= train[since - 1]:
        return None
    return Advice(
        "overfitting",
        f"The network has been learning its training samples by heart since epoch {since}: there the validation loss "
        f"was {lowest:.4g}, now it is {validation[-1]:.4g}, while the training loss still falls.",
        "It has more freedom than the data can fix. The best checkpoint is from before.",
        "Use Dropout, weight_decay, augmentation, a smaller network or more data; early_stopping saves the time.",
        since,
    )


def never_predicted(confusion: Sequence[Sequence[int]], class_names: Sequence[str] | None = None) -> Advice | None:
    """Some classes have samples and are never the answer."""
    missing = [j for j, row in enumerate(confusion) if sum(row) > 0 and sum(other[j] for other in confusion) == 0]
    if not missing:
        return None
    names = [class_names[j] if class_names is not None and j < len(class_names) else str(j) for j in missing]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return Advice(
        "classes_never_predicted",
        f"{len(names)} of {len(confusion)} classes are never predicted: {listed}.",
        "The loss hardly notices rare classes, so the network does best by ignoring them.",
        'Set training.class_weights to "balanced", collect more samples of these classes, or train longer.',
    )


def still_improving(rows: Sequence[Row]) -> Advice | None:
    """The last epochs still brought clear gains."""
    part = "validation" if rows and "validation" in rows[-1] else "train"
    losses = _losses(rows, part)
    if len(losses) < 5 or losses[-1] > min(losses) or losses[-1] > losses[-4] * (1 - 3 * _NOISE):
        return None
    return Advice(
        "still_improving",
        f"The {part} loss was still falling at the end: {losses[-4]:.4g} to {losses[-1]:.4g} in the last three epochs.",
        "Training ended before the network had learned what it can.",
        f"Set training.epochs to {2 * len(losses)} or raise the learning rate.",
    )


def _losses(rows: Sequence[Row], part: str) -> list[float]:
    return [float(row[part]["loss"]) for row in rows if part in row]


def _rate(rows: Sequence[Row]) -> str:
    rate = rows[-1].get("learning_rate") if rows else None
    return f" (now {rate:.3g})" if isinstance(rate, float) and rate > 0 else ""
