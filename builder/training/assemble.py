"""Build a job from a document: check it, prepare its data, compile its network. Nothing is written here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.errors import DocumentError, Problem, UsageError
from schemas.say import say
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
    from schemas.document import Document, plain

    if isinstance(document, Document):
        return plain(document), Path.cwd()
    raise UsageError(f"A document is a path, a dict or a schemas.Document, not {type(document).__name__}.")


def job(
    raw: Mapping[str, Any], base: Path, events: Events, *, seed: int | None = None, threads: int | None = None
) -> Job:
    """Check, prepare, compile. `seed` replaces the document's; `threads` is for this process only.

    Raises DocumentError with every problem, DataError, or TrainingError when the memory will not do.
    """
    from builder.check import check
    from builder.data import Loader, prepare
    from builder.network import Network, processors

    raw = dict(raw)
    if seed is not None:
        raw["training"] = {**raw.get("training", {}), "seed": seed}
    if "data" not in raw:
        what = say("The document has no data section.")
        problem = Problem("data.missing", what, say("Training needs to know where its samples are."))
        raise DocumentError(f'{what} Add one, for example "data": {{"source": {{...}}}}.', [problem])
    report = check(raw, base=base)
    report.raise_for_errors()
    for problem in report.problems:
        if problem.code not in ("data_unreadable", "initialise_unreadable"):  # said in full soon, as an error
            events.emit("warning", finding=problem.to_json())
    document = report.document
    training = Training.model_validate(document.get("training", {}))
    prepared = prepare(document, base)
    for finding in prepared.findings:
        events.emit("warning", finding=finding.to_json())
    network = Network(report, training.seed, threads or training.threads or processors())
    return Job(
        document=document,
        training=training,
        task=network.task,
        network=network,
        prepared=prepared,
        loader=Loader(prepared.train, training.batch_size, training.seed, augment=True, shuffle=training.shuffle),
        base=base,
    )


def start_from(job: Job, events: Events) -> list[dict[str, Any]]:
    """Copy the weights that the document starts from, tell what was copied, and return it, a dict per layer."""
    if job.document.get("initialise") is None:
        return []
    from builder.transfer import initialise

    rows = [row.to_json() for row in initialise(job.network, job.base)]  # type: ignore[arg-type]  # the real network
    events.emit("initialise", source=str(job.document["initialise"]["from"]), layers=rows)
    return rows


def describe_data(job: Job) -> dict[str, Any]:
    """Return what data.json holds: enough to recognise the data and to treat new samples alike."""
    parts = {"train": job.prepared.train, "validation": job.prepared.validation, "test": job.prepared.test}
    samples = {name: 0 if part is None else len(part) for name, part in parts.items()}
    return {"base": str(job.base), "samples": samples, **job.prepared.record()}


def require_space(folder: Path, needed: int) -> None:
    """Raise TrainingError when the disk has no room for the run, before anything is written."""
    purpose = say("a run of this network (its checkpoints take up to {size})", size=size(needed))
    require(folder, needed, purpose, begun=False)


def reassemble(folder: RunFolder, events: Events, *, threads: int | None, base: Path | None) -> Job:
    """Build the job of a run folder again, from its own document; `base` when the data have moved."""
    where = base or Path(str(folder.read_json("data.json").get("base", ".")))
    return job(folder.read_json("document.json"), where, events, threads=threads)
