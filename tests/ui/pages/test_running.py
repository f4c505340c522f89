"""What the page shows of a training that runs, and when more than numbers has changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pages_harness as harness
import pytest

from builder.ui.checkups import _RUNS, Found
from builder.ui.pages import running
from builder.ui.pages.running import Watch

ROWS = [
    {"epoch": 1, "learning_rate": 0.1, "train": {"loss": 2.0, "accuracy": 0.5}, "validation": {"loss": 2.5}},
    {"epoch": 2, "learning_rate": 0.05, "train": {"loss": 1.23456789, "accuracy": 0.7}},
    {"epoch": 3, "learning_rate": 0.02, "train": {"loss": 1.0, "accuracy": 0.8}, "validation": {"loss": 1.5}},
]
LIVE = {
    "phase": "training", "epoch": 4, "epochs": 20, "batch": 3, "batches": 20, "step": 63, "steps": 400, "loss": 0.5,
    "learning_rate": 0.02, "seconds_left": 75.0, "samples_per_second": 12345.6, "trail": [[0.5, 3.0], [0.75, None]],
}  # fmt: skip


class Desk:
    """A workspace with one training, whose files a test changes."""

    def __init__(self, workspace: Path) -> None:
        self.queue = harness.Quiet(workspace)
        self.run = workspace / "runs" / "digits" / "1"
        self.run.mkdir(parents=True)
        self.document(harness.example("digits"))
        self.queue.submit({"name": "digits"})
        self.put("running")
        self.live(LIVE)
        self.rows(ROWS)

    def document(self, document: dict[str, Any]) -> None:
        (self.run / "document.json").write_text(json.dumps(document))

    def put(self, state: str, which: int = 0) -> None:
        said = json.loads((self.queue.place / "queue.json").read_text())
        said["jobs"][which] |= {"state": state, "run": "runs/digits/1"}
        (self.queue.place / "queue.json").write_text(json.dumps(said))

    def live(self, live: dict[str, Any], which: str = "0001") -> None:
        (self.queue.place / "jobs" / which / "live.json").write_text(json.dumps(live))

    def rows(self, rows: list[dict[str, Any]]) -> None:
        (self.run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def watch(self, language: str = "en") -> Watch:
        return Watch(self.queue, "0001", language)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_curves_have_every_value_and_the_trail_and_no_more_digits_than_a_chart_shows(desk: Desk) -> None:
    loss, accuracy = desk.watch().look()["charts"]
    assert ([1, 2, 3], "Loss") == (loss["x"], loss["title"])
    assert [[2.0, 1.2346, 1.0], [2.5, None, 1.5]] == [line["values"] for line in loss["lines"]]
    assert [[0.5], [3.0]] == loss["trail"] and [[], []] == accuracy["trail"]
    assert [0.5, 0.7, 0.8] == accuracy["lines"][0]["values"]
    assert "Accuracy. Epoch 3: training 0.8000, validation –" == accuracy["summary"]


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_it_is_json_in_every_language(desk: Desk, language: str) -> None:
    said = desk.watch(language).look()
    again = json.loads(json.dumps(said, allow_nan=False))
    assert ["done", "done", "now", "next"] == [state for _, state in again["phases"]]
    assert "1:15" in again["said"] and again["done"] == 63 / 400
    assert {"3 / 20", "0.5000", "12,346"} <= {value for _, value in again["numbers"]}
    assert set(running.words(language)) == {"train", "validation", "epoch", "step", "log"}
    assert language == "en" or running.words(language) != running.words("en")


def test_the_learning_rate_has_its_chart_where_it_changes(desk: Desk) -> None:
    assert 2 == len(desk.watch().look()["charts"])
    for schedule in ({"type": "Cosine"}, {"type": "Constant", "warmup_epochs": 2}):
        document = harness.example("digits")
        document["training"]["schedule"] = schedule
        desk.document(document)
        rate = desk.watch().look()["charts"][2]
        assert [[0.1, 0.05, 0.02]] == [line["values"] for line in rate["lines"]]


@pytest.mark.parametrize("phase", ["loading", "compiling", "training", "ended"])
def test_before_the_first_epoch(desk: Desk, phase: str) -> None:
    desk.rows([])
    desk.live({"phase": phase, "compiled": 3})
    said = desk.watch().look()
    assert said["said"] and all(chart["note"] == chart["summary"].split(". ", 1)[1] for chart in said["charts"])
    assert said["phases"][running.STEPS.index(phase)][1] == "now" and "3" in said["phases"][1][0]


def test_waiting_and_ended_trainings(desk: Desk) -> None:
    desk.put("waiting")
    said = desk.watch().look()
    assert (running.EVERY, {"next"}) == (said["every"], {state for _, state in said["phases"]})
    desk.put("stopped")
    (desk.run / "report.json").write_text(json.dumps({"best": {"epoch": 2}}))
    said = desk.watch().look()
    assert [] == said["phases"] and 2 == said["charts"][0]["best"] and 4 == len(said["numbers"])
    desk.queue.submit({"name": "another"})
    assert running.SELDOM == desk.watch().look()["every"], "its turn is to be seen"


def test_nothing_moves_after_the_last_checkup(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("finished")
    monkeypatch.setattr("builder.ui.checkups._look", lambda folder, kept, stamp: None)  # it takes long
    assert 0 == desk.watch().look()["every"], "without a checkpoint there will be none"
    (desk.run / "checkpoints").mkdir()
    (desk.run / "checkpoints" / "last.safetensors").write_bytes(b"")
    assert running.SELDOM == desk.watch().look()["every"], "it is still being made"
    monkeypatch.setattr(_RUNS[desk.run], "found", Found())
    assert 0 == desk.watch().look()["every"]


def test_a_training_that_was_taken_off_the_list(desk: Desk) -> None:
    watch = desk.watch()
    desk.queue.stop("0001")
    desk.put("stopped")
    desk.queue.forget("0001")
    said = watch.look()
    assert "gone" == said["rev"] and [] == said["charts"] == said["numbers"]


def test_the_page_is_drawn_anew_for_what_is_more_than_numbers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    watch = desk.watch()
    drawn = watch.look(drawing=True)["rev"]
    desk.live({**LIVE, "loss": 0.4, "step": 64})
    assert (drawn, "0.4000") == (watch.look()["rev"], dict(watch.look()["numbers"])["Loss"])
    rising = [{"epoch": k + 1, "train": {"loss": loss}} for k, loss in enumerate((1.0, 0.5, 1.0, 2.0, 3.0))]
    desk.rows(rising)
    assert drawn == watch.look()["rev"], "findings are looked for only now and then"
    now[0] += running.FOUND
    advised = watch.look()["rev"]
    assert advised != drawn, "a new finding does not wait longer"
    assert advised == watch.look(drawing=True)["rev"]
    desk.rows([*rising, {"epoch": 6, "train": {"loss": 4.0}}])
    now[0] += running.FOUND
    assert advised == watch.look()["rev"], "its numbers do"
    now[0] += running.OLD[0]
    assert advised != watch.look()["rev"]
    desk.rows([*rising, *({"epoch": k, "train": {"loss": 1 / k}} for k in range(6, 30))])
    now[0] += running.OLD[0]
    gone = watch.look(drawing=True)["rev"]
    desk.rows(rising)
    now[0] += running.FOUND
    assert gone == watch.look()["rev"], "what comes and goes waits, too"
    now[0] += running.OLD[0]
    assert gone != watch.look()["rev"]
    for state in ("pausing", "paused"):
        before = watch.look(drawing=True)["rev"]
        desk.put(state)
        assert before != watch.look()["rev"]


def test_checkups_are_asked_for_when_they_would_be_drawn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """To ask for one is to have it made, which takes the training's time."""
    now, asked = [1000.0], []
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])

    def checkups(folder: Path, living: bool) -> Found | None:
        asked.append(now[0])
        return Found(epoch=len(asked)) if len(asked) > 2 else None

    monkeypatch.setattr(running, "checkups", checkups)
    watch = desk.watch()
    first = watch.look(drawing=True)["rev"]
    for _ in range(2):
        now[0] += running.FOUND
        watch.look()
    assert 3 == len(asked) and first != watch.look()["rev"], "the first is waited for"
    drawn = watch.look(drawing=True)["rev"]
    for _ in range(2):
        now[0] += running.FOUND
        assert drawn == watch.look()["rev"]
    assert 4 == len(asked)
    now[0] += running.OLD[0]
    assert drawn != watch.look()["rev"] and 5 == len(asked)


