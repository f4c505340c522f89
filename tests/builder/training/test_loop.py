"""What a training does and leaves behind, on the fake network."""

import csv
import json

import fake_training as fake
import numpy as np
import pytest

from builder.training import checkpoint, tensorfile
from builder.training.fault import Fault
from schemas.errors import DataError, DocumentError, TrainingError

CASES = {
    "plain": {},
    "accumulate": {"accumulate": 3},
    "drop_last": {"drop_last": True},
    "weights": {"class_weights": "balanced"},
    "listed weights": {"class_weights": [1.0, 0.0, 2.5]},
    "schedule": {"schedule": {"type": "Cosine", "warmup_epochs": 0.5}},
    "early": {"epochs": 9, "early_stopping": {"patience": 1, "min_delta": 0.5}},
    "monitor": {"monitor": "accuracy", "top_k": 2},
    "in order": {"shuffle": False},
}


def contents(run):
    """Every file of a run that must not depend on when or how often it was stopped."""
    names = ("document.json", "metrics.jsonl", "predictions.csv", "report.json")
    files = [run.path / name for name in names] + sorted((run.path / "checkpoints").iterdir())
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES.keys())
def test_the_same_training_gives_the_same_bytes_and_survives_a_stop_at_every_step(tmp_path, settings):
    whole = fake.train(tmp_path / "whole", settings)
    again = fake.train(tmp_path / "again", settings, threads=2)
    assert contents(whole) == contents(again)
    run = fake.train(tmp_path / "stopped", settings, stop=lambda: True)
    stops = 1
    while not run.finished:
        run = fake.resume(run.path, stop=lambda: True)
        stops += 1
    assert contents(run) == contents(whole)
    assert stops > whole.report["steps"]


def test_run_folder_holds_all_that_the_architecture_promises(tmp_path):
    run = fake.train(tmp_path, {"top_k": 2})
    assert run.path == tmp_path / "fake" / "1"
    assert {entry.name for entry in run.path.iterdir()} == {
        *("document.json", "data.json", "environment.json", "metrics.jsonl", "log.jsonl", "lock", "checkpoints"),
        *("predictions.csv", "report.json"),
    }
    assert {entry.name for entry in (run.path / "checkpoints").iterdir()} == {
        *("last.safetensors", "last.json", "best.safetensors", "best.json"),
    }
    assert [row["epoch"] for row in run.metrics] == [1, 2, 3]
    assert set(run.metrics[0]) == {"epoch", "step", "learning_rate", "train", "validation"}
    assert set(run.metrics[0]["validation"]) == {"loss", "accuracy", "top_k_accuracy"}
    assert run.finished and run.report["part"] == "test" and run.report["samples"] == 7
    assert run.test["accuracy"] == run.report["metrics"]["accuracy"]
    assert run.data["samples"] == {"train": 30, "validation": 11, "test": 7}
    best = min(run.metrics, key=lambda row: row["validation"]["loss"])
    assert run.report["best"] == {"epoch": best["epoch"], "monitor": "loss", "value": best["validation"]["loss"]}
    with (run.path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 and rows[0]["source"] == "fake.csv:2"
    assert sum(row["target"] == row["prediction"] for row in rows) / 7 == pytest.approx(run.test["accuracy"])
    assert fake.train(tmp_path).path == tmp_path / "fake" / "2"


def test_checkpoints_are_plain_safetensors_and_best_is_a_whole_network(tmp_path):
    from safetensors.numpy import load_file

    run = fake.train(tmp_path)
    for name in ("last", "best"):
        path = run.path / "checkpoints" / f"{name}.safetensors"
        ours, texts = tensorfile.read(path)
        theirs = load_file(path)
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)
        beside = json.loads(path.with_suffix(".json").read_text())
        assert beside["state"] == json.loads(texts["state"]) and beside["bytes"] == path.stat().st_size
    assert texts["format"] == tensorfile.NETWORK
    assert set(ours) == {"Affine_1/weight", "Affine_1/bias"}
    assert json.loads(texts["data"])["class_names"] == ["red", "green", "blue"]


def test_checkpoints_are_written_by_steps_and_by_time(tmp_path):
    seen = []
    fake.train(tmp_path, {"epochs": 1, "checkpoint_steps": 2}, progress=seen.append)
    assert [event["step"] for event in seen if event["event"] == "checkpoint"] == [2, 4]
    seen.clear()
    fake.train(tmp_path, {"epochs": 1, "checkpoint_seconds": 1e-9}, progress=seen.append)
    assert [event["step"] for event in seen if event["event"] == "checkpoint"] == [1, 2, 3, 4]


def test_events_tell_the_whole_story_in_order(tmp_path):
    seen = []
    run = fake.train(tmp_path, {"epochs": 2}, progress=seen.append)
    words = [event["event"] for event in seen]
    assert words == ["start", *["step"] * 4, "checkpoint", "epoch", *["step"] * 4, "checkpoint", "epoch", "end"]
    step = seen[2]
    assert (step["epoch"], step["epochs"], step["batch"], step["batches"], step["step"], step["steps"]) == (
        1,
        2,
        2,
        4,
        2,
        8,
    )
    assert step["seconds_left"] >= 0 and 0 <= step["accuracy"] <= 1
    assert seen[-1]["report"] == run.report


