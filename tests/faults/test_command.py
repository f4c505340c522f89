"""The command itself, on the real engine: kills and signals, after which the run goes on to the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import builder
from builder.training import checkpoint

PACKAGES = Path(builder.__file__).parents[1]  # the tree, or where it is installed
DOCUMENT = Path(__file__).parents[2] / "examples" / "iris.json"
OVERRIDES = ("training.epochs=30", "training.checkpoint_steps=1")


def tsumiki(*arguments):
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-c", "from builder.cli import main; main()", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(out):
    """Start a training and return process and run folder, once that is there."""
    process = tsumiki("train", DOCUMENT, *OVERRIDES, "--out", out)
    path = Path(out) / "iris" / "1"
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    return process, path


def saved(path):
    names = ("metrics.jsonl", "predictions.csv", "report.json", "checkpoints/last.safetensors", "checkpoints/last.json")
    return [(path / name).read_bytes() for name in names]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return saved(builder.train(DOCUMENT, tmp_path_factory.mktemp("whole"), list(OVERRIDES)).path)


def kill_often(folder, count):
    """Kill the training and its resumptions that often, then let it finish; return the run folder."""
    chance = random.Random(count)
    process, path = begun(folder)
    for left in reversed(range(count)):
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.communicate()
        assert checkpoint.load(path / "checkpoints" / "last.safetensors").state.step >= 0
        if left:
            process = tsumiki("resume", path)
            time.sleep(chance.uniform(0.5, 1.5))
    assert builder.resume(path).finished
    return path


def test_a_kill_and_resume_give_the_bytes_of_one_run(tmp_path, whole):
    assert saved(kill_often(tmp_path, 1)) == whole


@pytest.mark.thorough
def test_a_hundred_kills_and_resumes_give_the_bytes_of_one_run(tmp_path, whole):
    assert saved(kill_often(tmp_path, 100)) == whole


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_save_and_end_with_the_shells_codes(number, code, tmp_path, whole):
    process, path = begun(tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code and f"tsumiki resume {path}" in errors and "Traceback" not in errors
    assert saved(builder.resume(path).path) == whole
