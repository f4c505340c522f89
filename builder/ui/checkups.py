"""Checkups of runs that are being trained: made in the background, seldom enough not to be felt by the training.

    found = checkups(folder, living=True)       at once: the latest checkup, None before the first
    found.verdicts, found.rows                  builder/report/explain/health.py

Every run's checkup is a thread that ends after one look. Between two looks at a living run lie at least a hundred
times as many seconds as a look takes: on one processor that is one percent of the training's time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import TsumikiError
from schemas.say import message

if TYPE_CHECKING:
    from builder.report.explain.health import Checkup, Verdict

KEPT = 2
"""Runs whose samples and networks are kept."""

REST = 100
"""Rest after a look at a living run, in looks."""


@dataclass(frozen=True)
class Found:
    """What a checkup found. `rows` are those of report/explain/statistics.py."""

    verdicts: tuple[Verdict, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    epoch: int = 0
    """Epochs that were done by then."""
    refused: str = ""
    """Why nothing could be found."""


@dataclass
class _Kept:
    checkup: Checkup | None = None
    found: Found | None = None
    stamp: int | None = None
    """The checkpoint that was looked at."""
    after: float = 0.0
    """When the next look may begin, on the monotonic clock."""
    busy: bool = False
    mutex: threading.Lock = field(default_factory=threading.Lock)


_RUNS: OrderedDict[Path, _Kept] = OrderedDict()
_MUTEX = threading.Lock()


def checkups(folder: Path, *, living: bool, wait: bool = False) -> Found | None:
    """Return the latest checkup of a run folder and begin the next one where there is something new.

    `wait` waits for it, which a page never does.
    """
    with _MUTEX:
        kept = _RUNS.setdefault(folder, _Kept())
        _RUNS.move_to_end(folder)
        while len(_RUNS) > KEPT:
            _RUNS.popitem(last=False)
    stamp = _stamp(folder)
    thread = None
    with kept.mutex:
        due = time.monotonic() >= kept.after or not living
        if stamp is not None and stamp != kept.stamp and due and not kept.busy:
            kept.busy = True
            thread = threading.Thread(target=_look, args=(folder, kept, stamp), name="tsumiki-checkup", daemon=True)
            thread.start()
    if thread is not None and wait:
        thread.join()
    return kept.found


def coming(folder: Path) -> bool:
    """Say whether the first checkup of a run folder is still to come: it has a checkpoint that nobody has looked at."""
    with _MUTEX:
        kept = _RUNS.get(folder)
    return _stamp(folder) is not None and (kept is None or kept.found is None)


def _give_way() -> None:
    """Let this thread work only where a processor has nothing better to do: the first look may compile kernels.

    On Linux, where each thread has a priority of its own.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)


def _look(folder: Path, kept: _Kept, stamp: int) -> None:
    if sys.platform == "linux":  # elsewhere the number would be that of a process
        _give_way()
    begun = time.thread_time()
    try:
        found = _made(folder, kept)
    except TsumikiError as error:
        found = Found(refused=message(error))
    except Exception as error:  # a checkup is extra: it must end neither the page nor this thread's bookkeeping
        found = Found(refused=f"{type(error).__name__}: {error}")
    with kept.mutex:
        kept.found, kept.stamp, kept.busy = found, stamp, False
        kept.after = time.monotonic() + REST * (time.thread_time() - begun)


def _made(folder: Path, kept: _Kept) -> Found:
    from builder.report.explain.health import Checkup, verdicts
    from builder.training import Run

    if kept.checkup is None:
        kept.checkup = Checkup(Run(folder))
    rows = kept.checkup.rows()
    return Found(tuple(verdicts(rows)), tuple(rows), kept.checkup.epoch)


def _stamp(folder: Path) -> int | None:
    try:
        return (folder / "checkpoints" / "last.safetensors").stat().st_mtime_ns
    except OSError:
        return None
