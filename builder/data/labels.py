"""Labels to targets: which numbers the network learns, and which names they stand for.

Text labels are numbered in sorted order. Whole numbers that begin at 0 are class numbers and stay as they are, so that
class 7 is output 7 also where no sample shows class 3. Other whole numbers (1 to 10, -1 and 1, codes) are numbered in
sorted order. `classes` in the document overrules all of this: its order is the order of the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from builder.targets import IGNORED
from schemas.say import say

from .facts import Kind
from .finding import Finding, bad

MOST_CLASSES = 65_536
Labels = list[str] | np.ndarray


@dataclass(frozen=True)
class Encoding:
    """Targets of each source, NaN-free only where `valid`; `names` is empty for regression."""

    kind: Kind
    targets: list[np.ndarray]
    valid: list[np.ndarray]
    names: tuple[str, ...]
    outputs: int
    findings: tuple[Finding, ...]


def number(cell: str) -> float:
    """Return the number that a cell holds, or raise ValueError. Python's 1_000 is not taken for a number."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _numbers(labels: Labels) -> np.ndarray | None:
    """Return the labels as float64 of shape (n,) or (n, k), or None where one is text."""
    if isinstance(labels, np.ndarray):
        return labels.astype(np.float64)
    if any("_" in label for label in labels):
        return None
    try:
        return np.array([float(label) for label in labels], dtype=np.float64)
    except ValueError:
        return None


def _guess(values: np.ndarray) -> Kind:
    """Return the task for numeric labels: few different whole numbers are classes, everything else is measured."""
    if values.ndim == 2 and values.shape[1] > 1:
        return "classification" if _one_hot(values) else "regression"
    finite = values[np.isfinite(values)]
    if np.any(finite != np.floor(finite)):
        return "regression"
    distinct = np.unique(finite).size
    if distinct <= 2:
        return "binary"
    return "classification" if distinct <= max(20, math.isqrt(finite.size)) else "regression"


def _one_hot(values: np.ndarray) -> bool:
    return bool(np.all((values == 0) | (values == 1)) and np.all(values.sum(axis=1) == 1))


def encode(
    sources: Sequence[Labels],
    task: Kind | None,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    text: bool = False,
    ignore: int | None = None,
) -> Encoding:
    """Return the targets of all sources under one numbering.

    `names` are class names where labels are indices into them; `text` says that labels are names even where they look
    like numbers. Targets are int64 (n,) for classification, float32 (n, 1) or (n, k) otherwise. Labels that are the
    number `ignore` are no class; their target is IGNORED. Raises BadData.
    """
    if any(isinstance(labels, np.ndarray) and labels.ndim > 2 for labels in sources):
        from .maps import encode_maps

        if not all(isinstance(labels, np.ndarray) and labels.ndim > 2 for labels in sources):
            raise bad("targets_differ", say("Some parts have images as targets, others have not."))
        return encode_maps([np.asarray(labels) for labels in sources], task, classes, names, ignore)
    arrays = [None if text else _numbers(labels) for labels in sources] if ignore is not None else []
    values = [a for a in arrays if a is not None and a.shape[1:] in ((), (1,))]
    if not arrays or len(values) < len(arrays):
        return _encode(sources, task, classes, names, text)
    values = [v.reshape(len(v)) for v in values]
    left_out = [np.equal(v, float(ignore or 0)) for v in values]
    kept: list[Labels] = [np.where(mask, np.nan, v) for mask, v in zip(left_out, values, strict=True)]
    if all(mask.all() for mask in left_out):
        raise bad("no_label", say("Every label is {label}, which the loss leaves out.", label=ignore))
    found = _encode(kept, task, classes, names, text)
    if found.kind != "classification":
        return _encode(sources, task, classes, names, text)
    targets = [np.where(m.reshape(t.shape), IGNORED, t) for m, t in zip(left_out, found.targets, strict=True)]
    valid = [ok | m for ok, m in zip(found.valid, left_out, strict=True)]
    return replace(found, targets=targets, valid=valid)


