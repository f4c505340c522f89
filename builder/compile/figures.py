"""This machine's figures, measured and kept in the user's cache folder.

python -m builder.compile.figures THREADS      # measure them now
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..kernels.folders import user_folder
from .pages import zeros
from .work import Figures

MOST = 5
"""Measurements that are kept."""


@functools.cache
def _processor() -> str:
    """Return a short hash of what the system says of its processor; a home folder may be shared between machines."""
    told = [platform.machine(), platform.processor(), os.environ.get("NUMBA_CPU_NAME", "")]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        told += [next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags")]
    except OSError:
        pass
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def _file() -> Path | None:
    folder = user_folder()
    return None if folder is None else folder / f"figures-{_processor()}.json"


def _read(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _kept(threads: int) -> list[dict[str, Any]]:
    """Return the newest measurements of so many threads that can be used."""
    found = _read(_file()).get(str(threads))
    usable = []
    for one in found if isinstance(found, list) else []:
        try:
            Figures.of(one, threads)
        except (KeyError, TypeError, ValueError):
            continue  # of another version
        usable.append(one)
    return [one for one in usable if one["bytes"] == usable[-1]["bytes"]]


def _middle(values: list[Any]) -> Any:
    """Return the median of numbers, or of lists place by place."""
    if isinstance(values[0], list):
        return [_middle(list(place)) for place in zip(*values, strict=True)]
    return statistics.median(values)


def known(threads: int) -> Figures | None:
    """Return the figures of so many threads if they have been measured; loads no kernel.

    They are the median of the last MOST measurements: beside other work one finds too little, in a processor's best
    moment too much.
    """
    kept = _kept(threads)
    shared = set(kept[0]).intersection(*kept) if kept else ()
    return Figures.of({key: _middle([one[key] for one in kept]) for key in shared}, threads) if kept else None


def few(threads: int) -> bool:
    """Say whether another measurement would make the figures better: the first ones are often taken while the kernels
    of a new machine are being compiled beside them."""
    return len(_kept(threads)) < MOST


def figures(threads: int, again: bool = False) -> Figures:
    """Return the figures of so many threads, measured in about a second where they are not known yet.

    With `again` they are measured anyway, and count among the last MOST.
    """
    before = None if again else known(threads)
    if before is not None:
        return before
    from ..kernels.peaks import BYTES, machine_figures

    found = machine_figures(threads, space=zeros(max(BYTES) + (1 << 20)))
    path = _file()
    if path is not None:
        kept = [*_kept(threads), found][-MOST:]
        # Two processes may write at once: each writes a whole file, and either will do.
        part = path.with_suffix(f".{os.getpid()}")
        try:
            part.write_text(json.dumps(_read(path) | {str(threads): kept}), encoding="utf-8")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
    return known(threads) or Figures.of(found, threads)


def elsewhere(threads: int) -> subprocess.Popen[bytes]:
    """Begin to measure in a process of its own: for whoever must not load kernels, or not wait."""
    command = [sys.executable, "-m", "builder.compile.figures", str(threads)]
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env={**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    figures(int(sys.argv[1]), again=True)
