"""Other processes, as the system knows them: who lives, who holds a folder, how to ask one to leave."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from schemas.errors import TrainingError
from schemas.say import say

from .files import read_json


def environment() -> dict[str, str]:
    """Return the environment in which a process of ours finds this very package, whatever its current folder holds."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def command(*words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a verb of `tsumiki` to its end. Raises TrainingError when it takes longer than `seconds`."""
    try:
        return subprocess.run(
            [sys.executable, "-P", "-m", "builder", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment(),
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(
            say("tsumiki {verb} took longer than {seconds:.0f} s and was ended.", verb=words[0], seconds=seconds)
        ) from error


def created(pid: int) -> float | None:
    """Return when a process was created, in seconds of the system's clock; None when there is none."""
    import psutil

    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return None


def alive(pid: int | None, begun: float | None) -> bool:
    """Say whether the process still lives. A later one that got the same number is another one."""
    import psutil

    if pid is None:
        return False
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        same = begun is None or abs(process.create_time() - begun) < 2
        return same and process.status() != psutil.STATUS_ZOMBIE
    return False


def terminate(pid: int | None, begun: float | None) -> None:
    """Ask a process to save and leave (SIGTERM). On Windows, without signals, its last checkpoint counts."""
    import psutil

    if pid is not None and alive(pid, begun):
        with suppress(psutil.Error):
            psutil.Process(pid).terminate()


def lock_holder(folder: Path) -> int | None:
    """Return the process that holds a folder's lock (builder/training/lock.py), None when nobody does.

    The file is only read: trying to take the lock could refuse it to a trainer in that moment.
    """
    held = read_json(folder / "lock")
    pid, started = held.get("pid"), held.get("started")
    if type(pid) is not int or held.get("host") != socket.gethostname() or not isinstance(started, str):
        return None
    try:
        when = time.mktime(time.strptime(started, "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
    begun = created(pid)
    return pid if begun is not None and begun <= when + 2 and alive(pid, begun) else None