def _encode(
    sources: Sequence[Labels],
    task: Kind | None,
    classes: Sequence[str] | None,
    names: Sequence[str] | None,
    text: bool,
) -> Encoding:
    arrays = None if text else [_numbers(labels) for labels in sources]
    if arrays is not None and any(a is None for a in arrays):
        arrays = None
    if arrays is None:
        if task == "regression":
            raise bad("labels_not_numbers", say("The task is regression, but the targets are not numbers."))
        if any(isinstance(labels, np.ndarray) and labels.ndim > 1 for labels in sources):
            raise bad("labels_mixed", say("Some labels are text and others rows of numbers."))
        return _named([[str(v) for v in labels] for labels in sources], task, classes)
    values = [a.reshape(len(a)) if a.ndim == 2 and a.shape[1] == 1 else a for a in arrays if a is not None]
    if len({v.shape[1:] for v in values}) > 1:
        raise bad("targets_differ", say("The parts have different numbers of targets."))
    together = np.concatenate(values)
    known = classes or names
    kind = task or (_kind_of(known) if known else _guess(together))
    if kind == "regression":
        return _measured(values)
    if together.ndim == 2:
        if kind == "binary" and not (together.shape[1] == 2 and _one_hot(together)):
            return _yes_or_no(values)
        if not _one_hot(together):
            raise bad(
                "labels_not_one_hot",
                say("Targets have {count} columns that are not one 1 among 0s.", count=together.shape[1]),
                "",
                say("A class is one number, one name, or one 1 among 0s."),
                say("Set the task to regression, or to binary where every column is a yes or no of its own."),
            )
        width = together.shape[1]
        values, names = [v.argmax(axis=1).astype(np.float64) for v in values], names or [str(k) for k in range(width)]
        together = np.concatenate(values)
    finite = together[np.isfinite(together)]
    if np.any(finite != np.floor(finite)):
        shown = next(v for v in finite if v != math.floor(v))
        raise bad(
            "labels_not_whole",
            say("A label is {value:g}, which is no class number.", value=shown),
            "",
            "",
            say("Set the task to regression."),
        )
    if classes is not None:
        return _named([[_spelled(v, names) for v in part] for part in values], kind, classes)
    return _numbered(values, finite, kind, names)


def _spelled(label: float, names: Sequence[str] | None) -> str:
    """Return a whole number as the name of its class; nothing where it has none."""
    if not math.isfinite(label):
        return ""
    if names is None:
        return f"{label:.0f}"
    return names[int(label)] if 0 <= label < len(names) else ""


def _kind_of(names: Sequence[str]) -> Kind:
    return "binary" if len(names) == 2 else "classification"


def _finish(
    codes: list[np.ndarray], names: Sequence[str], kind: Kind, findings: list[Finding], valid: list[np.ndarray]
) -> Encoding:
    if kind == "binary":
        if len(names) != 2:
            raise bad(
                "not_two_classes",
                say(
                    "The task is binary, but there are {count} classes: {names}.",
                    count=len(names),
                    names=", ".join(map(str, names[:10])),
                ),
                "",
                say("A binary network answers yes or no."),
                say("Set the task to classification."),
            )
        targets = [c.astype(np.float32).reshape(-1, 1) for c in codes]
        return Encoding(kind, targets, valid, tuple(names), 1, tuple(findings))
    if len(names) > MOST_CLASSES:
        raise bad(
            "too_many_classes",
            say(
                "There are {count:,} classes; at most {most:,} are supported.",
                count=len(names),
                most=MOST_CLASSES,
            ),
        )
    return Encoding(kind, [c.astype(np.int64) for c in codes], valid, tuple(names), 1, tuple(findings))


