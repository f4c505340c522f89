"""The page Train as a person drives it, without a browser: settings, start, queue, doctor, failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pages_harness as harness
import pytest
from pages_harness import document, labelled
from streamlit.testing.v1 import AppTest

from builder.ui import offers
from builder.ui.pages import live, running
from builder.ui.state import Store

EXAMPLE = harness.ROOT / "examples" / "digits.json"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    quiet = harness.Quiet(tmp_path)
    for module in ("train", "live"):
        monkeypatch.setattr(f"builder.ui.pages.{module}.registry", lambda workspace: quiet, raising=False)
    test = harness.opened("train", tmp_path, "digits")
    test.session_state["queue"] = quiet
    for name in ("more", "fine", "machine"):
        test.session_state[f"train:{name}"] = True  # unfolded
    return test


def test_settings_show_and_change_the_document(app: AppTest) -> None:
    app.run()
    assert not app.exception
    epochs = labelled(app.number_input, "Epochs")
    assert document(app)["training"]["epochs"] == epochs.value
    epochs.set_value(7).run()
    labelled(app.text_input, "Learning rate").set_value("0,01").run()
    labelled(app.selectbox, "Batch size").set_value(128).run()
    labelled(app.selectbox, "Schedule of the learning rate").set_value("Cosine").run()
    labelled(app.toggle, "Stop early").set_value(True).run()
    training = document(app)["training"]
    assert (7, 0.01, 128) == (training["epochs"], training["optimizer"]["learning_rate"], training["batch_size"])
    assert ({"type": "Cosine"}, {"patience": 5}) == (training["schedule"], training["early_stopping"])
    labelled(app.toggle, "Stop early").set_value(False).run()
    assert "early_stopping" not in document(app)["training"]


@pytest.mark.parametrize("text", ["", "fast", "-1", "1e99", "nan"])
def test_a_learning_rate_that_is_none_changes_nothing(app: AppTest, text: str) -> None:
    app.run()
    before = document(app)["training"]["optimizer"]
    labelled(app.text_input, "Learning rate").set_value(text).run()
    assert before == document(app)["training"]["optimizer"]
    assert not app.exception


def test_a_learning_rate_without_an_optimizer_in_the_document(app: AppTest, tmp_path: Path) -> None:
    bare = json.loads(EXAMPLE.read_text())
    del bare["training"]
    app.session_state["store"] = Store(tmp_path, document=bare)
    app.run()
    labelled(app.text_input, "Learning rate").set_value("0.02").run()
    assert {"optimizer": {"type": "Adam", "learning_rate": 0.02}} == document(app)["training"]


def test_undo_shows_in_the_widgets(app: AppTest) -> None:
    app.run()
    before = labelled(app.number_input, "Epochs").value
    labelled(app.number_input, "Epochs").set_value(5).run()
    app.session_state["store"].dispatch({"op": "undo"})
    app.run()
    assert before == labelled(app.number_input, "Epochs").value


def test_start_puts_the_document_into_the_queue(app: AppTest) -> None:
    app.run()
    labelled(app.button, "Start training").click().run()
    (job,) = app.session_state["queue"].jobs()
    assert ("digits", "waiting") == (job.name, job.state)
    kept = json.loads((app.session_state["queue"].place / "jobs" / job.id / "document.json").read_text())
    assert document(app) == kept
    assert "waiting for its turn" in [progress.text for progress in app.get("progress")] or not app.exception


@pytest.mark.parametrize("broken", ["data", "model"])
def test_what_cannot_be_trained_cannot_be_started(app: AppTest, tmp_path: Path, broken: str) -> None:
    changed = json.loads(EXAMPLE.read_text())
    if broken == "data":
        del changed["data"]
    else:
        changed["model"]["layers"][0] = {"type": "Convolution", "out_channels": 4, "kernel_size": 99}
    app.session_state["store"] = Store(tmp_path, document=changed)
    app.run()
    assert labelled(app.button, "Start training").disabled
    assert labelled(app.button, "Choose data" if broken == "data" else "Mend it on Build")
    assert (broken == "data" or app.error) and not app.exception


def add(app: AppTest, state: str, live: dict[str, Any], **files: Any) -> None:
    """Put a job and its run folder there, as a worker leaves them."""
    queue = app.session_state["queue"]
    run = queue.workspace / "runs" / "digits" / "1"
    run.mkdir(parents=True)
    (run / "document.json").write_text(EXAMPLE.read_text())
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (run / name.replace("_", ".")).write_text(text)
    queue.submit({"name": "digits"})
    said = json.loads((queue.place / "queue.json").read_text())
    said["jobs"][0] |= {"state": state, "run": "runs/digits/1", "message": "The loss became nan." * (state == "failed")}
    (queue.place / "queue.json").write_text(json.dumps(said))
    (queue.place / "jobs" / "0001" / "live.json").write_text(json.dumps(live))
    (queue.place / "jobs" / "0001" / "output.txt").write_text("some output")


def rows(*losses: float, validation: tuple[float, ...] = ()) -> str:
    made = [
        {"epoch": k + 1, "learning_rate": 0.1, "train": {"loss": loss, "accuracy": 0.5}}
        | ({"validation": {"loss": validation[k], "accuracy": 0.4}} if validation else {})
        for k, loss in enumerate(losses)
    ]
    return "".join(json.dumps(row) + "\n" for row in made)


LIVE = {
    "phase": "training", "epoch": 2, "epochs": 20, "batch": 3, "batches": 20, "step": 23, "steps": 400, "loss": 0.5,
    "learning_rate": 0.1, "seconds_left": 75.0, "samples_per_second": 12345.6, "trail": [[0.5, 2.0], [1.0, 1.0]],
    "warnings": [{"what": "*odd* <b>", "where": "a`b.csv, line 3", "why": "", "fix": ""}],
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_a_training_that_runs(app: AppTest, language: str) -> None:
    app.session_state["language"] = language
    add(app, "running", LIVE, metrics_jsonl=rows(1.0, 0.5, validation=(0.9, 0.6)))
    app.run()
    assert not app.exception
    first = harness.component(app, "tsumiki-curves")["first"]
    assert {"1:15", "12,346"} <= {value for _, value in first["numbers"]} and "1:15" in first["said"]
    assert [[1.0, 0.5], [0.9, 0.6]] == [line["values"] for line in first["charts"][0]["lines"]]
    assert "<b>" not in " ".join(element.value for element in [*app.markdown, *app.caption])


@pytest.mark.parametrize("itself", [True, False])
def test_curves_ask_by_themselves_or_the_page_is_drawn_for_them(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, itself: bool
) -> None:
    """Where Streamlit's media cannot answer for us, the part is drawn anew twice a second, as it always was."""
    if not itself:
        monkeypatch.setattr("builder.ui.offers.possible", lambda: False)
    every = []
    real = live.st.fragment
    monkeypatch.setattr(
        live.st, "fragment", lambda part, run_every=None: every.append(run_every) or real(part, run_every=run_every)
    )
    add(app, "running", LIVE, metrics_jsonl=rows(1.0))
    app.run()
    harness.sound(app)
    data = harness.component(app, "tsumiki-curves")
    assert (itself, [None if itself else live.EVERY]) == (bool(data["address"]), every[:1])
    assert data["rev"] == data["first"]["rev"] and running.EVERY == data["first"]["every"]


