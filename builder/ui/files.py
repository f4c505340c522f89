"""Small JSON files of the workspace: read whatever is there, write durably."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file; empty when there is none, or no such file."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file durably. Raises TrainingError and leaves the old file on failure."""
    from builder.training.durable import replace as put

    put([(path, [json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"), b"\n"])])


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError into a TrainingError that says what could not be written and why."""
    from builder.training.durable import failure

    try:
        yield
    except OSError as error:
        raise failure(error, path) from error
