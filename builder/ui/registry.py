"""The queue of trainings: every run is a process of its own, at most N at once, the rest wait.

    registry = Registry(workspace, most=1)
    job = registry.submit(document)            a waiting job; `tick` starts it as soon as there is room
    registry.pause(job.id); registry.resume(job.id); registry.stop(job.id)
    registry.jobs()                            all of them, after a tick

    WORKSPACE/runs/<name>/<n>/       run folders, as `tsumiki train` writes them
    WORKSPACE/.tsumiki/queue.json    the jobs and their order; settings.json: how many run at once
    WORKSPACE/.tsumiki/jobs/<id>/    one job's process: see worker.py

    waiting ─► running ─► finished | failed
       │          └─► pausing ─► paused ─► waiting,   stopping ─► stopped ─► waiting
       └─► stopped

No training runs in the server: a crash of one is a state here, and a server that is started again goes on from the
files. Several servers and threads may share a workspace. Nothing in this module needs Streamlit.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from schemas.errors import TrainingError, UsageError
from schemas.say import reason, say, sentences

from .confine import strays
from .files import read_json, write_json, writing
from .processes import alive, created, environment, lock_holder, terminate

State = Literal["waiting", "running", "pausing", "paused", "stopping", "stopped", "finished", "failed"]
LIVING = ("running", "pausing", "stopping")
"""States of a job whose process lives."""

PLACE = ".tsumiki"
RUNS = "runs"
KEPT = 100
"""Ended jobs that the queue remembers; their runs stay, whatever happens here."""


@dataclass(frozen=True)
class Job:
    """One training in the queue."""

    id: str
    name: str
    state: State = "waiting"
    run: str | None = None
    """Its run folder, relative to the workspace; None before there is one."""
    pid: int | None = None
    begun: float | None = None
    """When the process was created, as the system says: with the pid it names one process for all time."""
    exit_code: int | None = None
    message: str = ""
    """What the training said when it failed."""

    @property
    def living(self) -> bool:
        return self.state in LIVING

    @property
    def ended(self) -> bool:
        return self.state in ("stopped", "finished", "failed")


class Registry:
    """The queue of one workspace. Every method may be called from any thread."""

    def __init__(self, workspace: Path, most: int = 1, command: Sequence[str] | None = None) -> None:
        """`most` trainings run at once; `command` is what is started with a job's folder added (for tests)."""
        if most < 1:
            raise UsageError(say("At least one training must be allowed at once, but received {most}.", most=most))
        self.workspace = workspace.resolve()
        self._most = most
        self.command = tuple(command or (sys.executable, "-P", "-m", "builder.ui.worker"))
        self.place = self.workspace / PLACE
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._mutex = threading.RLock()
        self._watcher: threading.Thread | None = None

    @property
    def most(self) -> int:
        """How many trainings run at once."""
        said = read_json(self.place / "settings.json").get("most")
        return said if type(said) is int and said > 0 else self._most

    def limit(self, most: int) -> None:
        """Let this many trainings run at once from now on. Raises TrainingError when it cannot be written down."""
        with writing(self.place):
            self.place.mkdir(parents=True, exist_ok=True)
        write_json(self.place / "settings.json", {"most": most})
        self.tick()

    # --- what the pages ask ----------------------------------------------------------------------------------------

    def submit(self, document: Mapping[str, Any], base: Path | None = None) -> Job:
        """Put the training of a document at the end of the queue; its data paths start at `base` (the workspace).

        Raises TrainingError when the job cannot be written down, for example on a full disk, and UsageError when the
        document reads what is outside of the workspace.
        """
        for problem in strays(document, base or self.workspace, self.workspace):
            raise UsageError(sentences(problem.what, problem.why))
        name = str(document.get("name") or "network")
        order = {"action": "train", "out": str(self.workspace / RUNS), "base": str(base or self.workspace)}
        return self._enqueue(name, order, document)

    def resume(self, which: str) -> Job:
        """Let a paused, stopped or failed job go on: it waits for its turn again. Other states stay as they are."""
        with self._changing() as jobs:
            job = self._find(jobs, which)
            if job.state == "waiting" or job.living or job.state == "finished":
                return job
            if job.run is not None:
                self._order(job.id, {"action": "resume", "run": str(self.workspace / job.run)})
            jobs.remove(job)
            job = replace(job, state="waiting", pid=None, begun=None, exit_code=None, message="")
            jobs.append(job)
        self.tick()
        return self.job(which)

    def resume_run(self, run: str) -> Job:
        """Let any run folder of this workspace go on, one that the command line began as well."""
        folder = self.inside(run)
        relative = folder.relative_to(self.workspace).as_posix()
        for job in self.jobs():
            if job.run == relative:
                return self.resume(job.id)
        return self._enqueue(folder.parent.name, {"action": "resume", "run": str(folder)}, None, relative)

    def pause(self, which: str) -> None:
        """Save a running job within one step and end its process; `resume` goes on to the same bytes."""
        self._end(which, "pausing", "paused")

    def stop(self, which: str) -> None:
        """Save a running job and end it; a waiting or paused one leaves the queue."""
        self._end(which, "stopping", "stopped")

    def forget(self, which: str) -> None:
        """Take an ended job off the list. Its run folder stays. A living or waiting job is left alone."""
        with self._changing() as jobs:
            job = self._find(jobs, which)
            if job.ended:
                jobs.remove(job)
                self._discard(job.id)

    def jobs(self) -> list[Job]:
        """Return all jobs in the order of the queue, as they are now, or were when they could last be written."""
        with suppress(TrainingError):
            self.tick()
        return self._read()

    def listed(self) -> list[Job]:
        """Return all jobs as they were last written down: at once, without waiting for anybody."""
        return self._read()

    def job(self, which: str) -> Job:
        """Return one job. Raises UsageError when there is none of this id."""
        return self._find(self._read(), which)

    def live(self, which: str) -> dict[str, Any]:
        """Return what the job's process said last (see worker.Live); empty before it said something."""
        return read_json(self._folder(which) / "live.json")

    def output(self, which: str, most: int = 20_000) -> str:
        """Return the end of what the job's process printed."""
        with suppress(OSError), (self._folder(which) / "output.txt").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read().decode("utf-8", "replace")
        return ""

    def inside(self, path: str) -> Path:
        """Return a path of the workspace as an absolute one. Raises UsageError when it leads outside."""
        try:
            place = (self.workspace / path).resolve()
        except (OSError, ValueError) as error:  # a loop of links, a NUL byte
            raise UsageError(say("{path!r} is no path: {error}.", path=path, error=error)) from error
        if not place.is_relative_to(self.workspace):
            raise UsageError(
                say("{path} is not inside the workspace {workspace}.", path=path, workspace=self.workspace)
            )
        return place

    # --- the queue moves -------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """See which processes ended, and start the next ones. Cheap: call it as often as you like."""
        with self._mutex:
            if not any(job.living or job.state == "waiting" for job in self._read()):
                return
            with self._changing() as jobs:
                for place, job in enumerate(jobs):
                    jobs[place] = self._seen(job)
                room = self.most - sum(job.living for job in jobs)
                for place, job in enumerate(jobs):
                    if job.state == "waiting" and room > 0:
                        jobs[place] = self._start(job)
                        room -= jobs[place].living

    def watch(self, seconds: float = 1.0) -> None:
        """Tick in the background from now on, so that the queue moves while no page is open."""
        with self._mutex:
            if self._watcher is not None:
                return

            def turn() -> None:
                while True:
                    with suppress(TrainingError):  # a full disk: the next turn may have room
                        self.tick()
                    time.sleep(seconds)

            self._watcher = threading.Thread(target=turn, name="tsumiki-queue", daemon=True)
            self._watcher.start()

    def _enqueue(
        self, name: str, order: dict[str, Any], document: Mapping[str, Any] | None, run: str | None = None
    ) -> Job:
        with self._changing() as jobs:
            numbers = [int(job.id) for job in jobs] + [int(p.name) for p in self._folders() if p.name.isdecimal()]
            job = Job(f"{max(numbers, default=0) + 1:04}", name, run=run)
            self._order(job.id, order, document)
            jobs.append(job)
            for old in [job for job in jobs if job.ended][:-KEPT]:
                jobs.remove(old)
                self._discard(old.id)
        self.tick()
        return self.job(job.id)

    def _order(self, which: str, order: dict[str, Any], document: Mapping[str, Any] | None = None) -> None:
        folder = self._folder(which)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "live.json").unlink(missing_ok=True)
        write_json(folder / "job.json", order)
        if document is not None:
            write_json(folder / "document.json", document)

    def _start(self, job: Job) -> Job:
        """Start a waiting job's process, unless one is found alive: a server may have died just after starting it."""
        folder = self._folder(job.id)
        child = self._children.get(job.id)
        holder = child.pid if child is not None and child.poll() is None else lock_holder(folder)
        if holder is not None:
            return replace(job, state="running", pid=holder, begun=created(holder))
        try:
            with (folder / "output.txt").open("ab") as output:
                process = subprocess.Popen(
                    [*self.command, str(folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.workspace,
                    env=environment(),
                    start_new_session=True,  # Ctrl-C in the server's terminal is not meant for the trainings
                )
        except OSError as error:
            return replace(
                job, state="failed", message=say("The training could not be started: {reason}.", reason=reason(error))
            )
        self._children[job.id] = process
        return replace(job, state="running", pid=process.pid, begun=created(process.pid))

    def _seen(self, job: Job) -> Job:
        """Return the job as its process and its files say that it is."""
        if not job.living:
            return job
        if job.run is None and (run := self.live(job.id).get("run")):
            with suppress(UsageError):
                job = replace(job, run=self.inside(str(run)).relative_to(self.workspace).as_posix())
        child = self._children.get(job.id)
        own = child is not None and child.pid == job.pid
        code = child.poll() if child is not None and own else None
        if code is None and (own or alive(job.pid, job.begun)):
            return job
        self._children.pop(job.id, None)
        live = self.live(job.id)
        if live.get("phase") == "ended" and code in (None, live.get("exit_code")):
            code = live.get("exit_code")
        return self._after(job, code, str(live.get("message", "")))

    def _after(self, job: Job, code: int | None, message: str) -> Job:
        """Return a job whose process has ended with `code` (None: nobody knows)."""
        done = job.run is not None and read_json(self.workspace / job.run / "report.json").get("status") == "finished"
        if done or code == 0:
            return replace(job, state="finished", pid=None, exit_code=0, message="")
        asked: dict[str, State] = {"pausing": "paused", "stopping": "stopped"}
        if job.state in asked and code in (None, 130, 143, -signal.SIGTERM):
            return replace(job, state=asked[job.state], pid=None, exit_code=code, message="")
        if code in (130, 143):
            return replace(job, state="stopped", pid=None, exit_code=code, message=message)
        return replace(job, state="failed", pid=None, exit_code=code, message=message)

    def _end(self, which: str, during: State, after: State) -> None:
        with self._changing() as jobs:
            job = self._seen(self._find(jobs, which))
            place = [other.id for other in jobs].index(which)
            if job.state == "running" or (job.state == "pausing" and during == "stopping"):
                terminate(job.pid, job.begun)
                job = replace(job, state=during)
            elif job.state in ("waiting", "paused"):
                job = replace(job, state=after)
            jobs[place] = job

    # --- files -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[list[Job]]:
        """Give the jobs to change, and write them down if they changed. One at a time, over all processes."""
        from filelock import FileLock

        with self._mutex:
            with writing(self.place):
                self.place.mkdir(parents=True, exist_ok=True)
                lock = FileLock(self.place / "queue.lock")
                lock.acquire()
            try:
                jobs = self._read()
                before = list(jobs)
                yield jobs
                if jobs != before:
                    write_json(self.place / "queue.json", {"format": 1, "jobs": [asdict(job) for job in jobs]})
            finally:
                lock.release()

    def _read(self) -> list[Job]:
        """Return the jobs in queue.json; entries that are none are left out, and so is a file that is no queue."""
        listed = read_json(self.place / "queue.json").get("jobs")
        return [job for entry in (listed if isinstance(listed, list) else ()) if (job := _job(entry)) is not None]

    def _find(self, jobs: list[Job], which: str) -> Job:
        for job in jobs:
            if job.id == which:
                return job
        raise UsageError(say("There is no training {which!r} in the queue.", which=which))

    def _folder(self, which: str) -> Path:
        if not which.isdecimal():
            raise UsageError(say("There is no training {which!r} in the queue.", which=which))
        return self.place / "jobs" / which

    def _folders(self) -> list[Path]:
        folder = self.place / "jobs"
        return list(folder.iterdir()) if folder.is_dir() else []

    def _discard(self, which: str) -> None:
        import shutil

        shutil.rmtree(self._folder(which), ignore_errors=True)


def _job(entry: Any) -> Job | None:
    """Return the job that an entry of queue.json describes, None where it describes none."""
    if not isinstance(entry, dict) or entry.get("state") not in get_args(State):
        return None
    kinds: dict[str, Callable[[Any], bool]] = {
        "id": lambda v: isinstance(v, str) and v.isdecimal() and len(v) < 10,
        "name": lambda v: isinstance(v, str),
        "run": lambda v: v is None or (isinstance(v, str) and not Path(v).is_absolute() and ".." not in Path(v).parts),
        "pid": lambda v: v is None or (type(v) is int and v > 1),
        "begun": lambda v: v is None or isinstance(v, float),
        "exit_code": lambda v: v is None or type(v) is int,
        "message": lambda v: isinstance(v, str),
    }
    if set(entry) != {*kinds, "state"} or not all(fits(entry[key]) for key, fits in kinds.items()):
        return None
    return Job(**entry)