def test_the_same_training_keeps_its_address_and_another_one_gets_its_own(app: AppTest) -> None:
    add(app, "running", LIVE, metrics_jsonl=rows(1.0))
    addresses = []
    for language in ("en", "en", "de"):
        app.session_state["language"] = language
        app.run()
        addresses.append(harness.component(app, "tsumiki-curves")["address"])
    assert addresses[0] == addresses[1] != addresses[2]
    assert [False, True] == [offers.living(address) for address in addresses[1:]]


@pytest.mark.parametrize("phase", ["loading", "compiling", "training", "ended"])
def test_every_phase_has_its_words(app: AppTest, phase: str) -> None:
    add(app, "running", {"phase": phase, "compiled": 3})
    app.run()
    assert not app.exception


def test_the_doctor_and_its_button(app: AppTest) -> None:
    add(app, "stopped", {}, metrics_jsonl=rows(1.0, 0.5, 1.0, 2.0, 3.0))
    app.run()
    labelled(app.button, "Learning rate 0.0003").click().run()
    assert 0.0003 == document(app)["training"]["optimizer"]["learning_rate"]
    assert "0.0003" == labelled(app.text_input, "Learning rate").value


def test_a_training_that_failed_says_why(app: AppTest) -> None:
    add(app, "failed", {"phase": "ended"}, report_json={"status": "fault"})
    app.run()
    assert any("loss became nan" in error.value for error in app.error)
    assert "some output" == app.code[0].value
    assert labelled(app.button, "Limit the gradient to 1")


