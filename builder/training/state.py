"""Everything that resume needs besides arrays, as one record that is written into every checkpoint.

No wall-clock time is in it: the same training gives the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from schemas.errors import DataError


@dataclass
class State:
    """Where training stands. Numbers count what is done, so the next batch is (`epoch`, `batch`), both from 0."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    hit_sum: float = 0.0
    samples: int = 0
    """Sums over the samples of the epoch under way, for its line in metrics.jsonl."""
    best_epoch: int | None = None
    best_value: float | None = None
    watched_value: float | None = None
    waited: int = 0
    """Early stopping: the value to beat, and the epochs since it was reached."""
    metrics_bytes: int = 0
    """Length of metrics.jsonl; what lies behind was written after this checkpoint and is cut off on resume."""
    finished: str | None = None
    """Why the training is over: "epochs" or "early stopping"."""

    def add(self, loss: float, hit_sum: float, samples: int) -> None:
        """Count one step."""
        self.batch += 1
        self.step += 1
        self.loss_sum += loss * samples
        self.hit_sum += hit_sum
        self.samples += samples

    def next_epoch(self) -> None:
        """Count one epoch and empty its sums."""
        self.epoch += 1
        self.batch = self.samples = 0
        self.loss_sum = self.hit_sum = 0.0

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> State:
        """Read what to_json wrote. Raises DataError when it is something else."""
        try:
            raw: Any = json.loads(text)
            names = {field.name for field in fields(cls)}
            if not isinstance(raw, dict) or set(raw) != names:
                raise ValueError("its fields are not those of this version")
            return cls(**raw)
        except (ValueError, RecursionError) as error:
            raise DataError(f"The state in the checkpoint cannot be read: {error}.") from error
