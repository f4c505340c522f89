"""The runs of a workspace as a list: what each was and what came out; notes, deletion with undo, downloads.

    shelf = Shelf(workspace)
    shelf.runs() -> list of Entry, the newest first; shelf.costs(entries) -> {run: Costs}
    shelf.annotate(run, title, note); token = shelf.delete(run); shelf.restore(token); shelf.bundle(run) -> zip

Everything is read from the run folders, and kept until one of their files changes. Nothing here needs Streamlit.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from schemas.errors import TrainingError, TsumikiError, UsageError
from schemas.say import say

from .files import read_json, write_json, writing
from .processes import command, lock_holder
from .registry import PLACE, RUNS
from .tail import rows as lines

State = Literal["running", "finished", "fault", "stopped"]

WATCHED = ("document.json", "metrics.jsonl", "report.json", "note.json", "log.jsonl", "lock")
"""Files of a run folder whose change means that it must be read again."""

TAKEN = (
    "document.json",
    "data.json",
    "environment.json",
    "metrics.jsonl",
    "log.jsonl",
    "report.json",
    "predictions.csv",
)
"""Files of a download, besides the best network."""

TRASH = 50
"""Deleted runs that can be brought back; beyond, the oldest are removed for good."""


@dataclass(frozen=True)
class Entry:
    """One run, as its folder says. Missing or broken files leave their part empty, never the run out."""

    run: str
    """Its folder, relative to the workspace."""
    state: State
    name: str
    number: int
    title: str = ""
    note: str = ""
    task: str = ""
    document: dict[str, Any] = field(default_factory=dict, repr=False)
    rows: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """One per epoch, as in metrics.jsonl."""
    report: dict[str, Any] = field(default_factory=dict, repr=False)
    started: float | None = None
    """When it began, in seconds since 1970."""
    seconds: float = 0.0
    """Time spent in epochs, over all resumes."""

    @property
    def label(self) -> str:
        """What people call it."""
        return self.title or f"{self.name} {self.number}"

    @property
    def epochs(self) -> int:
        return len(self.rows)

    @property
    def planned(self) -> int:
        """Epochs that the document asks for."""
        planned = (self.document.get("training") or {}).get("epochs", 20)
        return planned if isinstance(planned, int) else 20

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers of the end; before it, those of the best epoch so far on the validation part."""
        found = self.report.get("metrics") or self.best_row.get("validation") or self.best_row.get("train") or {}
        return {key: value for key, value in found.items() if isinstance(value, int | float)}

    @property
    def measured(self) -> str:
        """The part of the data that `metrics` are about: test, validation or train; "" before the first epoch."""
        if self.report.get("metrics"):
            return str(self.report.get("part", ""))
        return next((part for part in ("validation", "train") if part in self.best_row), "")

    @property
    def best_row(self) -> dict[str, Any]:
        """The epoch with the lowest loss on the validation part, without one on the training part."""
        return min(self.rows, key=_loss, default={})


@dataclass(frozen=True)
class Costs:
    """What a network takes: trained numbers, and multiply-adds for one sample."""

    parameters: int | None
    multiply_adds: int | None