def test_a_training_that_is_finished(app: AppTest) -> None:
    report = {"status": "finished", "task": "classification", "part": "test", "samples": 359, "best": {"epoch": 2}}
    metrics = {
        "loss": 0.1,
        "accuracy": 0.98,
        "confusion": [[1, 0], [1, 0]],
        "per_class": [{"class": "a"}, {"class": "b"}],
    }
    add(app, "finished", {}, metrics_jsonl=rows(1.0, 0.5), report_json={**report, "metrics": metrics})
    app.run()
    assert "0.9800" in app.success[0].value and "359" in app.success[0].value
    labelled(app.button, "Balance the classes").click().run()
    assert "balanced" == document(app)["training"]["class_weights"]


def test_buttons_of_the_queue(app: AppTest) -> None:
    add(app, "paused", {})
    app.run()
    app.button(key="train.resume:0001").click().run()
    assert ["waiting"] == [job.state for job in app.session_state["queue"].jobs()]
    app.button(key="train.cancel:0001").click().run()
    app.button(key="train.forget:0001").click().run()
    assert [] == app.session_state["queue"].jobs()
    assert not app.exception


def test_fields_of_the_chosen_optimizer_and_schedule(app: AppTest) -> None:
    app.run()
    labelled(app.selectbox, "Schedule of the learning rate").set_value("Step").run()
    labelled(app.text_input, "Epochs between drops").set_value("7").run()
    labelled(app.text_input, "Drop after epochs").set_value("3, 5").run()
    labelled(app.text_input, "Beta 1").set_value("0,8").run()
    labelled(app.toggle, "Shuffle").set_value(False).run()
    training = document(app)["training"]
    assert {"type": "Step", "step_size": 7, "milestones": [3, 5]} == training["schedule"]
    assert (0.8, False) == (training["optimizer"]["beta1"], training["shuffle"])
    labelled(app.text_input, "Beta 1").set_value("").run()
    labelled(app.toggle, "Shuffle").set_value(True).run()
    assert "beta1" not in document(app)["training"]["optimizer"] and "shuffle" not in document(app)["training"]
    harness.sound(app)


@pytest.mark.parametrize("typed", ["1.5", "-1", "much", "[", "1, 2"])
def test_a_field_says_what_it_wants_and_the_document_stays(app: AppTest, typed: str) -> None:
    app.run()
    before = document(app)
    labelled(app.text_input, "Beta 1").set_value(typed).run()
    assert before == document(app)
    assert typed == labelled(app.text_input, "Beta 1").value
    assert any("Wanted here" in caption.value and "number" in caption.value for caption in app.caption)
    labelled(app.text_input, "Beta 1").set_value("0.5").run()
    assert 0.5 == document(app)["training"]["optimizer"]["beta1"]
    assert not any("Wanted here" in caption.value for caption in app.caption)
