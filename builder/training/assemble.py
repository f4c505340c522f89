"""Build a job from a document: check it, prepare its data, compile its network. Nothing is written here."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.errors import DataError, DocumentError, Problem, UsageError
from schemas.training import Training

from .durable import require, size
from .events import Events
from .job import Job
from .runfolder import RunFolder


def read(document: Any) -> tuple[dict[str, Any], Path]:
    """Return the raw document and the folder that its paths are relative to (for a dict the current one)."""
    if isinstance(document, str | os.PathLike):
        from schemas.reader import read_file

        path = Path(document)
        return read_file(path), path.resolve().parent
    if isinstance(document, Mapping):
        return dict(document), Path.cwd()
    from schemas.document import Document

    if isinstance(document, Document):
        return document.model_dump(mode="json", exclude_unset=True), Path.cwd()
    raise UsageError(f"A document is a path, a dict or a schemas.Document, not {type(document).__name__}.")


def job(
    raw: Mapping[str, Any], base: Path, events: Events, *, seed: int | None = None, threads: int | None = None
) -> Job:
    """Check, prepare, compile. `seed` replaces the document's; `threads` is for this process only.

    Raises DocumentError with every problem, DataError, or TrainingError when the memory will not do.
    """
    from builder.check import check
    from builder.compile import compile
    from builder.data import Loader, facts, prepare

    raw = dict(raw)
    if seed is not None:
        raw["training"] = {**raw.get("training", {}), "seed": seed}
    if "data" not in raw:
        what = "The document has no data section."
        problem = Problem("data.missing", what, "Training needs to know where its samples are.")
        raise DocumentError(f'{what} Add one, for example "data": {{"source": {{...}}}}.', [problem])
    report = check(raw, facts=facts(raw["data"], base), base=base)
    errors = [problem for problem in report.problems if problem.severity == "error"]
    if errors:
        raise DocumentError(
            "\n".join(f"{e.pointer or '/'}: {e.what} {e.why}".rstrip() for e in errors), report.problems
        )
    for problem in report.problems:
        events.emit("warning", finding=problem.to_json())
    document = report.document
    training = Training.model_validate(document.get("training", {}))
    prepared = prepare(document, base)
    for finding in prepared.findings:
        events.emit("warning", finding=finding.to_json())
    if prepared.train is None:
        raise DataError("The training part is empty: the split leaves no sample for it.")
    network = compile(document, seed=training.seed, threads=threads or training.threads)
    return Job(
        document=document,
        training=training,
        task=network.task,
        network=network,
        prepared=prepared,
        loader=Loader(prepared.train, training.batch_size, training.seed, augment=True, shuffle=training.shuffle),
        base=base,
    )


def describe_data(job: Job) -> dict[str, Any]:
    """Return what data.json holds: enough to recognise the data and to treat new samples alike."""
    prepared = job.prepared
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return {
        "base": str(job.base),
        "fingerprint": prepared.fingerprint,
        "samples": {name: 0 if part is None else len(part) for name, part in parts.items()},
        **json.loads(job.origin.data),
    }


def require_space(folder: Path, needed: int) -> None:
    """Raise TrainingError when the disk has no room for the run, before anything is written."""
    require(folder, needed, f"a run of this network (its checkpoints take up to {size(needed)})")


def reassemble(folder: RunFolder, events: Events, *, threads: int | None, base: Path | None) -> Job:
    """Build the job of a run folder again, from its own document; `base` when the data have moved."""
    where = base or Path(str(folder.read_json("data.json").get("base", ".")))
    return job(folder.read_json("document.json"), where, events, threads=threads)
