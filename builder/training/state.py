"""Everything that resume needs besides arrays, as one record that is written into every checkpoint.

No wall-clock time is in it: the same training gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from schemas.errors import DataError
from schemas.say import say

_LATER = frozenset({"hit_samples", "total_sum", "losses"})


@dataclass
class State:
    """Where training stands. Numbers count what is done, so the next batch is (`epoch`, `batch`), both from 0."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    hit_sum: float = 0.0
    samples: int = 0
    hit_samples: float = 0.0
    """Sums over the samples of the epoch under way, for its line in metrics.jsonl; `hit_samples` without what a loss
    leaves out."""
    total_sum: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    """The same of the sum of all losses, and of each; empty where there is only one."""
    best_epoch: int | None = None
    best_value: float | None = None
    watched_value: float | None = None
    waited: int = 0
    """Early stopping: the value to beat, and the epochs since it was reached."""
    metrics_bytes: int = 0
    """Length of metrics.jsonl; what lies behind was written after this checkpoint and is cut off on resume."""
    finished: str | None = None
    """Why the training is over: "epochs" or "early stopping"."""

    def add(self, loss: float, hits: tuple[float, float], samples: int) -> None:
        """Count one step: its main loss, and what `scores.tally` says."""
        self.batch += 1
        self.step += 1
        self.loss_sum += loss * samples
        self.hit_sum += hits[0]
        self.hit_samples += hits[1]
        self.samples += samples

    def add_losses(self, total: float, losses: dict[str, float], samples: int) -> None:
        """Count the losses of a step that has several."""
        self.total_sum += total * samples
        self.losses = {name: self.losses.get(name, 0.0) + value * samples for name, value in losses.items()}

    def means(self) -> dict[str, Any]:
        """Return the sum of all losses and each of them, as means over the epoch's samples; {} where there is one."""
        if not self.losses:
            return {}
        each = {name: value / self.samples for name, value in self.losses.items()}
        return {"total_loss": self.total_sum / self.samples, "losses": each}

    def next_epoch(self) -> None:
        """Count one epoch and empty its sums."""
        self.epoch += 1
        self.batch = self.samples = 0
        self.loss_sum = self.hit_sum = self.hit_samples = self.total_sum = 0.0
        self.losses = {}

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> State:
        """Read what to_json wrote. Raises DataError when it is something else."""
        try:
            raw: Any = json.loads(text)
            names = {one.name for one in fields(cls)}
            if isinstance(raw, dict) and _LATER.isdisjoint(raw):  # written before these were counted
                raw |= {"hit_samples": float(raw["samples"]), "total_sum": 0.0, "losses": {}}
            if not isinstance(raw, dict) or set(raw) != names:
                raise ValueError("its fields are not those of this version")
            return cls(**raw)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DataError(say("The state in the checkpoint cannot be read: {error}.", error=error)) from error