class Shelf:
    """The runs of one workspace. Every method may be called from any thread."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace.resolve()
        self.trash = self.workspace / PLACE / "trash"
        self._known: dict[str, tuple[Any, Entry]] = {}
        self._costs: dict[str, Costs] | None = None
        self._mutex = threading.Lock()

    def runs(self) -> list[Entry]:
        """Return every run, the newest first."""
        found: dict[str, tuple[Any, Entry]] = {}
        for folder, number in self._folders():
            run = folder.relative_to(self.workspace).as_posix()
            signature = tuple(_stamp(folder / name) for name in WATCHED)
            known = self._known.get(run)
            if known is None or known[0] != signature or known[1].state == "running":
                known = (signature, _read(folder, run, number))
            found[run] = known
        self._known = found
        entries = [entry for _, entry in found.values()]
        return sorted(entries, key=lambda entry: (-(entry.started or 0), entry.name, -entry.number))

    def entry(self, run: str) -> Entry:
        """Return one run. Raises UsageError when it is none of this workspace."""
        folder = self.folder(run)
        return _read(folder, run, int(folder.name))

    def folder(self, run: str) -> Path:
        """Return a run's folder. Raises UsageError when it is no run of this workspace."""
        folder = (self.workspace / run).resolve()
        inside = folder.is_relative_to(self.workspace / RUNS) and len(folder.relative_to(self.workspace).parts) == 3
        if not inside or not folder.name.isdecimal() or not (folder / "document.json").is_file():
            raise UsageError(say("{run} is no run of this workspace.", run=run))
        return folder

    def costs(self, entries: Iterable[Entry], seconds: float = 0.5) -> dict[str, Costs]:
        """Return parameters and multiply-adds of the runs' networks, as far as they are known within `seconds`.

        What is found is kept in costs.json, so that it is checked once for every different network.
        """
        place = self.workspace / PLACE / "costs.json"
        end = time.monotonic() + seconds
        with self._mutex:
            if self._costs is None:
                self._costs = {key: Costs(*value) for key, value in read_json(place).items() if _two(value)}
            result, new = {}, 0
            for entry in entries:
                key = _key(entry.document)
                if key not in self._costs and time.monotonic() < end:
                    self._costs[key] = measure(entry.document)
                    new += 1
                if key in self._costs:
                    result[entry.run] = self._costs[key]
            if new:
                with suppress(TsumikiError, OSError):  # only a memory; a full disk costs the next server some time
                    place.parent.mkdir(parents=True, exist_ok=True)
                    write_json(place, {k: [c.parameters, c.multiply_adds] for k, c in self._costs.items()})
        return result

    def annotate(self, run: str, title: str, note: str) -> None:
        """Keep a name and a note with a run. Raises TrainingError when it cannot be written."""
        write_json(self.folder(run) / "note.json", {"title": title.strip()[:200], "note": note[:20_000]})

    def delete(self, run: str) -> str:
        """Put a run aside and return what `restore` takes. Raises UsageError while it is being trained."""
        folder = self.folder(run)
        if lock_holder(folder) is not None:
            raise UsageError(say("{run} is being trained. Stop it first.", run=run))
        token = f"{time.time_ns()}"
        with writing(self.trash):
            (self.trash / token).mkdir(parents=True)
            write_json(self.trash / token / "was.json", {"run": run})
            os.rename(folder, self.trash / token / "run")
        for old in self.deleted()[TRASH:]:
            shutil.rmtree(self.trash / old, ignore_errors=True)
        return token

    def restore(self, token: str) -> str:
        """Bring a deleted run back, under its old number where that is free, and return its folder."""
        place = self.trash / token
        was = read_json(place / "was.json").get("run") if token.isdecimal() else None
        if not isinstance(was, str) or not (place / "run").is_dir():
            raise UsageError(say("This run can no longer be brought back."))
        target = (self.workspace / was).resolve()
        if not target.is_relative_to(self.workspace / RUNS):
            raise UsageError(say("{was} is no run of this workspace.", was=was))
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            while target.exists():
                numbers = [int(p.name) for p in target.parent.iterdir() if p.name.isdecimal()]
                target = target.parent / str(max(numbers) + 1)
            os.rename(place / "run", target)
        shutil.rmtree(place, ignore_errors=True)
        return target.relative_to(self.workspace).as_posix()

    def deleted(self) -> list[str]:
        """Return the tokens of deleted runs, the latest first."""
        names = [p.name for p in self.trash.iterdir() if p.name.isdecimal()] if self.trash.is_dir() else []
        return sorted(names, key=int, reverse=True)

    def bundle(self, run: str) -> bytes:
        """Return the run as a zip file: unpacked, it is a run folder again, with the best network."""
        folder = self.folder(run)
        best = [folder / "checkpoints" / f"best.{end}" for end in ("safetensors", "json")]
        stem = f"{folder.parent.name}-{folder.name}"
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
            for path in [*(folder / name for name in TAKEN), *best]:
                if path.is_file():
                    file.write(path, f"{stem}/{path.relative_to(folder).as_posix()}")
        return content.getvalue()

    def html(self, run: str, seconds: float = 600, language: str = "en") -> bytes:
        """Return the run's report as one page without anything from elsewhere, made by `tsumiki explain` when needed.

        A process of its own makes it. Raises TrainingError where it says that it cannot.
        """
        folder = self.folder(run)
        made = folder / "explain" / ("explain.html" if language == "en" else f"explain.{language}.html")
        source = folder / "checkpoints" / "best.safetensors"
        if (_stamp(made) or (0, 0)) < (_stamp(source) or (0, 0)):
            done = command("explain", str(folder), "--language", language, seconds=seconds)
            if done.returncode:
                raise TrainingError(done.stderr.strip()[-2000:] or f"tsumiki explain ended with {done.returncode}.")
        return made.read_bytes()

    def _folders(self) -> Iterator[tuple[Path, int]]:
        root = self.workspace / RUNS
        with suppress(OSError):
            for parent in sorted(root.iterdir()):
                if parent.is_dir():
                    for folder in parent.iterdir():
                        if folder.name.isascii() and folder.name.isdecimal() and (folder / "document.json").is_file():
                            yield folder, int(folder.name)


def measure(document: Mapping[str, Any]) -> Costs:
    """Return what a document's network takes, without looking at its data."""
    from builder.check import check
    from builder.data import DataFacts

    try:
        totals = check(dict(document), facts=DataFacts())
    except TsumikiError:
        return Costs(None, None)
    if not totals.ok:
        return Costs(None, None)
    infos = totals.layers
    return Costs(sum(info.parameters or 0 for info in infos), sum(info.multiply_adds or 0 for info in infos))


def _key(document: Mapping[str, Any]) -> str:
    import hashlib

    text = json.dumps([document.get("model"), document.get("task")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _two(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(v is None or type(v) is int for v in value)


def _read(folder: Path, run: str, number: int) -> Entry:
    document, report, note = (read_json(folder / f"{name}.json") for name in ("document", "report", "note"))
    rows = tuple(row for row in lines(folder / "metrics.jsonl") if isinstance(row.get("train"), dict))
    log = lines(folder / "log.jsonl")
    seconds = sum(line["seconds"] for line in log if isinstance(line.get("seconds"), int | float))
    state: State = "stopped"
    if report.get("status") in ("finished", "fault"):
        state = report["status"]
    elif lock_holder(folder) is not None:
        state = "running"
    if state == "fault" and lock_holder(folder) is not None:
        state = "running"  # it was resumed after the fault
    return Entry(
        run=run,
        state=state,
        name=str(document.get("name") or folder.parent.name),
        number=number,
        title=str(note.get("title", "")),
        note=str(note.get("note", "")),
        task=str(document.get("task", "")),
        document=document,
        rows=rows,
        report=report,
        started=_started(log, folder),
        seconds=float(seconds),
    )


def _started(log: list[dict[str, Any]], folder: Path) -> float | None:
    from datetime import datetime

    for line in log[:1]:
        with suppress(ValueError, TypeError):
            return datetime.strptime(str(line.get("time")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    with suppress(OSError):
        return (folder / "document.json").stat().st_mtime
    return None


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    return None


def _loss(row: Mapping[str, Any]) -> float:
    found = (row.get("validation") or row["train"]).get("loss")
    return float(found) if isinstance(found, int | float) else float("inf")
