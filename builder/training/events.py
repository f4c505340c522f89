"""What a training tells while it runs, as plain dicts: for the progress bar, the browser and the run's log.

    {"event": "warning", "finding": {...}}                       about the data, before the first step
    {"event": "initialise", "source", "layers": [{"layer", "from", "copied", "why"}]}    where weights come from a run
    {"event": "start", "run", "epochs", "batches", "samples", "epoch", "step", "resumed", "threads"}
    {"event": "step", "epoch", "epochs", "batch", "batches", "step", "steps", "loss", "learning_rate", "seconds_left"}
    {"event": "epoch", "epoch", "epochs", "metrics": a line of metrics.jsonl, "best": bool, "seconds"}
        where the network has several losses, step and metrics have "total_loss" too, the sum that training makes small,
        and "losses", each one by its layer's name, before its loss_weight; "loss" is the main one
    {"event": "advice", "advice": {...}}                         of the training doctor, each code once
    {"event": "checkpoint", "epoch", "batch", "step"}
    {"event": "end", "run", "status", "report": the content of report.json, or None when stopped before the end}

Epochs, batches and steps count what is done, from 1 after the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Progress = Callable[[dict[str, Any]], None]


class Events:
    """Hand events to the caller, if one listens."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def emit(self, event: str, **values: Any) -> None:
        if self._progress is not None:
            self._progress({"event": event, **values})


class Clock:
    """Estimate the seconds left from the steps done by this process."""

    def __init__(self, step: int, steps: int) -> None:
        self._begin, self._first, self._steps = time.monotonic(), step, steps

    def left(self, step: int) -> float | None:
        """Return seconds until the last step, None before the first."""
        done = step - self._first
        return (time.monotonic() - self._begin) / done * (self._steps - step) if done > 0 else None
