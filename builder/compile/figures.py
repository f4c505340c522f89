"""This machine's figures, measured once and kept in the user's cache folder.

python -m builder.compile.figures THREADS      # measure them now
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from .work import Figures


def _file() -> Path | None:
    from ..kernels import cpu

    folder = cpu.user_folder()
    return None if folder is None else folder / f"machine-{cpu.processor()}.json"


def _read(path: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def known(threads: int) -> Figures | None:
    """Return the figures of so many threads if they have been measured, without loading a kernel."""
    from ..kernels.cpu import VECTOR_BYTES

    try:
        return Figures.of(_read(_file())[str(threads)], threads, VECTOR_BYTES)
    except (KeyError, TypeError, ValueError):
        return None


def figures(threads: int, again: bool = False) -> Figures:
    """Return the figures of so many threads, measured in a third of a second where they are not known yet.

    A measurement beside other work finds too little; `again` measures anew and keeps the better of the two.
    """
    from ..kernels.cpu import VECTOR_BYTES
    from ..kernels.peaks import machine_figures

    before = known(threads)
    if before is not None and not again:
        return before
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
    return Figures.of(found, threads, VECTOR_BYTES)


if __name__ == "__main__":
    figures(int(sys.argv[1]))
