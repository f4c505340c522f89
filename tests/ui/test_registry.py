"""The queue of trainings: processes that end in every way, servers that come and go. Fake trainers, one real one."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.ui.processes import alive, lock_holder
from builder.ui.registry import Job, Registry
from schemas.errors import TrainingError, UsageError

FAKE = """
import json, os, pathlib, signal, socket, sys, time
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
document = folder / "document.json"
behave = json.loads(document.read_text()).get("behave", "wait") if job["action"] == "train" else "finish"
holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.strftime("%Y-%m-%d %H:%M:%S")}
def leave(code, message=""):
    (folder / "live.json").write_text(json.dumps({"phase": "ended", "exit_code": code, "message": message, "run": run}))
    os._exit(code)
run = job.get("run") or str(pathlib.Path(job["out"]) / "digits" / folder.name)
if behave != "no folder":
    os.makedirs(run, exist_ok=True)
    (pathlib.Path(run) / "document.json").write_text("{}")
signal.signal(signal.SIGTERM, lambda *_: leave(143, "saved"))
(folder / "lock").write_text(json.dumps(holder))
(folder / "live.json").write_text(json.dumps({"phase": "training", "run": run}))
print("hello", flush=True)
if behave == "kill": os.kill(os.getpid(), signal.SIGKILL)
if behave == "fault": leave(5, "The loss became nan")
if behave == "finish":
    (pathlib.Path(run) / "report.json").write_text(json.dumps({"status": "finished"}))
    leave(0)
time.sleep(60)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    return [sys.executable, str(script)]


@pytest.fixture
def registry(tmp_path: Path, command: list[str]) -> Iterator[Registry]:
    made = Registry(tmp_path / "work", command=command)
    made.workspace.mkdir()
    yield made
    for job in made.jobs():
        if job.pid is not None and alive(job.pid, job.begun):
            os.kill(job.pid, signal.SIGKILL)
    for child in made._children.values():
        child.wait()


