"""The command line over runs, from a document to predictions, on the smallest example."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the iris example, three epochs long."""
    import builder

    example = Path(__file__).parent.parent / "examples" / "iris.json"
    return builder.train(example, out=tmp_path_factory.mktemp("runs"), overrides={"training.epochs": 3}).path


def test_train_shows_summary_epochs_metrics_and_the_run_folder(
    tmp_path: Path, tsumiki: Command, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tsumiki("train", examples / "iris.json", "training.epochs=2")
    assert (done.code, done.err) == (0, "")
    for text in ("Affine_1", "training memory", "epoch 1/2", "epoch 2/2", "test: loss", "accuracy", "confusion matrix"):
        assert text in done.out
    assert done.out.splitlines()[-1] == "run folder: runs/iris/1"
    assert (tmp_path / "runs" / "iris" / "1" / "report.json").exists()
    assert "\r" not in done.out
    again = tsumiki("train", examples / "iris.json", "training.epochs=2", "--json", "--out", "elsewhere", "--seed", "5")
    assert again.json["run"] == "elsewhere/iris/1"
    assert len(again.json["epochs"]) == 2
    assert 0 <= again.json["test"]["accuracy"] <= 1
    rendered = json.loads((tmp_path / "elsewhere/iris/1/document.json").read_text(encoding="utf-8"))
    assert rendered["training"]["seed"] == 5


def test_resume_of_a_finished_run_shows_its_result(tsumiki: Command, run: Path) -> None:
    done = tsumiki("resume", run)
    assert done.code == 0
    assert "test: loss" in done.out
    assert tsumiki("resume", run, "--json").json["run"] == str(run)


@pytest.mark.parametrize(("part", "samples"), [("test", 30), ("validation", 15), ("train", 105)])
def test_evaluate_measures_every_sample_of_a_part(tsumiki: Command, run: Path, part: str, samples: int) -> None:
    found = tsumiki("evaluate", run, "--part", part, "--json").json
    assert samples == sum(map(sum, found["metrics"]["confusion"]))
    if part == "test":
        stored = json.loads((run / "report.json").read_text(encoding="utf-8"))["metrics"]
        assert stored == found["metrics"]
    text = tsumiki("evaluate", run, "--part", part).out
    assert text.startswith(f"{part}: loss ")
    assert "setosa" in text


def test_predict_gives_csv_and_json(tsumiki: Command, run: Path, tmp_path: Path) -> None:
    samples = tmp_path / "花 flowers.npy"
    np.save(samples, np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]))
    rows = list(csv.DictReader(io.StringIO(tsumiki("predict", run, samples).out)))
    assert [row["prediction"] in ("setosa", "versicolor", "virginica") for row in rows] == [True, True]
    assert "花 flowers.npy" in rows[0]["sample"]
    found = tsumiki("predict", run, samples, "--json").json
    assert [row["prediction"] for row in rows] == [row["prediction"] for row in found]
    for row in found:
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    for name in ("p.json", "p.csv"):
        assert tsumiki("predict", run, samples, "-o", tmp_path / name).out.endswith("2 predictions\n")
    assert found == json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))


def test_predict_refuses_what_does_not_fit(tsumiki: Command, run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 5)))
    (tmp_path / "a.xyz").write_bytes(b"?")
    for name in ("a.npy", "a.xyz"):
        done = tsumiki("predict", run, tmp_path / name)
        assert (done.code, done.out) == (4, "")
        assert name in done.err


def test_compare_shows_what_differs(tsumiki: Command, run: Path, examples: Path) -> None:
    out = run.parent.parent
    assert tsumiki("train", examples / "iris.json", "training.epochs=2", "--out", out).code == 0
    other = run.parent / "2"
    found = tsumiki("compare", run, other, "--json").json
    assert found["settings"] == {"training.epochs": [3, 2]}
    assert {"loss", "accuracy"} <= set(found["results"])
    text = tsumiki("compare", run, other).out
    assert re.search(r"training\.epochs +│ +3 │ +2 │", text)
    assert "the settings are the same" in tsumiki("compare", run, run).out


def test_a_run_whose_data_changed_is_not_evaluated(
    tsumiki: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in draw.random((60, 2))]
    table = tmp_path / "表 1.csv"
    table.write_text("\n".join(["a,b,answer", *rows]), encoding="utf-8")
    made = tsumiki("init", table, "--target", "answer", "-o", "t.json")
    assert (made.code, made.err) == (0, "")
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["task"] == "binary"
    assert tsumiki("check", "t.json").code == 0
    assert tsumiki("train", "t.json", "training.epochs=2").code == 0
    (name,) = (path.name for path in (tmp_path / "runs").iterdir())
    assert tsumiki("evaluate", f"runs/{name}/1").code == 0
    predicted = tsumiki("predict", f"runs/{name}/1", table, "--json")
    assert {"yes", "no"} >= {row["prediction"] for row in predicted.json}
    table.write_text("\n".join(["a,b,answer", *rows[:-1]]), encoding="utf-8")
    done = tsumiki("evaluate", f"runs/{name}/1")
    assert done.code == 4
    assert "have changed" in done.err


@pytest.mark.parametrize("name", ["digits", "iris", "breast_cancer", "diabetes"])
def test_init_writes_a_document_without_problems(
    tmp_path: Path, tsumiki: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tsumiki("init", name)
    assert (done.code, done.err) == (0, "")
    assert tsumiki("check", f"{name}.json").out == f"{name}.json: no problems\n"
    refused = tsumiki("init", name)
    assert (refused.code, "exists already" in refused.err) == (2, True)
    assert tsumiki("init", name, "--force").code == 0
    document = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert document == tsumiki("init", name, "--json").json
    assert ("Convolution" in str(document)) == (name == "digits")


def test_doctor_passes_its_self_test(tsumiki: Command) -> None:
    done = tsumiki("doctor", "--json")
    assert done.code == 0, done.out
    assert done.json["ok"] is True
    assert done.json["threads"]["usable"] >= 1
    assert "kernel cache" in tsumiki("doctor").out


def test_predict_reads_npz_by_name_by_shape_and_by_being_alone(tsumiki: Command, run: Path, tmp_path: Path) -> None:
    x = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
    np.save(tmp_path / "a.npy", x)
    wanted = [row["prediction"] for row in tsumiki("predict", run, tmp_path / "a.npy", "--json").json]
    for arrays in ({"x": x, "y": [0, 1]}, {"other": x}, {"flowers": x, "labels": np.zeros(2)}):
        np.savez(tmp_path / "a.npz", **arrays)
        found = tsumiki("predict", run, tmp_path / "a.npz", "--json").json
        assert wanted == [row["prediction"] for row in found]
        assert "a.npz, sample 1" in found[1]["sample"]
    np.savez(tmp_path / "a.npz", first=np.zeros((2, 7)), second=np.zeros((2, 8)))
    done = tsumiki("predict", run, tmp_path / "a.npz")
    assert (4, True) == (done.code, "Which array are the inputs? There are 'first', 'second'." in done.err)


def test_a_goal_may_be_a_most(tsumiki: Command, examples: Path, tmp_path: Path) -> None:
    goals = '{"rmse": 1000, "r2": 0.999, "mae": 0.001}'
    done = tsumiki("train", examples / "diabetes.json", "training.epochs=1", f"expect={goals}", "--out", tmp_path)
    for line in ("expected rmse ≤ 1000: reached", "r2 ≥ 0.999: not reached", "mae ≤ 0.001: not reached"):
        assert line in done.out + done.err
