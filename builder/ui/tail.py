"""Files of JSON lines that grow: each look reads only what came since the last one.

    rows(path)      the objects of metrics.jsonl or log.jsonl, in order; a line that a kill cut off is left out
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEPT = 512
"""Files that are remembered; a workspace of some hundred runs is looked at without reading any again."""


@dataclass
class _Seen:
    """What is known of one file: how far it was read, the bytes just before, and its objects."""

    place: int = 0
    end: bytes = b""
    stamp: tuple[int, int, int] | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)


_FILES: OrderedDict[Path, _Seen] = OrderedDict()
_MUTEX = threading.Lock()


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file of lines; empty where there is none. The list is the caller's own."""
    with _MUTEX:
        seen = _FILES.pop(path, None) or _Seen()
        with suppress(OSError):
            status = path.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp != seen.stamp:
                _read(path, seen, stamp)
            _FILES[path] = seen
            while len(_FILES) > KEPT:
                _FILES.popitem(last=False)
            return list(seen.rows)
    return []


def _read(path: Path, seen: _Seen, stamp: tuple[int, int, int]) -> None:
    """Read on where the last look ended; from the start where the file is another one or was cut and written anew."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        same = seen.stamp is not None and seen.stamp[0] == stamp[0] and size >= seen.place
        if same and seen.place:
            file.seek(seen.place - len(seen.end))
            same = file.read(len(seen.end)) == seen.end
        if not same:
            seen.place, seen.end, seen.rows = 0, b"", []
        file.seek(seen.place)
        new = file.read(size - seen.place)
    whole = new[: new.rfind(b"\n") + 1]
    for line in whole.split(b"\n")[:-1]:
        with suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict):
                seen.rows.append(value)
    seen.place += len(whole)
    if whole:
        seen.end = whole[-64:]
    seen.stamp = stamp
