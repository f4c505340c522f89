"""This machine's figures, measured once and kept in the user's cache folder.

python -m builder.compile.figures THREADS      # measure them now
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..kernels.folders import user_folder
from .work import Figures


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
    return None if folder is None else folder / f"machine-{_processor()}.json"


def _read(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def known(threads: int) -> Figures | None:
    """Return the figures of so many threads if they have been measured; loads no kernel."""
    try:
        return Figures.of(_read(_file())[str(threads)], threads)
    except (KeyError, TypeError, ValueError):
        return None


def figures(threads: int, again: bool = False) -> Figures:
    """Return the figures of so many threads, measured in half a second where they are not known yet.

    A measurement beside other work finds too little; `again` measures anew and keeps the better of the two.
    """
    before = known(threads)
    if before is not None and not again:
        return before
    from ..kernels.peaks import machine_figures

    found = machine_figures(threads)
    if before is not None:
        found["gflops"] = max(found["gflops"], before.gflops)
        found["copy_gb"] = [max(pair) for pair in zip(found["copy_gb"], before.copy_gb, strict=True)]
    path = _file()
    if path is not None:
        # Two processes may write at once: each writes a whole file, and either will do.
        part = path.with_suffix(f".{os.getpid()}")
        try:
            part.write_text(json.dumps(_read(path) | {str(threads): found}), encoding="utf-8")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
    return Figures.of(found, threads)


def elsewhere(threads: int) -> subprocess.Popen[bytes]:
    """Begin to measure in a process of its own: for whoever must not load kernels, or not wait."""
    command = [sys.executable, "-m", "builder.compile.figures", str(threads)]
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env={**os.environ, "PYTHONPATH": path})


if __name__ == "__main__":
    figures(int(sys.argv[1]))
