"""Targets that are images: a class for every pixel (segmentation), or values for every pixel (image regression).

Class maps are int64 (n, H, W); yes-or-no maps and values are float32 (n, C, H, W), whatever the source's form was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from schemas import data as schema
from schemas.say import say

from .facts import Kind, Shape
from .finding import bad
from .labels import Encoding, encode
from .resize import resize

MOST_CLASSES_GUESSED = 32
"""Different whole numbers up to which a map of numbers is taken for classes where the task does not say."""


def is_map(values: object) -> bool:
    """Say whether these labels or targets have pixels: (n, H, W) or (n, C, H, W)."""
    return isinstance(values, np.ndarray) and values.ndim > 2


def form(kind: str | None, axes: Shape) -> Shape:
    """Return the shape of one encoded map for a task, from that of one target: (H, W) or (C, H, W).

    >>> form("classification", (1, 4, 5)), form("regression", (4, 5))
    ((4, 5), (1, 4, 5))
    """
    if kind == "classification":
        return tuple(axes[-2:])
    return tuple(axes) if len(axes) == 3 else (1, *axes)


def encode_maps(
    arrays: Sequence[np.ndarray],
    task: Kind | None,
    classes: Sequence[str] | None,
    names: Sequence[str] | None,
    ignore: int | None = None,
) -> Encoding:
    """Return the targets of all sources under one numbering; `valid` leaves out samples with NaN or no class.

    Pixels whose label is `ignore` are IGNORED.
    """
    values = [np.asarray(a) for a in arrays]
    if any(v.dtype.kind not in "buif" for v in values):
        raise bad("labels_not_numbers", say("Targets that are images must hold numbers."))
    if len({v.shape[1:] for v in values}) > 1:
        raise bad("targets_differ", say("The parts have targets of different sizes."))
    kind = task or ("binary" if classes and len(classes) == 2 else "classification" if classes else _guess(values))
    if kind == "regression":
        targets = [v.reshape(len(v), *form(kind, v.shape[1:])).astype(np.float32) for v in values]
        valid = [np.asarray(np.isfinite(t).reshape(len(t), -1).all(axis=1)) for t in targets]
        return Encoding("regression", targets, valid, (), int(np.prod(targets[0].shape[1:])), ())
    channels = values[0].shape[1] if values[0].ndim == 4 else 1
    if channels > 1 and kind == "binary":
        return _yes_or_no(values)
    if channels > 1:
        if not all(((v == 0) | (v == 1)).all() and (v.sum(axis=1) == 1).all() for v in values):
            raise bad(
                "labels_not_one_hot",
                say("Targets have {channels} channels that are not one 1 among 0s at every pixel.", channels=channels),
                "",
                say("A pixel's class is one number, or one 1 among 0s."),
                say("Set the task to regression, or to binary where every channel is a yes or no of its own."),
            )
        values = [v.argmax(axis=1) for v in values]
        names = names or [str(k) for k in range(channels)]
    sites = values[0].shape[-2:]
    flat = encode([v.reshape(-1).astype(np.float64) for v in values], kind, classes, names, ignore=ignore)
    shape = sites if kind == "classification" else (1, *sites)
    targets = [t.reshape(len(v), *shape) for t, v in zip(flat.targets, values, strict=True)]
    valid = [np.asarray(ok.reshape(len(v), -1).all(axis=1)) for ok, v in zip(flat.valid, values, strict=True)]
    return replace(flat, targets=targets, valid=valid, outputs=1 if kind == "classification" else int(np.prod(shape)))


def _guess(values: Sequence[np.ndarray]) -> Kind:
    finite = np.concatenate([np.unique(v[np.isfinite(v)]) for v in values])
    if np.any(finite != np.floor(finite)):
        return "regression"
    distinct = np.unique(finite).size
    several = values[0].ndim == 4 and values[0].shape[1] > 1
    if several:
        one = all((v.sum(axis=1) == 1).all() for v in values)
        return "regression" if distinct > 2 or not one else "classification"
    return "binary" if distinct <= 2 else "classification" if distinct <= MOST_CLASSES_GUESSED else "regression"


def _yes_or_no(values: Sequence[np.ndarray]) -> Encoding:
    for part in values:
        wrong = part[np.isfinite(part) & (part != 0) & (part != 1)]
        if wrong.size:
            raise bad(
                "labels_not_binary",
                say("The task is binary, but a target is {value:g}; only 0 and 1 are allowed.", value=wrong[0]),
            )
    valid = [np.isfinite(v).reshape(len(v), -1).all(axis=1) for v in values]
    targets = [np.nan_to_num(v).astype(np.float32) for v in values]
    return Encoding("binary", targets, valid, ("0", "1"), int(np.prod(targets[0].shape[1:])), ())


def resized(targets: np.ndarray, raw: Shape | None, steps: Sequence[schema.Preprocessing]) -> np.ndarray:
    """Return maps of the input's own size after the steps that change the input's size; classes stay whole numbers."""
    if raw is None or len(raw) != 3 or targets.shape[-2:] != tuple(raw[1:]):
        return targets
    for step in steps:
        if not isinstance(step, schema.Resize):
            continue
        classes = targets.dtype.kind == "i"
        how = step.model_copy(update={"method": "nearest"}) if classes or _binary(targets) else step
        planes = targets[:, None].astype(np.float32) if classes else targets
        made = np.stack([resize(plane, how) for plane in planes])
        targets = made[:, 0].astype(np.int64) if classes else made
    return targets


def _binary(targets: np.ndarray) -> bool:
    return bool(((targets == 0) | (targets == 1)).all())


def size_after(axes: Shape, raw: Shape | None, steps: Sequence[schema.Preprocessing]) -> Shape:
    """Return the shape of one map after `resized`."""
    if raw is None or len(raw) != 3 or tuple(axes[-2:]) != tuple(raw[1:]):
        return axes
    sizes = [step.size for step in steps if isinstance(step, schema.Resize)]
    return (*axes[:-2], *sizes[-1]) if sizes else axes