def _named(sources: list[list[str]], task: Kind | None, classes: Sequence[str] | None) -> Encoding:
    found = {label.strip() for labels in sources for label in labels} - {""}
    names = list(classes) if classes is not None else sorted(found)
    kind = task or _kind_of(names)
    index = {name: k for k, name in enumerate(names)}
    codes = [np.array([index.get(v.strip(), -1) for v in labels], dtype=np.int64) for labels in sources]
    findings = []
    if classes is None:
        shown = ", ".join(f"{name} → {k}" for k, name in enumerate(names[:5])) + (", ..." if len(names) > 5 else "")
        findings.append(
            Finding(
                "info",
                "labels_named",
                say("Labels are names; they are numbered in sorted order: {shown}.", shown=shown),
            )
        )
    return _finish(codes, names, kind, findings, [c >= 0 for c in codes])


def _numbered(values: list[np.ndarray], finite: np.ndarray, kind: Kind, names: Sequence[str] | None) -> Encoding:
    present = np.unique(finite)
    valid = [np.isfinite(v) for v in values]
    whole = [np.where(ok, v, 0) for v, ok in zip(values, valid, strict=True)]
    if names is not None:
        inside = [ok & (v >= 0) & (v < len(names)) for v, ok in zip(whole, valid, strict=True)]
        return _finish([w.astype(np.int64) for w in whole], names, kind, [], inside)
    low, high = (int(present[0]), int(present[-1])) if present.size else (0, 0)
    if low == 0 and high < MOST_CLASSES and not (kind == "binary" and present.size == 2):
        findings = []
        absent = sorted(set(range(high + 1)) - {int(p) for p in present})
        if absent:
            shown = ", ".join(map(str, absent[:10])) + (", ..." if len(absent) > 10 else "")
            findings.append(
                Finding(
                    "warning",
                    "label_gap",
                    say("Labels go from 0 to {high}, but no sample has {shown}.", high=high, shown=shown),
                    "",
                    say(
                        "The numbers are kept, so the network gets an output for each of them, also for those "
                        "never seen."
                    ),
                    say("List the labels that exist in data.classes to number them without gaps."),
                )
            )
        count = max(high + 1, 2)
        return _finish([w.astype(np.int64) for w in whole], [str(k) for k in range(count)], kind, findings, valid)
    findings = []
    if present.size and (low != 0 or high != present.size - 1):
        shown = ", ".join(f"{p:.0f} → {k}" for k, p in enumerate(present[:5])) + (", ..." if present.size > 5 else "")
        findings.append(
            Finding(
                "warning" if high - low + 1 != present.size else "info",
                "label_gap" if high - low + 1 != present.size else "labels_numbered",
                say(
                    "Labels go from {low} to {high}; they are numbered in sorted order: {shown}.",
                    low=low,
                    high=high,
                    shown=shown,
                ),
                "",
                say("Outputs of a network count from 0. The names of the classes stay as they are in the data."),
            )
        )
    codes = [np.searchsorted(present, w) for w in whole]
    return _finish(codes, [f"{p:.0f}" for p in present], kind, findings, valid)


def _measured(values: list[np.ndarray]) -> Encoding:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is found by `valid`
        targets = [v.reshape(len(v), -1).astype(np.float32) for v in values]
    outputs = targets[0].shape[1]
    valid = [np.asarray(np.isfinite(t).all(axis=1)) for t in targets]
    return Encoding("regression", targets, valid, (), outputs, ())


def _yes_or_no(values: list[np.ndarray]) -> Encoding:
    for part in values:
        wrong = part[np.isfinite(part) & (part != 0) & (part != 1)]
        if wrong.size:
            raise bad(
                "labels_not_binary",
                say("The task is binary, but a target is {value:g}; only 0 and 1 are allowed.", value=wrong[0]),
            )
    valid = [np.asarray(np.isfinite(v).all(axis=1)) for v in values]
    targets = [np.nan_to_num(v).astype(np.float32) for v in values]
    return Encoding("binary", targets, valid, ("0", "1"), targets[0].shape[1], ())
