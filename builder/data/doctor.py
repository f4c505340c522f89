"""What is remarkable about data that can be used: doubles across parts, constant columns, rare classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from builder.targets import IGNORED
from schemas.say import say

from .facts import Kind
from .finding import Finding
from .part import Part

IMBALANCE = 5
"""The largest class may have this many times the samples of the smallest before it is said."""
FEW = 20


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def doubles(parts: Mapping[str, Part]) -> list[Finding]:
    """Find the same sample, by the hash of its content, in two parts."""
    hashes = {name: part.samples.digests() for name, part in parts.items()}
    places = {name: {digest: k for k, digest in enumerate(found)} for name, found in hashes.items()}
    findings = []
    for one, two in (("train", "test"), ("train", "validation"), ("validation", "test")):
        if one not in parts or two not in parts:
            continue
        shared = [k for k, digest in enumerate(hashes[two]) if digest in places[one]]
        if shared:
            first = shared[0]
            other = parts[one].where(places[one][hashes[two][first]])
            findings.append(
                Finding(
                    "warning",
                    "same_sample",
                    say("{count} samples of {two} are in {one} too.", count=len(shared), two=two, one=one),
                    f"{parts[two].where(first)} = {other}",
                    say("What has been learned by heart is then counted as understood, so the result looks too good."),
                    say("Remove the doubles from the data."),
                )
            )
    for name, found in hashes.items():
        more = len(found) - len(places[name])
        if more:
            findings.append(_within(name, parts[name], found, places[name], more))
    return findings


def _within(name: str, part: Part, found: Sequence[bytes], last: Mapping[bytes, int], more: int) -> Finding:
    """Say that a part holds samples more than once (the split keeps equal samples side by side, so mostly in one)."""
    again = next(k for k, digest in enumerate(found) if last[digest] != k)
    clash = sum(not np.array_equal(part.targets[k], part.targets[last[d]]) for k, d in enumerate(found))
    where = f"{part.where(again)} = {part.where(last[found[again]])}"
    if clash:
        what = say(
            "{count} samples of {part} stand there more than once, {clash} of them with different labels.",
            count=more,
            part=name,
            clash=clash,
        )
        why = say("No network can be right about both.")
        return Finding("warning", "label_conflict", what, where, why, say("Correct or remove them."))
    return Finding(
        "info", "repeated_sample", say("{count} samples of {part} repeat others there.", count=more, part=name), where
    )


def classes(parts: Mapping[str, Part], names: Sequence[str], kind: Kind) -> list[Finding]:
    """Find classes that are rare or absent in the training part."""
    if kind == "regression" or parts["train"].targets.shape[1:] not in ((), (1,)):
        return []
    counts = {name: class_counts(part, len(names)) for name, part in parts.items()}
    train = counts["train"]
    findings = []
    absent = [names[k] for k in np.flatnonzero(train == 0).tolist()]
    if absent:
        findings.append(
            Finding(
                "warning",
                "class_without_training",
                say("No training sample shows {names}.", names=_some(absent)),
                "",
                say("The network cannot learn what it never sees."),
                say("Add samples, or list only the classes that exist in data.classes."),
            )
        )
    present = train[train > 0]
    if present.size > 1 and present.max() >= IMBALANCE * present.min():
        big, small = int(train.argmax()), int(np.flatnonzero(train == present.min())[0])
        findings.append(
            Finding(
                "warning",
                "class_imbalance",
                say(
                    "Class {name} has {count:,} training samples, class {other} only {few:,}.",
                    name=names[big],
                    count=train[big],
                    other=names[small],
                    few=train[small],
                ),
                "",
                say("The network may learn to always answer with the frequent class, and accuracy would hide it."),
                say("Set training.class_weights to 'balanced', and look at precision and recall per class."),
            )
        )
    for name in ("validation", "test"):
        if name in counts:
            missing = [names[k] for k in np.flatnonzero((counts[name] == 0) & (train > 0)).tolist()]
            if missing:
                what = (
                    say("No validation sample shows {names}.", names=_some(missing))
                    if name == "validation"
                    else say("No test sample shows {names}.", names=_some(missing))
                )
                findings.append(
                    Finding(
                        "warning", "class_not_tested", what, "", say("The metrics say nothing about these classes.")
                    )
                )
    return findings


def class_counts(part: Part, classes: int) -> np.ndarray:
    """Return how many samples (or pixels) each class has, int64 (classes,), without those that are left out."""
    found = part.targets.reshape(-1).astype(np.int64)
    return np.bincount(found[found != IGNORED], minlength=classes)


def columns(part: Part, names: Sequence[str]) -> list[Finding]:
    """Find columns of a table that have one value throughout the training part."""
    shape = part.samples.shape
    if shape is None or len(shape) != 1 or not len(part):
        return []
    least = most = None
    for start in range(0, len(part), 4096):
        block = np.asarray(part.samples.read(np.arange(start, min(start + 4096, len(part)))))
        low, high = block.min(axis=0), block.max(axis=0)
        least = low if least is None else np.minimum(least, low)
        most = high if most is None else np.maximum(most, high)
    constant = np.flatnonzero(least == most)
    if not constant.size:
        return []
    shown = [names[k] if k < len(names) else str(k) for k in constant.tolist()]
    return [
        Finding(
            "warning",
            "constant_column",
            say(
                "{count} of {total} columns have one value only: {names}.",
                count=constant.size,
                total=shape[0],
                names=_some(shown),
            ),
            "",
            say("They tell the samples apart in no way."),
            say("Leave them out of 'columns' of the source."),
        )
    ]


def targets(part: Part, kind: Kind) -> list[Finding]:
    """Find targets of regression that are constant."""
    if kind != "regression" or len(part) < 2 or part.targets.ndim > 2:
        return []
    constant = np.flatnonzero(np.ptp(part.targets, axis=0) == 0)
    if not constant.size:
        return []
    return [
        Finding(
            "warning",
            "constant_target",
            say("Target {number} has one value throughout.", number=int(constant[0])),
        )
    ]


def sizes(parts: Mapping[str, Part]) -> list[Finding]:
    """Find parts that are too small to say much."""
    few = [f"{name} ({len(part)})" for name, part in parts.items() if len(part) < FEW]
    if not few:
        return []
    return [
        Finding(
            "info", "few_samples", say("Few samples in {parts}: results there depend on chance.", parts=", ".join(few))
        )
    ]
