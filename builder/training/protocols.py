"""What training asks of the network and of the data, so that either can be replaced in a test."""

from __future__ import annotations

from collections.abc import Generator, MutableMapping
from typing import Any, Protocol

import numpy as np

from builder.answers import Weights
from builder.targets import Mixed
from schemas.training import Optimizer

Target = np.ndarray | Mixed


class Session(Protocol):
    """The engine's training state of one network: optimizer slots, gradients not yet applied, counters."""

    @property
    def prediction(self) -> np.ndarray:
        """Outputs (n, ...) of the last step."""

    @property
    def losses(self) -> dict[str, float]:
        """Each loss of the last step by its layer's name, the main one first; {} where there is only one."""

    @property
    def main_loss(self) -> float:
        """The main loss of the last step, times its weight."""

    def step(self, x: np.ndarray, t: Target, weights: Weights = None, *, learning_rate: float) -> float:
        """Forward, backward, update; return the loss, the mean over these samples."""

    def flush(self, learning_rate: float) -> None:
        """Apply gradients of an incomplete group of accumulated steps; nothing when there are none."""

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on, besides the network's parameters."""

    def load_state(self, state: dict[str, np.ndarray]) -> None: ...

    def fault(self) -> str | None:
        """After a loss that is not finite: the layer where it began, and in what."""


class Network(Protocol):
    """A compiled network."""

    @property
    def params(self) -> MutableMapping[str, np.ndarray]: ...

    @property
    def threads(self) -> int: ...

    def session(
        self,
        batch_size: int,
        optimizer: Optimizer,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        accumulate: int = 1,
    ) -> Session: ...

    def evaluated(self, x: np.ndarray, t: np.ndarray, batch_size: int = 256) -> tuple[float, np.ndarray]:
        """Return mean loss and predictions (n, ...), as in use."""


class Part(Protocol):
    """Training, validation or test part: samples by index."""

    @property
    def targets(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def where(self, index: int) -> str:
        """The sample's place for people, as "file:line"."""


class Pipeline(Protocol):
    """Fitted preprocessing."""

    def to_json(self) -> dict[str, Any]: ...


Batch = tuple[int, np.ndarray, np.ndarray, Target]
"""Number in the epoch, indices of the samples, x, t."""


class Loader(Protocol):
    """Batches in an order that depends only on seed, epoch and position."""

    def batches(self, epoch: int, start: int = 0) -> Generator[Batch, None, None]: ...


class Prepared(Protocol):
    """The data of a document, split and preprocessed."""

    @property
    def train(self) -> Part: ...

    @property
    def validation(self) -> Part | None: ...

    @property
    def test(self) -> Part | None: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def class_names(self) -> Any: ...

    @property
    def pipeline(self) -> Pipeline: ...

    @property
    def findings(self) -> Any: ...

    def record(self) -> dict[str, Any]:
        """What data.json keeps to recognise the data and to treat new samples alike."""
