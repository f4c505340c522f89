"""The training doctor: what the numbers of the epochs say, in plain words, with what to try next.

Pure functions over the rows of metrics.jsonl. Thresholds are rules of thumb, so every finding is advice, no error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from schemas.say import say, sentences

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
        say(
            "The training loss has been rising since epoch {since}: from {lowest:.4g} to {last:.4g}.",
            since=since,
            lowest=lowest,
            last=losses[-1],
        ),
        say("Steps are so large that they jump over the minimum, each time further away."),
        say("Divide the learning rate by 10{now}, or set training.clip_norm to 1.", now=_rate(rows)),
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
        say(
            "The training loss jumps up and down, between {lowest:.4g} and {highest:.4g} in the last epochs.",
            lowest=min(losses),
            highest=max(losses),
        ),
        say("Steps are larger than the valley of the loss is wide."),
        say(
            "Divide the learning rate by 3 to 10{now}, use a larger batch_size, or a Cosine schedule.",
            now=_rate(rows),
        ),
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
    guess = (
        say("A loss of {last:.3g} is that of guessing among {classes} classes.", last=losses[-1], classes=classes)
        if at_chance
        else ""
    )
    return Advice(
        "no_progress",
        sentences(
            say(
                "The training loss has not fallen in {count} epochs: {first:.4g}, now {last:.4g}.",
                count=len(losses),
                first=losses[0],
                last=losses[-1],
            ),
            guess,
        ),
        say(
            "The learning rate is too small or far too large, units are saturated (Sigmoid in deep "
            "stacks, unscaled inputs), or labels do not belong to their samples."
        ),
        say(
            "Try ten times the learning rate{now}, then a tenth; normalise the inputs; use ReLU and "
            "BatchNormalization.",
            now=_rate(rows),
        ),
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
        say(
            "The network has been learning its training samples by heart since epoch {since}: there "
            "the validation loss was {lowest:.4g}, now it is {last:.4g}, while the training "
            "loss still falls.",
            since=since,
            lowest=lowest,
            last=validation[-1],
        ),
        say("It has more freedom than the data can fix. The best checkpoint is from before."),
        say("Use Dropout, weight_decay, augmentation, a smaller network or more data; early_stopping saves the time."),
        since,
    )


def never_predicted(confusion: Sequence[Sequence[int]], class_names: Sequence[str] | None = None) -> Advice | None:
    """Some classes have samples and are never the answer."""
    missing = [j for j, row in enumerate(confusion) if sum(row) > 0 and sum(other[j] for other in confusion) == 0]
    if not missing:
        return None
    names = [class_names[j] if class_names is not None and j < len(class_names) else str(j) for j in missing]
    some = ", ".join(names[:5])
    if len(names) > 5:
        some = say("{names} and {count} more", names=some, count=len(names) - 5)
    return Advice(
        "classes_never_predicted",
        say(
            "{count} of {total} classes are never predicted: {names}.",
            count=len(names),
            total=len(confusion),
            names=some,
        ),
        say("The loss hardly notices rare classes, so the network does best by ignoring them."),
        say('Set training.class_weights to "balanced", collect more samples of these classes, or train longer.'),
    )


def still_improving(rows: Sequence[Row]) -> Advice | None:
    """The last epochs still brought clear gains."""
    part = "validation" if rows and "validation" in rows[-1] else "train"
    losses = _losses(rows, part)
    if len(losses) < 5 or losses[-1] > min(losses) or losses[-1] > losses[-4] * (1 - 3 * _NOISE):
        return None
    return Advice(
        "still_improving",
        say(
            "The {part} loss was still falling at the end: {first:.4g} to {last:.4g} in the last three epochs.",
            part=part,
            first=losses[-4],
            last=losses[-1],
        ),
        say("Training ended before the network had learned what it can."),
        say("Set training.epochs to {count} or raise the learning rate.", count=2 * len(losses)),
    )


def _losses(rows: Sequence[Row], part: str) -> list[float]:
    """Return the losses of a part; a run folder from elsewhere may say null for one that was not finite."""
    found = [row[part].get("loss") for row in rows if part in row]
    return [float("nan") if loss is None else float(loss) for loss in found]


def _rate(rows: Sequence[Row]) -> str:
    rate = rows[-1].get("learning_rate") if rows else None
    return say(" (now {rate:.3g})", rate=rate) if isinstance(rate, float) and rate > 0 else ""
