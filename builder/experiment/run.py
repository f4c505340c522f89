"""Train an experiment's trials, one after the other; what is finished is found again and not trained twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import builder
from builder.training.durable import replace
from builder.training.run import Run
from schemas.errors import TsumikiError

from .plan import Trial

INDEX = "experiment.json"


def run(
    trials: Sequence[Trial],
    folder: Path,
    progress: Callable[[int, int, str], None] | None = None,
    threads: int | None = None,
) -> dict[str, Run]:
    """Return trial key -> run. The folder's experiment.json says which run folder belongs to which trial."""
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder / INDEX)
    done: dict[str, Run] = {}
    again: set[str] = set()
    for number, trial in enumerate(trials, 1):
        entry = known.get(trial.key, {})
        found = _found(folder, entry) if entry.get("digest") == trial.digest and trial.source not in again else None
        if found is None or not found.finished:
            if progress is not None:
                progress(number, len(trials), trial.key)
            again.add(trial.key)
            found = builder.resume(found.path, threads=threads) if found is not None else _train(
                trial, folder, done, threads
            )  # fmt: skip
        done[trial.key] = found
        known[trial.key] = {"run": os.path.relpath(found.path, folder), "digest": trial.digest}
        text = json.dumps(known, ensure_ascii=False, indent=1)
        replace([(folder / INDEX, [text.encode(), b"\n"])])
    return done


def _train(trial: Trial, folder: Path, done: dict[str, Run], threads: int | None) -> Run:
    from builder.training import train

    document = trial.document
    if trial.source is not None:
        origin = os.path.relpath(done[trial.source].path, trial.base)
        document = {**document, "initialise": {**document.get("initialise", {}), "from": origin}}
    return train(document, out=folder, threads=threads, base=trial.base)


def _known(file: Path) -> dict[str, dict[str, Any]]:
    """Return what an earlier run of the experiment left; nothing where it left nothing that can be read."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in value.items() if isinstance(v, dict)} if isinstance(value, dict) else {}


def _found(folder: Path, entry: dict[str, Any]) -> Run | None:
    """Return the run of an earlier time, None where it has been deleted."""
    try:
        run = Run(folder / str(entry["run"]))
    except (TsumikiError, KeyError):
        return None
    return run if run.path.resolve().is_relative_to(folder.resolve()) else None