def test_other_trainings_move_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    watch = desk.watch()
    before = watch.look(drawing=True)["rev"]
    desk.queue.submit({"name": "another"})
    waits = watch.look(drawing=True)["rev"]
    assert before != waits == watch.look()["rev"]
    now[0] += running.OTHERS
    assert waits != watch.look()["rev"], "the queue says how far it is"


@pytest.mark.parametrize(
    ("left", "done", "seconds"), [(75.0, 0.5, 10), (1500.0, 0.5, 30), (1e6, 0.5, 180), (None, 0.5, 10), (9.0, 1.0, 10)]
)
def test_what_may_wait_waits_a_hundredth_of_the_training(left: float | None, done: float, seconds: float) -> None:
    assert seconds == running._old({"seconds_left": left, "step": 100 * done, "steps": 100})


@pytest.mark.parametrize("value", [None, "1", True, float("nan"), float("inf"), [1]])
def test_what_is_no_number_has_no_place_on_a_chart(value: Any) -> None:
    assert [None, 0.12346] == running._line("a", "red", [value, 0.1234567])["values"]


def test_thin_keeps_what_it_chose() -> None:
    values = list(range(1000))
    assert 150 >= len(running.thin(values, 150)) > 75
    assert set(running.thin(values, 150)[:-1]) <= set(running.thin(values[:600], 150)) | set(values[600:])
