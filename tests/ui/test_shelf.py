"""The list of runs: whatever lies in the folders, fast, with notes, deletion and undo, and downloads."""

from __future__ import annotations

import io
import json
import os
import socket
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder.ui.shelf import Costs, Shelf
from schemas.errors import UsageError

MODEL = {"input": [4], "layers": [{"type": "Affine", "out_features": 3}]}
DOCUMENT = {"format": 1, "name": "digits", "task": "classification", "model": MODEL, "training": {"epochs": 3}}


def make(workspace: Path, number: int, name: str = "digits", epochs: int = 2, **files: Any) -> Path:
    """Write a run folder as a training leaves it; `files` replace or add."""
    folder = workspace / "runs" / name / str(number)
    folder.mkdir(parents=True)
    rows = [
        {"epoch": k, "train": {"loss": 1 / k}, "validation": {"loss": 2 / k, "accuracy": k / 10}}
        for k in range(1, epochs + 1)
    ]
    log = [{"time": f"2026-01-02T03:04:{number % 60:02}+0000", "event": "start"}]
    log += [{"event": "epoch", "epoch": k, "seconds": 0.5} for k in range(1, epochs + 1)]
    content: dict[str, Any] = {
        "document.json": DOCUMENT,
        "metrics.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "log.jsonl": "".join(json.dumps(line) + "\n" for line in log),
    }
    content |= {key.replace("_", "."): value for key, value in files.items()}
    for key, value in content.items():
        (folder / key).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder


def test_a_run_that_has_ended(tmp_path: Path) -> None:
    report = {"status": "finished", "part": "test", "metrics": {"loss": 0.3, "accuracy": 0.9, "confusion": [[1]]}}
    make(tmp_path, 1, report_json=report, note_json={"title": "mein Lauf", "note": "gut"})
    (entry,) = Shelf(tmp_path).runs()
    assert ("runs/digits/1", "finished", "mein Lauf", "gut") == (entry.run, entry.state, entry.label, entry.note)
    assert ({"loss": 0.3, "accuracy": 0.9}, "test", 2, 3, 1.0) == (
        entry.metrics,
        entry.measured,
        entry.epochs,
        entry.planned,
        entry.seconds,
    )


def test_a_run_that_was_stopped_shows_its_best_epoch(tmp_path: Path) -> None:
    make(tmp_path, 7)
    (entry,) = Shelf(tmp_path).runs()
    assert ("stopped", "digits 7", "validation") == (entry.state, entry.label, entry.measured)
    assert {"loss": 1.0, "accuracy": 0.2} == entry.metrics


def test_a_run_that_is_being_trained(tmp_path: Path) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    folder = make(tmp_path, 1, lock={"pid": os.getpid(), "host": socket.gethostname(), "started": now})
    shelf = Shelf(tmp_path)
    assert ["running"] == [entry.state for entry in shelf.runs()]
    with pytest.raises(UsageError, match="being trained"):
        shelf.delete("runs/digits/1")
    (folder / "lock").write_text("{}")
    assert ["stopped"] == [entry.state for entry in shelf.runs()]


@pytest.mark.parametrize("name", ["document.json", "metrics.jsonl", "report.json", "note.json", "log.jsonl", "lock"])
@pytest.mark.parametrize("text", ["", "nonsense", "[1]", "{", '{"a": NaN}', "[" * 9999])
def test_broken_files_leave_their_part_empty(tmp_path: Path, name: str, text: str) -> None:
    make(tmp_path, 1)
    (tmp_path / "runs/digits/1" / name).write_text(text)
    (entry,) = Shelf(tmp_path).runs()
    assert ("runs/digits/1", "stopped") == (entry.run, entry.state)
    assert isinstance(entry.metrics, dict) and entry.planned in (3, 20)


