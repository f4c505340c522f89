"""Whichever write fails: what was saved before is whole, and resume gives the bytes of a run without faults."""

import errno
import os
from types import SimpleNamespace

import fake_training as fake
import pytest

from builder.training import checkpoint, durable
from schemas.errors import TrainingError

SETTINGS = {"epochs": 2, "checkpoint_steps": 3}
CALLS = ("open", "write", "fsync", "replace", "ftruncate", "lseek")
CODES = {"open": errno.EACCES, "write": errno.ENOSPC, "fsync": errno.EIO, "replace": errno.EROFS}


class Disk:
    """Stands in for `os` in builder/training/durable.py and lets the n-th call fail, or all from the n-th on."""

    def __init__(self, n, forever):
        self.n, self.forever, self.count = n, forever, 0

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*arguments):
            self.count += 1
            if self.count == self.n or (self.forever and self.count > self.n):
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])  # half of it gets there
                raise OSError(CODES.get(name, errno.EIO), os.strerror(CODES.get(name, errno.EIO)))
            return real(*arguments)

        return call


def fail_at(n, forever, folder, whole, monkeypatch):
    """Train with the n-th call failing; return whether it was reached."""
    disk = Disk(n, forever)
    with monkeypatch.context() as patch:
        patch.setattr(durable, "os", disk)
        try:
            fake.train(folder, SETTINGS)
        except TrainingError as error:
            begun = any((folder / "fake").glob("[0-9]*"))
            said = str(error)
            assert error.exit_code == 5
            assert ("unchanged" in said) if begun else ("resume" not in said and ".new-" not in said), said
    if disk.count < n:
        return False
    runs = list((folder / "fake").iterdir())
    if not runs:
        return True  # it failed before the folder was complete, and left nothing behind
    assert [run.name for run in runs] == ["1"]
    assert not list(runs[0].rglob("*.tmp"))
    checkpoint.load(runs[0] / "checkpoints" / "last.safetensors")
    assert saved(fake.resume(runs[0])) == whole
    return True


def saved(run):
    names = ("metrics.jsonl", "predictions.csv", "report.json", "checkpoints/last.safetensors", "checkpoints/best.json")
    return [(run.path / name).read_bytes() for name in names]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return saved(fake.train(tmp_path_factory.mktemp("whole"), SETTINGS))


@pytest.mark.parametrize("n", range(1, 120, 9))
def test_a_failing_write_harms_nothing(n, tmp_path, whole, monkeypatch):
    fail_at(n, n % 2 == 0, tmp_path, whole, monkeypatch)


@pytest.mark.thorough
@pytest.mark.parametrize("forever", [False, True])
def test_every_failing_write_harms_nothing(forever, tmp_path, whole, monkeypatch):
    n = 1
    while fail_at(n, forever, tmp_path / str(n), whole, monkeypatch):
        n += 1
    assert n > 100


def test_writes_that_take_only_a_part_are_continued(tmp_path, whole, monkeypatch):
    patched = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
    patched.write = lambda descriptor, data: os.write(descriptor, bytes(data)[:100])
    monkeypatch.setattr(durable, "os", patched)
    assert saved(fake.train(tmp_path, SETTINGS)) == whole


def usage(free):
    return lambda path: SimpleNamespace(total=10**12, used=0, free=free)


def test_a_full_disk_is_found_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(durable.shutil, "disk_usage", usage(1000))
    with pytest.raises(TrainingError, match=r"needs 2\d\.\d kB and 1\.0 kB are free"):
        fake.train(tmp_path)
    assert not list((tmp_path / "fake").iterdir())


def test_a_disk_that_fills_up_later_leaves_the_last_checkpoint(tmp_path, whole, monkeypatch):
    def fill(event):
        if event["event"] == "checkpoint":
            monkeypatch.setattr(durable.shutil, "disk_usage", usage(5))

    with pytest.raises(TrainingError, match=r"the next checkpoint needs .* kB and 5 bytes are free"):
        fake.train(tmp_path, SETTINGS, progress=fill)
    path = tmp_path / "fake" / "1"
    assert checkpoint.load(path / "checkpoints" / "last.safetensors").state.step == 3
    monkeypatch.undo()
    assert saved(fake.resume(path)) == whole
