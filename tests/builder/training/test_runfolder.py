"""Names and numbers of run folders, the lock, and what opens them."""

import errno
import json
import os

import pytest

from builder.training import durable
from builder.training.lock import Lock
from builder.training.run import Run
from builder.training.runfolder import create, find, folder_name
from schemas.errors import DataError, TrainingError, UsageError


def make(out, name="net"):
    folder = create(out, name, lambda folder: folder.write_json("document.json", {"name": name}))
    folder.lock.release()
    return folder


def test_numbers_go_up_and_never_fill_gaps(tmp_path):
    assert [make(tmp_path).path.name for _ in range(2)] == ["1", "2"]
    (tmp_path / "net" / "7").mkdir()
    assert make(tmp_path).path.name == "8"
    assert find(tmp_path / "net").path.name == "8"


@pytest.mark.parametrize(
    "name, folder",
    [
        ("数字 1", "数字 1"),
        ("../../etc", "_.._etc"),
        ("a/b\\c:d\x00", "a_b_c_d_"),
        ("..", "network"),
        ("é" * 200, "é" * 60),
        ("", "network"),
    ],
)
def test_any_name_becomes_a_harmless_folder(tmp_path, name, folder):
    assert folder_name(name) == folder
    assert make(tmp_path, name).path == tmp_path / folder / "1"


def test_what_fails_while_it_is_filled_leaves_nothing(tmp_path):
    def fill(folder):
        raise TrainingError("no")

    with pytest.raises(TrainingError):
        create(tmp_path, "net", fill)
    assert list((tmp_path / "net").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="Could not begin a run"):
        make(tmp_path / "file")


def test_what_is_no_run_folder_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="is no run folder"):
            Run(path)
    run = Run(make(tmp_path).path)
    assert run.metrics == [] and run.test == {} and not run.finished and run.document == {"name": "net"}
    with pytest.raises(DataError, match=r"Cannot read .*data\.json"):
        assert run.data
    (run.path / "data.json").write_text("[[")
    with pytest.raises(DataError, match="is not valid JSON"):
        assert run.data


def test_the_lock_names_its_holder(tmp_path):
    with Lock(tmp_path), pytest.raises(TrainingError, match=f"process {os.getpid()} on "):
        Lock(tmp_path).acquire()
    with Lock(tmp_path):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
        (tmp_path / "lock").write_text("nonsense")
        with pytest.raises(TrainingError, match="by another process"):
            Lock(tmp_path).acquire()


def test_sizes_are_written_for_people():
    assert [durable.size(n) for n in (5, 1500, 2_000_000, 3 * 10**12)] == ["5 bytes", "1.5 kB", "2.0 MB", "3.0 TB"]


def test_a_disk_that_is_full_before_a_run_exists_is_told_by_its_real_place(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(TrainingError) as refused:
        create(tmp_path, "digits", lambda folder: folder.write_json("document.json", {}))
    said = str(refused.value)
    assert f"Could not begin a run in {tmp_path / 'digits'}: No space left on device" in said
    assert "resume" not in said and ".new-" not in said
    assert [] == list((tmp_path / "digits").iterdir())