def test_every_sample_counts_in_training_and_validation(tmp_path):
    """30 samples in batches of 8: the mean loss weighs the last batch of 6 by its size."""
    steps = []
    run = fake.train(tmp_path, {"epochs": 1, "evaluation_batch_size": 4}, progress=steps.append)
    losses = [event["step_loss"] for event in steps if event["event"] == "step"]
    assert run.metrics[0]["train"]["loss"] == pytest.approx(np.dot(losses, [8, 8, 8, 6]) / 30)
    other = fake.train(tmp_path, {"epochs": 1, "evaluation_batch_size": 256})
    assert run.metrics[0]["validation"] == pytest.approx(other.metrics[0]["validation"])


@pytest.mark.parametrize(
    "parts, name", [((True, False), "validation"), ((False, False), "train"), ((False, True), "test")]
)
def test_report_is_about_the_best_part_there_is(tmp_path, parts, name):
    run = fake.train(tmp_path, prepared=fake.Prepared(*parts))
    assert run.report["part"] == name
    assert ("validation" in run.metrics[0]) == parts[0]


def test_a_loss_that_is_not_finite_stops_with_layer_and_advice_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(
        Fault, match=r"epoch 2, step 7\. It began in layer 'Affine_1'.*learning_rate to 0\.01"
    ) as caught:
        fake.train(tmp_path, poison=7)
    assert caught.value.exit_code == 5
    path = tmp_path / "fake" / "1"
    saved = checkpoint.load(path / "checkpoints" / "last.safetensors")
    assert saved.state.epoch == 1 and all(np.isfinite(value).all() for value in saved.parameters.values())
    assert json.loads((path / "report.json").read_text())["status"] == "fault"
    assert fake.resume(path).finished, "the fault was the fake's own; without it the run goes on"


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    with pytest.raises(TrainingError, match="not finite"):
        fake.train(tmp_path, {"checkpoint_steps": 1}, bad_weights=3)
    saved = checkpoint.load(tmp_path / "fake" / "1" / "checkpoints" / "last.safetensors")
    assert saved.state.step == 2


def test_early_stopping_ends_the_run(tmp_path):
    run = fake.train(tmp_path, {"epochs": 50, "early_stopping": {"patience": 2, "min_delta": 10.0}})
    assert run.report["stopped_by"] == "early stopping" and len(run.metrics) == 3


def test_resume_refuses_a_changed_document_and_changed_data(tmp_path):
    run = fake.train(tmp_path, stop=lambda: True)
    with pytest.raises(DocumentError, match=r"document\.json was changed"):
        fake.resume(run.path, settings={"epochs": 4})
    with pytest.raises(DataError, match="The data changed"):
        fake.resume(run.path, prepared=fake.Prepared(fingerprint="0" * 64))
    threads = {**run.document["training"], "threads": 3, "checkpoint_seconds": 5.0}
    assert fake.resume(run.path, settings=threads).finished, "fields that change no result may change"


def test_resume_cuts_lines_that_were_written_after_the_checkpoint(tmp_path):
    whole = fake.train(tmp_path / "a")
    run = fake.train(tmp_path / "b", {}, stop=iter([False] * 5 + [True]).__next__)
    metrics = run.path / "metrics.jsonl"
    assert len(run.metrics) == 1
    metrics.write_bytes(metrics.read_bytes() + b'{"epoch": 2, "half a li')
    assert fake.resume(run.path).metrics == whole.metrics


def test_resume_goes_on_when_metrics_are_missing_and_says_so(tmp_path):
    run = fake.train(tmp_path, {}, stop=iter([False] * 5 + [True]).__next__)
    (run.path / "metrics.jsonl").unlink()
    seen = []
    run = fake.resume(run.path, progress=seen.append)
    assert [row["epoch"] for row in run.metrics] == [2, 3]
    assert [event["finding"]["code"] for event in seen if event["event"] == "warning"] == ["metrics_cut"]


def test_settings_that_do_not_fit_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(DataError, match="no whole batch"):
        fake.train(tmp_path, {"batch_size": 31, "drop_last": True})
    with pytest.raises(DocumentError, match="'mae' cannot be monitored"):
        fake.train(tmp_path, {"monitor": "mae"})
    with pytest.raises(DocumentError, match="top_k_accuracy"):
        fake.train(tmp_path, {"early_stopping": {"monitor": "top_k_accuracy"}})
    with pytest.raises(DocumentError, match="2 weights, the data have 3"):
        fake.train(tmp_path, {"class_weights": [1.0, 2.0]})
    assert not (tmp_path / "fake").exists() or not list((tmp_path / "fake").iterdir())
