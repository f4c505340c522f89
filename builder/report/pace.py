"""How long an epoch will take on this machine: the plan's work against the machine's measured figures."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.check import Report


@dataclass(frozen=True)
class Pace:
    """Predicted seconds of a training step, and steps of an epoch; None without data."""

    step_seconds: float
    threads: int
    steps: int | None = None

    @property
    def epoch_seconds(self) -> float | None:
        return None if self.steps is None else self.steps * self.step_seconds

    def to_json(self) -> dict[str, Any]:
        return {"step_seconds": self.step_seconds, "epoch_seconds": self.epoch_seconds, "threads": self.threads}


def pace(report: Report, measure: bool = True) -> Pace | None:
    """Return the prediction, or None for a document with errors or whose shapes only unreadable data would tell.

    The machine's figures are measured where they are not known yet (less than a second, once); with measure=False the
    answer is None then. Data are not looked at but for their number.
    """
    if not report.ok or any(info.output_shape is None for info in report.layers):
        return None
    from builder.compile.figures import elsewhere, known
    from builder.compile.lower import lower
    from builder.compile.memory import STATES
    from builder.compile.plan import plan
    from builder.compile.work import ALONE, separately_updated, step_seconds, work_of_step
    from builder.cost import Settings

    to, section = Settings.of(report.document), report.document.get("training") or {}
    graph = lower(report.network)
    threads = min(int(section.get("threads") or processors()), processors())
    threads = threads if work_of_step(graph, to.batch, "train") >= ALONE else 1
    found = known(threads)
    if found is None and measure:
        elsewhere(threads).wait()
        found = known(threads)
    if found is None:
        return None
    planned = plan(graph, to.batch, "train", 4, found.vector_bytes, exact=bool(section.get("exact")))
    updated = separately_updated(planned.emitted.graph.nodes)
    seconds = step_seconds(planned, found, updated, STATES.get(to.optimizer, 2))
    samples = training_samples(report)
    return Pace(seconds, threads, None if samples is None else math.ceil(samples / to.batch))


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def training_samples(report: Report) -> int | None:
    """Return how many samples an epoch has; None where the data are unknown."""
    if report.facts is None or not report.facts.samples:
        return None
    data = report.document.get("data")
    parts = [data.get(key, 0) for key in ("validation", "test")] if isinstance(data, dict) else []
    kept = 1.0 - sum(part for part in parts if isinstance(part, float) and 0 < part < 1)
    return max(1, round(report.facts.samples * kept))
