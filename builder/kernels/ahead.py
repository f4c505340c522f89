"""After a first use has compiled what it needs, the other kernels follow by themselves, so that no later network waits.

    python -m builder.kernels.ahead      compiles every float32 kernel that is missing, one at a time, then ends

It runs once per machine and version, as a process of its own that takes only time nobody else wants.
TSUMIKI_COMPILE_AHEAD=0 switches it off.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, or Python would complain of a process that still runs."""


def start() -> None:
    """Begin to compile the rest in the background, unless this process has done so, or nothing could be kept."""
    from . import cpu

    if _STARTED or os.environ.get("TSUMIKI_COMPILE_AHEAD") == "0" or cpu.cache_folder() is None:
        return
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    nothing = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        _STARTED.append(
            subprocess.Popen(
                [sys.executable, "-m", "builder.kernels.ahead"],
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # a Ctrl+C that ends a training does not end it
            )
        )


def step_back() -> None:
    """Take only time that nobody else wants."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(19)
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main() -> None:
    os.environ["TSUMIKI_COMPILES"] = "1"  # before jit.py is loaded
    step_back()
    from . import compiling, machine, objects

    compiling.import_all()
    claim = objects.folder() / f"ahead.{objects.version()}"
    try:
        claim.open("x").close()
    except FileExistsError:
        return  # another process has done so, or is at it
    for name in sorted(machine.KERNELS):
        place = objects.file(name, "float32")
        if not place.exists():
            machine.build(name, "float32", place)


if __name__ == "__main__":
    main()
