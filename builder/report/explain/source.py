"""What a run is explained with: its network, its samples, and what to call them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.report.evaluate import data_of, part_of
from builder.report.predict import prediction_rows
from schemas.errors import UsageError
from schemas.say import say

from .probe import grid

if TYPE_CHECKING:
    from builder.data.part import Part
    from builder.network import Network
    from builder.training import Run

SHOWN = 4
"""Samples that are shown when none are named."""
MOST = 32
"""Samples that may be named."""


@dataclass(frozen=True)
class Source:
    """The network of a run with one part of its data. `x`, `t` are the chosen samples, `numbers` theirs in the part."""

    run: Run
    net: Network
    name: str
    part: Part
    class_names: tuple[str, ...]
    numbers: list[int]
    x: np.ndarray
    t: np.ndarray
    train: Part

    @property
    def pictured(self) -> bool:
        """Whether the network reads images, or rows of values."""
        return grid(self.net) is not None

    @property
    def images(self) -> np.ndarray:
        """The chosen samples as images (N, C, H, W); rows have height 1."""
        return self.x.reshape(len(self.x), *(grid(self.net) or ()))

    def label(self, k: int) -> str:
        """Return what the k-th output stands for."""
        return self.class_names[k] if k < len(self.class_names) else f"output {k}"

    def truth(self, k: int) -> str:
        """Return the target of the k-th chosen sample in words."""
        value = np.asarray(self.t[k]).reshape(-1)
        if value.size > 8:
            return ""
        if self.net.task == "regression":
            return ", ".join(f"{v:.4g}" for v in value)
        if value.size == 1:
            return self.label(int(value[0]))
        return self.label(int(value.argmax())) if self.net.task == "classification" else str(value.astype(int).tolist())

    def answers(self) -> list[dict]:
        """Return what the network says of the chosen samples, as `predict` does."""
        prediction = self.net.predict(self.x)
        names = [self.part.where(n) for n in self.numbers]
        return prediction_rows(self.net.task, prediction, names, self.class_names or None)


def open_run(
    run: Run, part: str | None = None, samples: Sequence[int] | None = None, base: str | os.PathLike[str] | None = None
) -> Source:
    """Return a run's network and samples.

    `part` is the one that its report is about when left out; `samples` count from 0, as in predictions.csv. Raises
    DataError where the data have changed, UsageError where there is no such part or sample.
    """
    prepared = data_of(run, base)
    names = [part] if part else [run.report.get("part", "test"), "test", "validation", "train"]
    name = next((n for n in names if n in prepared.parts), names[0])
    chosen = part_of(run, prepared, name)
    numbers = _some(chosen, samples, name)
    x, t = chosen.read(np.array(numbers, np.int64))
    return Source(run, run.network, name, chosen, prepared.class_names, numbers, x, t, prepared.train)


def _some(part: Part, samples: Sequence[int] | None, name: str) -> list[int]:
    """Return the samples that were named; without any, the first ones of different classes."""
    if samples is not None:
        wrong = [n for n in samples if not 0 <= n < len(part)]
        if wrong:
            raise UsageError(
                say(
                    "The {name} part has the samples 0 to {last:,}, but received {given:,}.",
                    name=name,
                    last=len(part) - 1,
                    given=wrong[0],
                )
            )
        if not 0 < len(samples) <= MOST:
            raise UsageError(say("Name 1 to {most} samples, but received {count}.", most=MOST, count=len(samples)))
        return list(dict.fromkeys(samples))
    seen: dict[object, int] = {}
    if part.targets.ndim == 1 or part.targets.shape[1:] == (1,):
        for k, value in enumerate(part.targets[:1000].reshape(-1).tolist()):
            seen.setdefault(value, k)
            if len(seen) == SHOWN:
                break
    found = list(seen.values())
    return found if len(found) > 1 else list(range(min(SHOWN, len(part))))
