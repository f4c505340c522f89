"""What came out of an experiment: a row per variant and point of the grid, mean and deviation over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.training.run import Run
from schemas.experiment import Experiment

from .plan import Trial

SMALLER = ("loss", "mae", "rmse")
"""Metrics that are better when they are smaller."""


@dataclass(frozen=True)
class Row:
    """One variant at one point of the grid."""

    variant: str
    point: Mapping[str, Any]
    test: tuple[float, ...]
    """The metric on the test part, one value per seed."""
    first: tuple[float, ...]
    """The metric on the validation part after the first epoch."""
    reached: tuple[int | None, ...]
    """Epochs until the validation part reached what the experiment asks for; None where it never did."""
    curve: tuple[float, ...]
    """The metric on the validation part after each epoch, mean over the seeds that trained as long."""

    @property
    def name(self) -> str:
        values = [f"{path.rpartition('.')[2]} {value}" for path, value in self.point.items()]
        return ", ".join([self.variant, *values])

    def to_json(self) -> dict[str, Any]:
        return {
            "variant": self.variant, "grid": dict(self.point), "runs": len(self.test), "test": list(self.test),
            "mean": mean(self.test), "sd": deviation(self.test), "first_epoch": mean(self.first),
            "epochs_to_reach": list(self.reached), "curve": list(self.curve),
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """All rows of an experiment."""

    name: str
    description: str
    metric: str
    reach: float | None
    grid: tuple[str, ...]
    rows: tuple[Row, ...]
    runs: Mapping[str, Run] = field(repr=False)
    """Trial key -> run."""

    def to_json(self) -> dict[str, Any]:
        rows = [row.to_json() for row in self.rows]
        return {"name": self.name, "metric": self.metric, "reach": self.reach, "rows": rows}

    def spread(self, variant: str) -> float:
        """Return how far a variant's mean results lie apart over the grid: largest minus smallest."""
        means = [mean(row.test) for row in self.rows if row.variant == variant]
        return max(means) - min(means)


def outcome(experiment: Experiment, trials: Sequence[Trial], runs: Mapping[str, Run]) -> Outcome:
    """Gather the rows of finished runs."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        if trial.compared:
            groups.setdefault((trial.variant, repr(trial.point)), []).append(trial)
    shown = next(trial for trial in trials if trial.compared)
    task = runs[shown.key].report.get("task", "classification")
    metric = experiment.metric or ("r2" if task == "regression" else "accuracy")
    rows = [_row(group, [runs[trial.key] for trial in group], metric, experiment.reach) for group in groups.values()]
    return Outcome(
        experiment.name, experiment.description or "", metric, experiment.reach, tuple(experiment.grid), tuple(rows),
        runs,
    )  # fmt: skip


def _row(trials: Sequence[Trial], runs: Sequence[Run], metric: str, reach: float | None) -> Row:
    curves = [[float(row.get("validation", row["train"])[metric]) for row in run.metrics] for run in runs]
    longest = max(len(curve) for curve in curves)
    return Row(
        trials[0].variant,
        dict(trials[0].point),
        tuple(float(run.test[metric]) for run in runs),
        tuple(curve[0] for curve in curves),
        tuple(_epochs(curve, metric, reach) for curve in curves) if reach is not None else (),
        tuple(mean([curve[k] for curve in curves if len(curve) > k]) for k in range(longest)),
    )


def _epochs(curve: Sequence[float], metric: str, reach: float | None) -> int | None:
    """Return the first epoch, counted from 1, whose value is good enough."""
    if reach is None:
        return None
    good = (k for k, value in enumerate(curve, 1) if (value <= reach if metric in SMALLER else value >= reach))
    return next(good, None)


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n - 1); 0 for one value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def spelled(values: Sequence[float]) -> str:
    """Write mean ± standard deviation.

    >>> spelled([0.9, 0.92, 0.94])
    '0.920 ± 0.020'
    """
    return f"{mean(values):.3f} ± {deviation(values):.3f}"


def epochs(reached: Sequence[int | None]) -> str:
    """Write how many epochs it took: the median, and how often it was reached at all.

    >>> epochs([3, 5, 4]), epochs([3, None, 5]), epochs([None, None])
    ('4', '4 (2 of 3)', 'never')
    """
    times = [time for time in reached if time is not None]
    if not times:
        return "never"
    text = f"{statistics.median(times):g}"
    return text if len(times) == len(reached) else f"{text} ({len(times)} of {len(reached)})"
