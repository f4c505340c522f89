"""Predictions that are images: a class or values for every pixel, as rows of a table, .npz or PNG files."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import UsageError
from schemas.shapes import Shape, shape_text


def classes_of(task: str, prediction: np.ndarray) -> np.ndarray | None:
    """Return the class of each pixel, int64 (N, H, W), from probabilities (N, C, H, W); None where they are values."""
    if task == "classification":
        return prediction.argmax(axis=1).astype(np.int64)
    if task == "binary" and prediction.shape[1] == 1:
        return (prediction[:, 0] >= 0.5).astype(np.int64)
    return None


def rows(
    task: str, prediction: np.ndarray, samples: Sequence[str], class_names: Sequence[str] | None
) -> list[dict[str, Any]]:
    """Return a row per sample: its size, and the share of each class's pixels or the range of its values."""
    classes = classes_of(task, prediction)
    height, width = prediction.shape[2], prediction.shape[-1]
    found = []
    for k, name in enumerate(samples):
        row: dict[str, Any] = {"sample": name, "height": height, "width": width}
        if classes is None:
            values = prediction[k].astype(np.float64)
            row |= {"min": float(values.min()), "mean": float(values.mean()), "max": float(values.max())}
        else:
            count = 2 if task == "binary" else prediction.shape[1]
            names = list(class_names) if class_names and len(class_names) == count else [str(c) for c in range(count)]
            shares = np.bincount(classes[k].reshape(-1), minlength=count) / classes[k].size
            row["pixels"] = dict(zip(names, shares.tolist(), strict=True))
        found.append(row)
    return found


def palette(count: int) -> bytes:
    """Return colours for class numbers 0, 1, 2, …: black, then hues far apart."""
    colours = [(0.0, 0.0, 0.0)]
    colours += [colorsys.hsv_to_rgb(k * 0.618033988749895 % 1, 0.65, 0.95) for k in range(1, max(count, 2))]
    return bytes(round(255 * part) for colour in colours[:256] for part in colour)


class Writer:
    """Writes predictions that are images: one .npz with `prediction` and `sample`, or a folder with a PNG per sample.

    A PNG of classes is a palette image whose numbers are the classes, the form that a source of masks reads. One of
    values is grey, or RGB where there are three channels, with 0 black and 1 white.
    """

    def __init__(self, to: Path, task: str, shape: Shape) -> None:
        if np.prod(shape[1:]) <= 1:
            raise UsageError(
                f"This network gives {shape_text(shape)} per sample, which is no image: write a .csv or a .json file."
            )
        self.to, self.task, self.shape = to, task, shape
        self._predictions: list[np.ndarray] = []
        self._names: list[str] = []

    def add(self, prediction: np.ndarray, samples: Sequence[str]) -> None:
        """Take a batch of predictions (N, C, H, W)."""
        if self.to.suffix.lower() == ".npz":
            classes = classes_of(self.task, prediction)
            self._predictions.append(prediction if classes is None else classes)
        else:
            self.to.mkdir(parents=True, exist_ok=True)
            for values, name in zip(prediction, samples, strict=True):
                self._picture(values[None], len(self._names), name)
                self._names.append(name)
            return
        self._names += samples

    def _picture(self, values: np.ndarray, number: int, sample: str) -> None:
        from PIL import Image

        classes = classes_of(self.task, values)
        stem = re.sub(r"[^\w.-]", "_", Path(sample).stem)[:100] or "sample"
        place = self.to / f"{number:05d}_{stem}.png"
        if classes is not None and self.shape[0] <= 256:
            picture = Image.fromarray(classes[0].astype(np.uint8), "L")
            picture = picture.convert("P")
            picture.putdata(classes[0].reshape(-1).tolist())
            picture.putpalette(palette(2 if self.task == "binary" else self.shape[0]))
        else:
            shown = np.rint(np.clip(values[0], 0, 1) * 255).astype(np.uint8)
            if len(shown) not in (1, 3):
                raise UsageError(f"{len(shown)} channels are no picture: write an .npz file.")
            picture = Image.fromarray(shown[0] if len(shown) == 1 else np.moveaxis(shown, 0, -1))
        picture.save(place)

    def close(self) -> None:
        """Write what is written as a whole."""
        if self.to.suffix.lower() == ".npz":
            whole = np.concatenate(self._predictions) if self._predictions else np.zeros((0, *self.shape))
            np.savez_compressed(self.to, prediction=whole, sample=np.array(self._names))
