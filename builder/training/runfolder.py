"""The folder of one run, `runs/<name>/<n>/`. It appears complete, with a first checkpoint, or not at all.

document.json     the rendered document            metrics.jsonl   one line per epoch, no times: same seed, same bytes
data.json         fingerprint, classes, pipeline   log.jsonl       what happened when: start, resume, epochs, end
environment.json  versions, processor, threads     predictions.csv, report.json     at the end
initialised.json  what was copied from another run, where the document says initialise
checkpoints/      last and best                    lock            held by the trainer while it lives
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.errors import DataError, TrainingError, UsageError
from schemas.say import reason, say

from .durable import failure, replace, sync_folder
from .lock import Lock


class RunFolder:
    """Names and small files of a run folder. `lock` is held by whoever trains."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = Lock(path)

    @property
    def last(self) -> Path:
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    def write_json(self, name: str, value: Any) -> None:
        """Write one of the folder's JSON files durably. Raises TrainingError and leaves the old file on failure."""
        text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
        replace([(self.path / name, [text.encode(), b"\n"])])

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of the folder's JSON files. Raises DataError when it is missing or is no JSON object."""
        path = self.path / name
        try:
            value = json.loads(path.read_bytes())
        except OSError as error:
            raise DataError(
                say(
                    "Cannot read {path}: {reason}. Is {folder} a run folder?",
                    path=path,
                    reason=reason(error),
                    folder=self.path,
                )
            ) from error
        except (ValueError, RecursionError) as error:
            raise DataError(say("{path} is not valid JSON: {error}.", path=path, error=error)) from error
        if not isinstance(value, dict):
            raise DataError(say("{path} is not a JSON object.", path=path))
        return value

    def rows(self) -> list[dict[str, Any]]:
        """Return the epochs in metrics.jsonl; a line that a kill cut off is left out."""
        if not self.metrics.exists():
            return []
        rows = []
        for line in self.metrics.read_bytes().split(b"\n"):
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    rows.append(row)
        return rows

    def note(self, event: str, **values: Any) -> None:
        """Add a line to log.jsonl. It is for people only, so a failure here is no reason to stop a training."""
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **values}
        with suppress(OSError), (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def create(out: Path, name: str, fill: Callable[[RunFolder], None]) -> RunFolder:
    """Make the next run folder of `name` under `out`, with what `fill` writes into it, its lock held.

    It is filled under a hidden name and renamed to its number, so a number never belongs to an incomplete folder and
    two trainers never get the same one. Raises TrainingError when it cannot be written.
    """
    parent = out / folder_name(name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        hidden = parent / f".new-{os.getpid()}-{secrets.token_hex(4)}"
        (hidden / "checkpoints").mkdir(parents=True)
    except OSError as error:
        raise failure(error, parent, begun=False) from error
    folder = RunFolder(hidden)
    try:
        folder.lock.acquire()
        fill(folder)
        sync_folder(hidden)
        folder.path = _claim(hidden, parent)
    except OSError as error:
        raise failure(error, parent, begun=False) from error
    except TrainingError as error:
        if isinstance(error.__cause__, OSError):  # a file under the hidden name, which nobody knows and is removed
            raise failure(error.__cause__, parent, begun=False) from error
        raise
    finally:
        if folder.path == hidden:
            folder.lock.release()
            shutil.rmtree(hidden, ignore_errors=True)
    return folder


def find(path: str | os.PathLike[str]) -> RunFolder:
    """Return the run folder at `path`, or the newest one when `path` is the folder `runs/<name>`."""
    given = Path(path)
    if (given / "document.json").is_file():
        return RunFolder(given)
    numbers = _numbers(given) if given.is_dir() else []
    if not numbers:
        raise UsageError(
            say(
                "{given} is no run folder: there is no document.json in it. Give a folder like runs/digits/1.",
                given=given,
            )
        )
    return RunFolder(given / str(max(numbers)))


def folder_name(name: str) -> str:
    """Turn a document's name into one folder's name: letters, digits, '-', '_', '.' and spaces of any language stay."""
    text = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).strip(" .")
    while len(text.encode()) > 120:
        text = text[:-1]
    return text or "network"


def _numbers(parent: Path) -> list[int]:
    return [int(entry.name) for entry in parent.iterdir() if entry.name.isascii() and entry.name.isdigit()]


def _claim(hidden: Path, parent: Path) -> Path:
    number = max(_numbers(parent), default=0) + 1
    for candidate in range(number, number + 1000):
        target = parent / str(candidate)
        try:
            if not target.exists():
                os.rename(hidden, target)  # never onto a folder with content: POSIX and Windows both refuse that
                break
        except FileExistsError:
            continue
        except OSError:
            if not target.exists():
                raise
    else:
        raise TrainingError(
            say(
                "Found no free number for a run folder in {parent}; other trainers took a thousand in a row.",
                parent=parent,
            )
        )
    try:
        sync_folder(parent)
    except OSError:  # whether the name lasts is not known, so there was no beginning
        with suppress(OSError):
            os.rename(target, hidden)
        raise
    return target


def _sweep(parent: Path) -> None:
    """Remove folders that a killed process left unfinished: nobody holds their lock."""
    for entry in parent.glob(".new-*"):
        if (entry / "lock").exists():
            with suppress(TrainingError), Lock(entry):
                shutil.rmtree(entry, ignore_errors=True)