def test_newest_first_and_read_again_only_after_changes(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        make(tmp_path, number)
    (tmp_path / "runs" / "stray").write_text("no folder")
    (tmp_path / "runs" / "digits" / ".new-5").mkdir()
    shelf = Shelf(tmp_path)
    first = shelf.runs()
    assert [3, 2, 1] == [entry.number for entry in first]
    shelf.annotate("runs/digits/2", "two", "")
    second = shelf.runs()
    assert first[0] is second[0] and "two" == second[1].label


def test_a_workspace_without_runs(tmp_path: Path) -> None:
    assert [] == Shelf(tmp_path).runs()


def test_delete_and_undo(tmp_path: Path) -> None:
    make(tmp_path, 1)
    make(tmp_path, 2)
    shelf = Shelf(tmp_path)
    token = shelf.delete("runs/digits/1")
    assert ([2], [token]) == ([entry.number for entry in shelf.runs()], shelf.deleted())
    assert "runs/digits/1" == shelf.restore(token)
    assert ([2, 1], []) == ([entry.number for entry in shelf.runs()], shelf.deleted())
    token = shelf.delete("runs/digits/1")
    make(tmp_path, 1)
    assert "runs/digits/3" == shelf.restore(token)
    with pytest.raises(UsageError, match="no longer"):
        shelf.restore(token)


@pytest.mark.parametrize("run", ["runs/digits", "runs/digits/../../x", "/etc/passwd", "..", "", "runs/digits/9"])
def test_only_runs_of_the_workspace(tmp_path: Path, run: str) -> None:
    make(tmp_path / "inner", 1)
    make(tmp_path, 1, name="outside")
    for act in (Shelf(tmp_path / "inner").delete, Shelf(tmp_path / "inner").bundle, Shelf(tmp_path / "inner").entry):
        with pytest.raises(UsageError, match="no run"):
            act(run)


@pytest.mark.parametrize("token", ["../..", "", "17", "/etc"])
def test_only_what_was_deleted_comes_back(tmp_path: Path, token: str) -> None:
    with pytest.raises(UsageError):
        Shelf(tmp_path).restore(token)


def test_a_link_out_of_the_workspace_is_no_run(tmp_path: Path) -> None:
    outside = make(tmp_path / "elsewhere", 1)
    (tmp_path / "inner" / "runs" / "digits").mkdir(parents=True)
    (tmp_path / "inner" / "runs" / "digits" / "5").symlink_to(outside)
    with pytest.raises(UsageError, match="no run"):
        Shelf(tmp_path / "inner").bundle("runs/digits/5")


def test_a_download_is_a_run_folder(tmp_path: Path) -> None:
    folder = make(tmp_path, 4)
    (folder / "checkpoints").mkdir()
    for name in ("best.safetensors", "last.safetensors"):
        (folder / "checkpoints" / name).write_bytes(b"x")
    with zipfile.ZipFile(io.BytesIO(Shelf(tmp_path).bundle("runs/digits/4"))) as file:
        names = set(file.namelist())
    inside = ("document.json", "metrics.jsonl", "log.jsonl", "checkpoints/best.safetensors")
    assert {f"digits-4/{name}" for name in inside} == names


def test_costs_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, 1)
    make(tmp_path, 2, document_json={**DOCUMENT, "model": {"layers": "nonsense"}})
    shelf = Shelf(tmp_path)
    expected = {"runs/digits/1": Costs(15, 12), "runs/digits/2": Costs(None, None)}
    assert expected == shelf.costs(shelf.runs(), 30)
    monkeypatch.setattr("builder.ui.shelf.measure", lambda document: pytest.fail("measured again"))
    assert expected == Shelf(tmp_path).costs(shelf.runs(), 30)


def test_costs_take_no_longer_than_they_may(tmp_path: Path) -> None:
    make(tmp_path, 1)
    assert {} == Shelf(tmp_path).costs(Shelf(tmp_path).runs(), 0)


def test_a_hundred_runs(tmp_path: Path) -> None:
    """The page has 2 s in all; reading must leave nearly all of it to the browser."""
    for number in range(1, 101):
        make(tmp_path, number, epochs=50)
    shelf = Shelf(tmp_path)
    begin = time.perf_counter()
    assert 100 == len(shelf.runs())
    assert time.perf_counter() - begin < 1
