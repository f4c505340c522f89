"""Train a document's network, and go on with a training that was stopped.

assemble (document -> job) -> runfolder (appears complete) -> loop (steps, epochs) -> keeper (checkpoints) -> finish
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from schemas.errors import TrainingError

from . import assemble
from .durable import append, sweep
from .environment import differences, environment
from .events import Events, Progress
from .fault import Fault
from .finish import finish
from .job import Job
from .keeper import Keeper
from .loop import Stopped, Trainer
from .run import Run
from .runfolder import RunFolder, create, find
from .signals import Interrupted, Interrupts, Stop
from .state import State

__all__ = ["Fault", "Interrupted", "Run", "resume", "train"]


def train(
    document: Any,
    out: str | os.PathLike[str] = "runs",
    overrides: Any = None,
    progress: Progress | None = None,
    threads: int | None = None,
    seed: int | None = None,
    stop: Stop | None = None,
    base: str | os.PathLike[str] | None = None,
) -> Run:
    """Train a document (path, dict or schemas.Document) in a new folder `out`/<name>/<n> and return the run.

    `overrides` are {"training.epochs": 3} or ["training.epochs=3"]; `progress` is called with events (see events.py);
    `stop` is asked after every step, and True saves and returns the unfinished run; `base` is the folder that paths in
    the document start from, when it is not its own (for a dict the current one). Raises DocumentError, DataError,
    Interrupted (Ctrl-C, SIGTERM: saved within one step), Fault (a number not finite), TrainingError (disk full).
    """
    from builder.overrides import apply

    events = Events(progress)
    with Interrupts() as interrupts:
        raw, place = assemble.read(document)
        place = place if base is None else Path(base).resolve()
        job = assemble.job(apply(raw, overrides), place, events, seed=seed, threads=threads)
        job.started_from = assemble.start_from(job, events)
        return start(job, Path(out), events, interrupts, stop)


def resume(
    path: str | os.PathLike[str],
    progress: Progress | None = None,
    threads: int | None = None,
    stop: Stop | None = None,
    base: str | os.PathLike[str] | None = None,
) -> Run:
    """Go on with a run, to exactly the bytes that it would have without the stop. A finished run is returned as it is.

    `base` is the folder that the document's data paths are relative to, when it has moved. Raises DataError or
    DocumentError when data or document are not those of the run, TrainingError when another process trains it, and
    what `train` raises.
    """
    events = Events(progress)
    folder = find(path)
    with Interrupts() as interrupts, folder.lock:
        run = Run(folder.path)
        if run.finished:
            events.emit("end", run=str(folder.path), status="finished", report=run.report)
            return run
        job = assemble.reassemble(folder, events, threads=threads, base=None if base is None else Path(base))
        return proceed(job, folder, events, interrupts, stop)


def start(job: Job, out: Path, events: Events, interrupts: Interrupts, stop: Stop | None = None) -> Run:
    """Make the run folder of a job, with its first checkpoint, and train."""
    session = open_session(job)

    def fill(folder: RunFolder) -> None:
        keeper = Keeper(job, session, folder)
        assemble.require_space(folder.path, keeper.needed())
        folder.write_json("document.json", job.document)
        folder.write_json("data.json", assemble.describe_data(job))
        folder.write_json("environment.json", environment(job.network.threads, job.document))
        if job.started_from:
            folder.write_json("initialised.json", {"layers": job.started_from})
        append(folder.metrics, b"", 0)
        keeper.save(State())

    interrupts.deferred = True  # from here a signal waits for the first step: a folder that is there can be resumed
    folder = create(out, job.name, fill)
    with folder.lock:
        return _train(job, Trainer(job, session, folder, events, interrupts, stop), State(), resumed=False)


def proceed(job: Job, folder: RunFolder, events: Events, interrupts: Interrupts, stop: Stop | None = None) -> Run:
    """Go on with a job from the last checkpoint of its folder, whose lock is held."""
    session = open_session(job)
    state = Keeper(job, session, folder).restore()
    now = environment(job.network.threads, job.document)
    for difference in differences(folder.read_json("environment.json"), now):
        what = f"Since this run began, {difference}."
        finding = {"severity": "warning", "code": "environment_changed", "what": what, "where": "environment.json"}
        events.emit("warning", finding={**finding, "why": "The result may differ in its last bits.", "fix": ""})
    interrupts.deferred = True
    present = folder.metrics.stat().st_size if folder.metrics.exists() else 0
    if present < state.metrics_bytes:
        what = "metrics.jsonl is shorter than it was: epochs are missing from it."
        finding = {"severity": "warning", "code": "metrics_cut", "what": what, "where": str(folder.metrics)}
        events.emit("warning", finding={**finding, "why": "Someone changed it. The training is not harmed.", "fix": ""})
        state.metrics_bytes = present
    append(folder.metrics, b"", state.metrics_bytes)
    sweep(folder.path, folder.last.parent)
    return _train(job, Trainer(job, session, folder, events, interrupts, stop), state, resumed=True)


def open_session(job: Job) -> Any:
    """Return the engine's training session for a job."""
    training = job.training
    return job.network.session(
        training.batch_size,
        training.optimizer,
        weight_decay=training.decay,
        clip_norm=training.clip_norm,
        accumulate=training.accumulate,
    )


def _train(job: Job, trainer: Trainer, state: State, resumed: bool) -> Run:
    folder, events = trainer.folder, trainer.events
    folder.note("resume" if resumed else "start", step=state.step, threads=job.network.threads, pid=os.getpid())
    events.emit(
        "start",
        run=str(folder.path),
        epochs=job.training.epochs,
        batches=job.batches,
        samples=len(job.prepared.train),
        epoch=state.epoch,
        step=state.step,
        resumed=resumed,
        threads=job.network.threads,
    )
    try:
        trainer.run(state)
        report = finish(job, folder, state, trainer.interrupts)
    except Stopped:
        events.emit("end", run=str(folder.path), status="stopped", report=None)
        return Run(folder.path)
    except Fault as fault:
        folder.note("fault", what=fault.what, layer=fault.layer, epoch=fault.epoch, step=fault.step)
        _report_fault(folder, fault)
        raise
    folder.note("end", status="finished")
    events.emit("end", run=str(folder.path), status="finished", report=report)
    run = Run(folder.path)
    run.__dict__["network"] = job.network  # it holds the best weights already; compiling again would be waste
    return run


def _report_fault(folder: RunFolder, fault: Fault) -> None:
    """Leave the reason in report.json. The fault itself matters more than a failure to write it down."""
    where = {"layer": fault.layer, "epoch": fault.epoch, "step": fault.step}
    try:
        folder.write_json("report.json", {"status": "fault", "what": fault.what, **where, "message": str(fault)})
    except TrainingError as error:
        folder.note("error", what=str(error))
