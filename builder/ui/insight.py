"""One trained network to be looked at: its data, its answers, its samples. Shared by the sessions of a server.

The network works on one thread here: the server's threads are many, and none of them may start a parallel region.
Whoever asks it something holds `lock`: its memory serves one question at a time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import TsumikiError
from schemas.say import message

if TYPE_CHECKING:
    from builder.data.part import Part
    from builder.network import Network


@dataclass(frozen=True)
class Answers:
    """What a network says of every sample of a part."""

    part: Part
    name: str
    prediction: np.ndarray
    """(n, outputs): probabilities, or values."""
    truth: np.ndarray
    """Class indices (n,), or values (n, outputs)."""
    metrics: dict[str, Any]
    task: str

    @cached_property
    def said(self) -> np.ndarray:
        """The predicted class of each sample (n,); only for classes."""
        if self.prediction.shape[1] == 1:
            return (self.prediction[:, 0] >= 0.5).astype(np.int64)
        found: np.ndarray = self.prediction.argmax(axis=1)
        return found

    def likelihood(self, classes: np.ndarray) -> np.ndarray:
        """Return the probability that each sample was given for its class of `classes` (n,)."""
        if self.prediction.shape[1] == 1:
            one = self.prediction[:, 0].astype(np.float64)
            return np.where(classes == 1, one, 1 - one)
        found: np.ndarray = self.prediction[np.arange(len(classes)), classes].astype(np.float64)
        return found

    @property
    def classes(self) -> bool:
        """Whether the answers are classes, one for each sample."""
        return self.task != "regression" and self.truth.ndim == 1

    @property
    def maps(self) -> bool:
        """Whether the answers are images: a class or a value for every pixel."""
        return self.prediction.ndim > 2 and self.prediction.shape[2] * self.prediction.shape[3] > 1

    def shown(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return truth and answer of samples as images (n, C, H, W): class numbers, or values."""
        truth, said = self.truth[which], self.prediction[which]
        if self.task == "classification":
            said = said.argmax(axis=1)
            truth = truth.argmax(axis=1) if truth.ndim == 4 else truth
        elif self.task == "binary":
            said = (said >= 0.5).astype(np.float32)
        truth, said = (values if values.ndim == 4 else values[:, None] for values in (truth, said))
        return truth.astype(np.float32), said.astype(np.float32)

    def error(self) -> np.ndarray:
        """Return how wrong each answer is (n,): how unlikely the truth was held, or the mean distance to it."""
        if self.classes:
            missed: np.ndarray = np.where(self.truth < 0, 0, 1 - self.likelihood(self.truth))
            return missed  # nothing is wrong where the truth is left out
        if self.maps:
            truth, said = self.shown(np.arange(len(self.prediction)))
            apart = (truth != said) & (truth >= 0) if self.task == "classification" else np.abs(truth - said)
            each: np.ndarray = apart.reshape(len(apart), -1).mean(axis=1)
            return each
        wide = self.truth.reshape(len(self.truth), -1)
        found: np.ndarray = np.abs(self.prediction - wide).mean(axis=1)
        return found

    def cell(self, truth: int | None, said: int | None) -> np.ndarray:
        """Return the samples of one cell of the confusion matrix, the surest first; None stands for any class."""
        fits = np.ones(len(self.truth), bool)
        if truth is not None:
            fits &= self.truth == truth
        if said is not None:
            fits &= self.said == said
        chosen = np.flatnonzero(fits)
        return chosen[np.argsort(-self.likelihood(self.said)[chosen], kind="stable")]


class Insight:
    """A run's best network with its data, as far as they are still there."""

    def __init__(self, folder: Path) -> None:
        """Raises TsumikiError where the run's network cannot be read."""
        from builder.training import Run

        self.run = Run(folder)
        self.net: Network = self.run.network
        self.net.threads = 1
        self.lock = threading.RLock()
        self.missing: str | None = None
        """Why the data cannot be used, None where they can."""
        self.memory: dict[str, Any] = {}
        """What pages have measured once and keep here."""
        self._answers: dict[str, Answers] = {}
        self._prepared: Any = None
        try:
            from builder.report.evaluate import data_of

            self._prepared = data_of(self.run)
        except TsumikiError as error:
            self.missing = message(error)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names; empty for a regression."""
        return tuple(self.run.data.get("class_names") or ())

    def name(self, place: int) -> str:
        if place < 0:
            return "–"  # left out
        return self.names[place] if place < len(self.names) else str(place)

    @property
    def parts(self) -> list[str]:
        """Parts of the data, the one that the report is about first."""
        if self._prepared is None:
            return []
        first = self.run.report.get("part", "test")
        return sorted(
            self._prepared.parts, key=lambda name: (name != first, ("test", "validation", "train").index(name))
        )

    @property
    def pictured(self) -> bool:
        """Whether the network reads images."""
        return len(self.net.input_shape) == 3

    @cached_property
    def pipeline(self) -> Any:
        """The run's fitted preprocessing."""
        from builder.data import Pipeline

        return Pipeline.from_json(self.run.data["pipeline"])

    def part(self, name: str) -> Part:
        found: Part = self._prepared.parts[name]
        return found

    def answers(self, name: str) -> Answers:
        """Return what the network says of a part; asked once."""
        with self.lock:
            if name not in self._answers:
                self._answers[name] = self._ask(name)
            return self._answers[name]

    def _ask(self, name: str) -> Answers:
        from builder.report.metrics import metrics
        from builder.training.evaluation import evaluate
        from schemas.training import Training

        training = Training.model_validate(self.run.document.get("training", {}))
        part = self.part(name)
        loss, prediction, target = evaluate(self.net, part, training.evaluation_batch_size)
        found = {"loss": loss, **metrics(self.net.task, prediction, target, self.names or None, training.top_k)}
        truth = target
        if prediction.ndim > 2 and prediction[0, 0].size > 1:
            return Answers(part, name, prediction, truth, found, self.net.task)
        prediction = prediction.reshape(len(prediction), -1)
        if self.net.task == "classification":
            truth = target.argmax(axis=1) if target.ndim > 1 else target.astype(np.int64)
        elif self.net.task == "binary" and target.reshape(len(target), -1).shape[1] == 1:
            truth = (target.reshape(-1) > 0.5).astype(np.int64)
        return Answers(part, name, prediction, truth, found, self.net.task)

    def label(self, truth: Any) -> str:
        """Return a target in words."""
        if self.net.task == "regression" or np.size(truth) > 1:
            return ", ".join(f"{value:.4g}" for value in np.atleast_1d(truth).reshape(-1)[:4])
        return self.name(int(np.asarray(truth).reshape(-1)[0]))