def until(condition: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing happened")


def reach(registry: Registry, job: Job, state: str) -> Job:
    def there() -> bool:
        registry.tick()
        return registry.job(job.id).state == state

    until(there)
    return registry.job(job.id)


def ready(registry: Registry, job: Job) -> None:
    """Wait until the fake trainer listens to signals."""
    until(lambda: registry.live(job.id).get("phase") == "training")


def document(behave: str) -> dict[str, Any]:
    return {"name": "数字", "behave": behave}


@pytest.mark.parametrize(
    ("behave", "state", "code", "message"),
    [
        ("finish", "finished", 0, ""),
        ("fault", "failed", 5, "The loss became nan"),
        ("kill", "failed", -signal.SIGKILL, ""),
    ],
)
def test_ends_as_its_process_does(registry: Registry, behave: str, state: str, code: int, message: str) -> None:
    job = reach(registry, registry.submit(document(behave)), state)
    assert (code, message, None, "数字") == (job.exit_code, job.message, job.pid, job.name)
    assert job.run == f"runs/digits/{job.id}"
    assert registry.output(job.id) == "hello\n"


def test_no_more_than_so_many_at_once(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "work").mkdir()
    registry = Registry(tmp_path / "work", most=2, command=command)
    first, second, third, fourth = (registry.submit(document("wait")) for _ in range(4))
    assert ["running", "running", "waiting", "waiting"] == [job.state for job in registry.jobs()]
    ready(registry, second)
    registry.stop(second.id)
    reach(registry, second, "stopped")
    assert ["running", "stopped", "running", "waiting"] == [job.state for job in registry.jobs()]
    registry.stop(fourth.id)
    assert "stopped" == registry.job(fourth.id).state
    for job in (first, third):
        ready(registry, job)
        registry.stop(job.id)
        reach(registry, job, "stopped")


def test_pauses_and_goes_on(registry: Registry) -> None:
    job, after = registry.submit(document("wait")), registry.submit(document("wait"))
    ready(registry, job)
    registry.pause(job.id)
    assert "pausing" == registry.job(job.id).state
    reach(registry, job, "paused")
    assert "running" == registry.job(after.id).state
    assert "waiting" == registry.resume(job.id).state
    ready(registry, after)
    registry.stop(after.id)
    assert "runs/digits/0001" == reach(registry, job, "finished").run
    order = json.loads((registry.place / "jobs" / job.id / "job.json").read_text())
    assert {"action": "resume", "run": str(registry.workspace / "runs/digits/0001")} == order


def test_a_job_that_was_killed_goes_on(registry: Registry) -> None:
    job = reach(registry, registry.submit(document("kill")), "failed")
    registry.resume(job.id)
    reach(registry, job, "finished")


def test_a_server_that_starts_again_finds_everything(registry: Registry, command: list[str]) -> None:
    job, waiting = registry.submit(document("wait")), registry.submit(document("finish"))
    ready(registry, job)
    again = Registry(registry.workspace, command=command)
    assert [(job.id, "running"), (waiting.id, "waiting")] == [(j.id, j.state) for j in again.jobs()]
    again.pause(job.id)
    reach(again, job, "paused")
    reach(again, waiting, "finished")


def test_a_server_that_died_just_after_starting_a_process_starts_no_second_one(registry: Registry) -> None:
    job = registry.submit(document("wait"))
    ready(registry, job)
    queue = registry.place / "queue.json"
    said = json.loads(queue.read_text())
    said["jobs"][0] |= {"state": "waiting", "pid": None, "begun": None}
    queue.write_text(json.dumps(said))
    again = Registry(registry.workspace, command=["/does/not/exist"])
    found = again.jobs()[0]
    assert ("running", registry._children[job.id].pid) == (found.state, found.pid)


def test_a_process_that_another_server_started_and_nobody_saw_die(registry: Registry, command: list[str]) -> None:
    job = registry.submit(document("wait"))
    ready(registry, job)
    again = Registry(registry.workspace, command=command)
    os.kill(again.jobs()[0].pid or 0, signal.SIGKILL)
    registry._children[job.id].wait()
    found = again.jobs()[0]
    assert ("failed", None) == (found.state, found.exit_code)


def test_a_number_that_another_process_has_now_is_not_the_job(registry: Registry) -> None:
    assert alive(os.getpid(), None)
    assert not alive(os.getpid(), time.time() - 1e6)


def test_run_folders_of_the_command_line_go_on(registry: Registry) -> None:
    run = registry.workspace / "runs" / "mine" / "3"
    run.mkdir(parents=True)
    (run / "document.json").write_text("{}")
    job = registry.resume_run("runs/mine/3")
    assert "runs/mine/3" == reach(registry, job, "finished").run
    assert job.id == registry.resume_run("runs/mine/3").id


def test_forgets_only_what_has_ended(registry: Registry) -> None:
    done = reach(registry, registry.submit(document("finish")), "finished")
    living = registry.submit(document("wait"))
    registry.forget(done.id)
    registry.forget(living.id)
    assert [living.id] == [job.id for job in registry.jobs()]
    assert not (registry.place / "jobs" / done.id).exists()
    assert (registry.workspace / "runs/digits" / done.id).exists()


@pytest.mark.parametrize("path", ["../outside", "/etc", "runs/../../x"])
def test_stays_in_the_workspace(registry: Registry, path: str) -> None:
    with pytest.raises(UsageError, match="not inside"):
        registry.resume_run(path)


@pytest.mark.parametrize("which", ["0009", "../../etc", ""])
def test_unknown_jobs_are_refused(registry: Registry, which: str) -> None:
    for act in (registry.job, registry.pause, registry.stop, registry.resume, registry.forget):
        with pytest.raises(UsageError, match="no training"):
            act(which)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"jobs": 3}', '{"jobs": [{"id": "1"}, 5, {"id": "../..", "state": "waiting"}]}', "[" * 9999],
)
def test_a_queue_file_that_is_none_is_an_empty_queue(registry: Registry, text: str) -> None:
    registry.place.mkdir()
    (registry.place / "queue.json").write_text(text)
    assert [] == registry.jobs()
    assert "0001" == registry.submit(document("finish")).id


