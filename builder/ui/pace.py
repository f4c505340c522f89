"""How long an epoch takes on this machine: the engine's prediction, or what the workspace's runs tell meanwhile."""

from __future__ import annotations

import json
import subprocess
from functools import cache, lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from builder.check import check
from builder.checks.report import Report
from builder.report.pace import pace as predicted, processors, training_samples
from schemas.errors import TsumikiError

MOST_RUNS = 5
"""Newest runs that are asked."""

MOST_LINES = 10_000


def seconds_per_epoch(workspace: Path, report: Report) -> float | None:
    """Return the predicted seconds of an epoch; None where nothing is known.

    The prediction needs the machine's figures. Where they have not been measured yet, that begins in the background,
    and the newest runs' time per sample and multiply-add stands in, which holds for networks of a similar kind.
    """
    if not report.ok:
        return None
    measure(processors())
    measure(1)
    told = predicted(report, measure=False)
    if told is not None:
        return told.epoch_seconds
    work = _work(report)
    if work is None:
        return None
    paces = [pace for folder in newest(workspace) if (pace := _pace(folder, _stamp(folder))) is not None]
    return median(paces) * work if paces else None


@cache
def measure(threads: int) -> subprocess.Popen[bytes] | None:
    """Begin to measure the machine on so many threads where few measurements are known, once for each server."""
    from builder.compile.figures import elsewhere, few

    return elsewhere(threads) if few(threads) else None


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
    adds, samples = report.totals["multiply_adds"], training_samples(report)
    return float(adds) * samples if report.ok and adds and samples else None
