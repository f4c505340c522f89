"""How long an epoch takes on this machine, told from the runs that the workspace has."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from builder.check import Report, check
from schemas.errors import TsumikiError

MOST_RUNS = 5
"""Newest runs that are asked."""

MOST_LINES = 10_000


def seconds_per_epoch(workspace: Path, report: Report) -> float | None:
    """Return a prediction from the newest runs' time per sample and multiply-add; None before the first run.

    It holds for networks of a similar kind: small layers spend more time per multiply-add than large ones.
    """
    work = _work(report)
    if work is None:
        return None
    paces = [pace for folder in newest(workspace) if (pace := _pace(folder, _stamp(folder))) is not None]
    return median(paces) * work if paces else None


def newest(workspace: Path) -> list[Path]:
    """Return the folders of the newest runs that have told how long an epoch took."""
    logs = sorted((workspace / "runs").glob("*/*/log.jsonl"), key=_time, reverse=True)
    return [log.parent for log in logs[:MOST_RUNS]]


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _stamp(folder: Path) -> float:
    return _time(folder / "log.jsonl")


@lru_cache(maxsize=64)
def _pace(folder: Path, stamp: float) -> float | None:
    """Return seconds per sample and multiply-add of a run; None where it does not tell."""
    try:
        document: Any = json.loads((folder / "document.json").read_bytes())
        lines = (folder / "log.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()[:MOST_LINES]
        work = _work(check(document, base=folder)) if isinstance(document, dict) else None
    except (OSError, ValueError, RecursionError, TsumikiError):
        return None
    seconds = []
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and row.get("event") == "epoch" and isinstance(row.get("seconds"), int | float):
            seconds.append(float(row["seconds"]))
    # The first epoch may hold the compilation of kernels.
    told = seconds[1:] or seconds
    return median(told) / work if told and work else None


def _work(report: Report) -> float | None:
    """Return multiply-adds times training samples; None where either is unknown."""
    adds = report.totals["multiply_adds"]
    samples = report.facts.samples if report.facts is not None else None
    if not report.ok or not adds or not samples:
        return None
    data = report.document.get("data")
    parts = [data.get(key, 0) for key in ("validation", "test")] if isinstance(data, dict) else []
    kept = 1.0 - sum(part for part in parts if isinstance(part, float) and 0 < part < 1)
    return float(adds) * samples * max(kept, 0.0)