def test_a_command_that_cannot_be_started_is_a_failed_job(tmp_path: Path) -> None:
    job = Registry(tmp_path, command=["/does/not/exist"]).submit(document("finish"))
    assert "failed" == job.state
    assert "could not be started" in job.message


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".tsumiki").write_text("a file where a folder should be")
    with pytest.raises(TrainingError, match="Could not write"):
        Registry(tmp_path).submit(document("finish"))


def test_the_holder_of_a_lock(tmp_path: Path) -> None:
    import socket

    now = time.strftime("%Y-%m-%d %H:%M:%S")
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "started": now}
    cases = [(mine, os.getpid()), ({**mine, "host": "elsewhere"}, None), ({**mine, "pid": "x"}, None), ({}, None)]
    cases += [({**mine, "started": "2001-01-01 00:00:00"}, None), ({**mine, "started": "soon"}, None)]
    for holder, expected in cases:
        (tmp_path / "lock").write_text(json.dumps(holder))
        assert expected == lock_holder(tmp_path)


def test_moves_while_nobody_looks(registry: Registry) -> None:
    jobs = [registry.submit(document("finish")) for _ in range(2)]
    registry.watch(0.05)
    until(lambda: all(registry.job(job.id).state == "finished" for job in jobs))


def test_a_real_training_is_paused_and_goes_on(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    model = {"input": [4], "layers": [{"type": "Affine", "out_features": 3}]}
    data = {"source": {"type": "builtin", "name": "iris"}, "validation": 0.1, "test": 0.2}
    training = {"epochs": 100_000, "batch_size": 32}
    job = registry.submit({"format": 1, "name": "アヤメ", "model": model, "data": data, "training": training})
    until(lambda: registry.live(job.id).get("done"), 60)
    registry.pause(job.id)
    paused = reach(registry, job, "paused")
    assert "runs/アヤメ/1" == paused.run
    live = registry.live(job.id)
    assert ("ended", 143) == (live["phase"], live["exit_code"])
    assert 100_000 == live["epochs"] and live["samples_per_second"] > 0 and live["trail"]
    document = json.loads((tmp_path / "runs/アヤメ/1/document.json").read_text())
    assert "SoftMax".lower() in [layer["type"].lower() for layer in document["model"]["layers"]]
    registry.resume(job.id)
    until(lambda: registry.live(job.id).get("resumed"), 60)
    registry.stop(job.id)
    reach(registry, job, "stopped")


def test_a_real_training_that_cannot_begin_says_why(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    job = registry.submit({"format": 1, "name": "x", "model": {"layers": [{"type": "Affine", "out_features": 3}]}})
    failed = reach(registry, job, "failed")
    assert 3 == failed.exit_code
    assert "no data section" in failed.message
    assert "data.missing" == registry.live(job.id)["problems"][0]["code"]


def test_kernels_that_are_compiled_late_end_no_training(tmp_path: Path) -> None:
    from builder.ui.files import read_json
    from builder.ui.worker import Live

    live = Live(tmp_path)
    step = {"event": "step", "epoch": 1, "epochs": 2, "batch": 1, "batches": 2, "step": 1, "steps": 4, "step_loss": 1.0}
    live(step)
    assert "training" == live.state["phase"]
    live.compiled("evaluation", 1.0)
    assert "compiling" == read_json(tmp_path / "live.json")["phase"]
    live(step | {"step": 2})
    live.write()
    assert "training" == read_json(tmp_path / "live.json")["phase"]
