"""kill -9 at random moments, Ctrl-C and SIGTERM, and a second trainer: each on a process of its own."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_training as fake
import pytest

import builder
from builder.training import checkpoint
from builder.training.run import Run
from schemas.errors import TrainingError

ROOT = Path(builder.__file__).parents[1]
SETTINGS = {"epochs": 6, "checkpoint_steps": 1, "pause": 0.002}


def launch(verb, place, settings):
    """Start a trainer."""
    arguments = [sys.executable, str(Path(fake.__file__)), verb, str(place), json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def spawn(verb, place, settings=None):
    """Start a trainer; return the process and its run folder, once it trains."""
    process = launch(verb, place, settings or SETTINGS)
    line = process.stdout.readline()
    if not line.startswith("start"):
        process.kill()
        raise AssertionError(process.communicate()[1])
    return process, Path(line.partition(" ")[2].strip())


def end(process):
    """Wait for the process; return exit code and error output."""
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    settings = {key: value for key, value in SETTINGS.items() if key != "pause"}
    return saved(fake.train(tmp_path_factory.mktemp("whole"), settings))


def saved(run):
    names = ("metrics.jsonl", "predictions.csv", "report.json", "checkpoints/last.safetensors", "checkpoints/last.json")
    return [(run.path / name).read_bytes() for name in names]


def kill_often(folder, count, seed):
    """Kill and resume until `count` kills hit a training; check the checkpoints after each. Return the finished run."""
    chance = random.Random(seed)
    process, path = spawn("train", folder)
    for _ in range(count):
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        end(process)
        for file in (path / "checkpoints").glob("*.safetensors"):
            checkpoint.load(file)
        if Run(path).finished:
            process, path = spawn("train", folder)
        else:
            process, path = spawn("resume", path, {"pause": 0.002})
    code, errors = end(process)
    assert code == 0, errors
    return Run(path)


def test_kills_leave_a_loadable_checkpoint_and_harm_nothing(tmp_path, whole):
    assert saved(kill_often(tmp_path, 4, seed=1)) == whole


@pytest.mark.thorough
def test_a_hundred_kills_leave_a_loadable_checkpoint_each(tmp_path, whole):
    assert saved(kill_often(tmp_path, 100, seed=2)) == whole


def start_and_kill(folder, delay):
    """Kill a trainer that long after its start; return the run folders there are, each of which must be complete."""
    process = launch("train", folder, SETTINGS)
    time.sleep(delay)
    process.kill()
    end(process)
    runs = [entry for entry in (folder / "fake").glob("*") if not entry.name.startswith(".")]
    assert all(checkpoint.load(run / "checkpoints" / "last.safetensors") for run in runs)
    return runs


def test_a_kill_at_the_start_leaves_a_complete_run_folder_or_none(tmp_path, whole):
    for delay in (0.1, 0.25, 0.32, 0.4):
        runs = start_and_kill(tmp_path, delay)
    settings = {key: value for key, value in SETTINGS.items() if key != "pause"}
    run = fake.train(tmp_path, settings)
    assert run.path.name == str(len(runs) + 1) and saved(run) == whole
    assert not list((tmp_path / "fake").glob(".*")), "what the kills left half made is swept away"


@pytest.mark.thorough
def test_kills_at_the_start_leave_a_complete_run_folder_or_none(tmp_path):
    chance = random.Random(3)
    for _ in range(60):
        start_and_kill(tmp_path, chance.uniform(0.15, 0.5))


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_within_one_step(number, code, tmp_path, whole):
    process, path = spawn("train", tmp_path, {**SETTINGS, "checkpoint_steps": 1000, "pause": 0.05})
    for _ in range(6):
        line = process.stdout.readline()
    process.send_signal(number)
    exit_code, errors = end(process)
    assert exit_code == code
    assert f"tsumiki resume {path}" in errors and "Traceback" not in errors
    step = checkpoint.load(path / "checkpoints" / "last.safetensors").state.step
    assert int(line.split()[1]) <= step <= int(line.split()[1]) + 1


def test_a_second_trainer_is_refused_by_name_and_a_dead_one_is_not_in_the_way(tmp_path, whole):
    process, path = spawn("train", tmp_path, {**SETTINGS, "pause": 0.05})
    with pytest.raises(TrainingError, match=rf"is being trained already, by process {process.pid} on .*, started 20"):
        fake.resume(path)
    assert json.loads((path / "lock").read_text())["pid"] == process.pid
    process.kill()
    end(process)
    assert (path / "lock").exists()
    settings = {key: value for key, value in SETTINGS.items() if key != "pause"}
    assert saved(fake.resume(path, settings=settings)) == whole
