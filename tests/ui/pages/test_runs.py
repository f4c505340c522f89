"""The page Runs: table, comparison, notes, deletion and undo, downloads, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pages_harness as harness
import pytest
from pages_harness import document, said, sound
from streamlit.testing.v1 import AppTest

from builder.ui.pages import runs as runs_page
from builder.ui.shelf import Shelf


def make(workspace: Path, number: int, epochs: int = 3, changed: dict[str, Any] | None = None, **report: Any) -> str:
    """Write a run folder of the example digits."""
    folder = workspace / "runs" / "digits" / str(number)
    folder.mkdir(parents=True)
    rows = [
        {"epoch": k, "train": {"loss": 1 / k, "accuracy": 0.5}, "validation": {"loss": 2 / k, "accuracy": 0.6}}
        for k in range(1, epochs + 1)
    ]
    log = [{"time": f"2026-01-02T03:{number // 60:02}:{number % 60:02}+0000", "event": "start"}]
    log += [{"event": "epoch", "seconds": 0.5}] * epochs
    (folder / "document.json").write_text(json.dumps(harness.example("digits") | (changed or {})))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    if report:
        (folder / "report.json").write_text(json.dumps({"status": "finished", "part": "test", **report}))
    return f"runs/digits/{number}"


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Choose rows of the table, which AppTest cannot click."""

    def chosen(*rows: int) -> None:
        real = runs_page._table

        def table(runs: Any, entries: Any) -> Any:
            real(runs, entries)
            return [entries[k] for k in rows if k < len(entries)]

        monkeypatch.setattr(runs_page, "_table", table)

    return chosen


@pytest.fixture
def app(tmp_path: Path) -> AppTest:
    return harness.opened("runs", tmp_path, "iris")


def test_no_runs_yet(app: AppTest) -> None:
    app.run()
    sound(app)
    assert "No runs yet" in said(app)


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_runs_of_every_kind(tmp_path: Path, language: str) -> None:
    make(tmp_path, 1, metrics={"loss": 0.1, "accuracy": 0.97, "confusion": [[1]], "auc": None})
    make(tmp_path, 2, training={"epochs": 9})
    make(tmp_path, 3, epochs=0)
    make(tmp_path, 4, changed={"training": {"epochs": 9}, "data": 3, "model": {"layers": "nonsense"}})
    (tmp_path / "runs/digits/3/document.json").write_text("{")
    app = harness.opened("runs", tmp_path, "iris", language).run()
    sound(app)
    table = app.dataframe[0].value
    assert 4 == len(table) and "0.9700" in " ".join(table["quality"])


def test_what_differs(app: AppTest, tmp_path: Path, choose: Any) -> None:
    make(tmp_path, 1)
    make(tmp_path, 2, changed={"training": {"epochs": 99}})
    choose(0, 1)
    app.run()
    sound(app)
    differences = app.dataframe[1].value
    row = differences[differences["Setting"] == "training.epochs"].iloc[0]
    assert ["99", "20"] == [row["digits 2"], row["digits 1"]]


def test_names_and_notes(app: AppTest, tmp_path: Path, choose: Any) -> None:
    run = make(tmp_path, 1)
    choose(0)
    app.run()
    app.text_input(key=f"runs:title:{run}").set_value("**mein** <b>Lauf</b>").run()
    app.text_area(key=f"runs:note:{run}").set_value("schön").run()
    sound(app)
    (entry,) = Shelf(tmp_path).runs()
    assert ("**mein** <b>Lauf</b>", "schön") == (entry.title, entry.note)
    assert "<b>" not in said(app)


def test_delete_and_undo(app: AppTest, tmp_path: Path, choose: Any) -> None:
    make(tmp_path, 1)
    make(tmp_path, 2)
    choose(0)
    app.run()
    app.button(key="runs:delete").click().run()
    sound(app)
    assert ["digits 1"] == [entry.label for entry in Shelf(tmp_path).runs()]
    app.button(key="runs:undo").click().run()
    sound(app)
    assert ["digits 2", "digits 1"] == [entry.label for entry in Shelf(tmp_path).runs()]
    assert "Deleted" not in said(app)


def test_a_run_opens_as_a_document(app: AppTest, tmp_path: Path, choose: Any) -> None:
    make(tmp_path, 1)
    choose(0)
    app.run()
    app.button(key="runs:open").click().run()
    sound(app)
    assert "digits" == document(app)["name"]


def test_a_stopped_run_goes_on(app: AppTest, tmp_path: Path, choose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, 1)
    choose(0)
    quiet = harness.Quiet(tmp_path)
    monkeypatch.setattr(runs_page, "registry", lambda workspace: quiet)
    app.run()
    app.button(key="runs:resume").click().run()
    sound(app)
    assert [("runs/digits/1", "waiting")] == [(job.run, job.state) for job in quiet.jobs()]


def test_a_hundred_runs_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 101):
        make(tmp_path, number, 20, metrics={"loss": 1 / number, "accuracy": 1 - 1 / number})
    app = harness.opened("runs", tmp_path, "iris").run()
    sound(app)
    read, measured = [], []
    monkeypatch.setattr("builder.ui.shelf._read", lambda *args: read.append(args))
    monkeypatch.setattr("builder.ui.shelf.measure", lambda *args: measured.append(args))
    app.run()
    sound(app)
    assert 100 == len(app.dataframe[0].value)
    assert ([], []) == (read, measured)


def test_several_are_deleted_and_brought_back_together(app: AppTest, tmp_path: Path, choose: Any) -> None:
    for number in (1, 2, 3):
        make(tmp_path, number)
    choose(0, 2)
    app.run()
    app.button(key="runs:delete").click().run()
    sound(app)
    assert ["digits 2"] == [entry.label for entry in Shelf(tmp_path).runs()]
    app.button(key="runs:undo").click().run()
    sound(app)
    assert ["digits 3", "digits 2", "digits 1"] == [entry.label for entry in Shelf(tmp_path).runs()]


def test_a_little_curve_keeps_its_end() -> None:
    assert [0.0, 3.0, 6.0, 9.0] == runs_page._thin([float(k) for k in range(10)], 4)
    assert [] == runs_page._thin([]) and [1.0] == runs_page._thin([1.0])
