"""Train one document in several variants, over a grid and several seeds, and compare: mean ± standard deviation.

plan.py (which trainings) -> run.py (train what is not there yet) -> outcome.py (rows) -> page.py (table and chart)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .outcome import Outcome, outcome
from .plan import read, trials
from .run import run

__all__ = ["Outcome", "experiment"]


def experiment(
    file: str | os.PathLike[str] | dict[str, Any],
    out: str | os.PathLike[str] = "runs",
    progress: Callable[[int, int, str], None] | None = None,
    threads: int | None = None,
) -> Outcome:
    """Run an experiment (a JSON file, or its content) and return what came out; see schemas/experiment.py.

    Every training is a run folder in `out`/<name>/. Those that are finished are not trained again, so an experiment
    that was stopped goes on when it is run again. `progress` is called with (number, of how many, what) before each
    training. Writes table and chart to `out`/<name>/experiment.html. Raises UsageError, DocumentError, DataError and
    what `builder.train` raises.
    """
    settings, base = read(file)
    planned = trials(settings, base)
    folder = Path(out) / settings.name
    runs = run(planned, folder, progress, threads)
    found = outcome(settings, planned, runs)
    from .page import write

    write(found, folder / "experiment.html")
    return found
