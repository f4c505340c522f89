"""The page Understand on trained runs of every task, without a browser; and what is behind it."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pages_harness as harness
import pytest
from pages_harness import said, sound
from streamlit.testing.v1 import AppTest

from builder.report.evaluate import evaluate
from builder.ui.drawing import SIDE
from builder.ui.insight import Insight
from builder.ui.shelf import Shelf

RUNS = {"classification": "skip_connection", "binary": "breast_cancer", "regression": "diabetes"}


def drawn(workspace: Path, run: str, view: str = "answers", language: str = "en") -> AppTest:
    app = harness.opened("understand", workspace, "iris", language)
    app.session_state["run"] = f"runs/{run}/1"
    app.session_state["understand:view"] = view
    return app.run()


@pytest.mark.parametrize("language", ["en", "ja", "de"])
@pytest.mark.parametrize("task", RUNS)
def test_answers_of_every_task(trained: Path, task: str, language: str) -> None:
    app = drawn(trained, RUNS[task], language=language)
    sound(app)
    expected = evaluate(trained / "runs" / RUNS[task] / "1")
    key = "mae" if task == "regression" else "accuracy"
    assert f"{expected[key]:.4f}" in said(app).replace("\\", "")
    app.segmented_control(key="answers:part").set_value("train").run()
    app.segmented_control(key="answers:extreme").set_value("best").run()
    sound(app)


@pytest.mark.parametrize("run", ["skip_connection", "breast_cancer"])
def test_samples_of_a_cell(trained: Path, run: str) -> None:
    app = drawn(trained, run)
    for truth, answer in ((0, 0), (None, 1), (1, None), (None, None)):
        app.selectbox(key="answers:truth").set_value(truth)
        app.selectbox(key="answers:said").set_value(answer).run()
        sound(app)


@pytest.mark.parametrize("run", ["skip_connection", "breast_cancer", "diabetes"])
def test_inside(trained: Path, run: str) -> None:
    app = drawn(trained, run, "inside")
    sound(app)
    assert "Health of the layers" in said(app)
    if run == "skip_connection":
        for layer in app.selectbox(key="inside:maps").options:
            app.selectbox(key="inside:maps").set_value(layer).run()
            sound(app)


def test_where_it_looks(trained: Path) -> None:
    app = drawn(trained, "skip_connection", "look")
    sound(app)
    assert "Grad-CAM" in said(app) and "Occlusion" in said(app)
    app.selectbox(key="look:class").set_value(3).run()
    app.number_input(key="look:sample").set_value(7).run()
    sound(app)


@pytest.mark.parametrize("drawing", ["", "nonsense", "digit"])
def test_drawing(trained: Path, monkeypatch: pytest.MonkeyPatch, drawing: str) -> None:
    if drawing == "digit":
        image = np.zeros((SIDE, SIDE), np.uint8)
        image[20:90, 50:60] = 255
        drawing = base64.b64encode(image.tobytes()).decode()
    monkeypatch.setattr("builder.ui.pages.tryout.pad", lambda key, labels: drawing)
    app = drawn(trained, "skip_connection", "draw")
    sound(app)
    assert bool(app.metric) == (len(drawing) > 100)
    if app.metric:
        assert app.metric[0].value in "0123456789"
        app.toggle(key="try:look").set_value(True).run()
        sound(app)


def test_no_runs_yet(tmp_path: Path) -> None:
    app = harness.opened("understand", tmp_path, "iris").run()
    sound(app)
    assert "Train a network first" in said(app)


def copy_of(trained: Path, tmp_path: Path, run: str) -> Path:
    folder = tmp_path / "runs" / run / "1"
    shutil.copytree(trained / "runs" / run / "1", folder)
    return folder


@pytest.mark.parametrize("view", ["answers", "draw", "look", "inside"])
def test_data_that_are_gone(trained: Path, tmp_path: Path, view: str) -> None:
    folder = copy_of(trained, tmp_path, "skip_connection")
    text = (folder / "data.json").read_text()
    (folder / "data.json").write_text(text.replace('"fingerprint": "', '"fingerprint": "0'))
    app = drawn(tmp_path, "skip_connection", view)
    sound(app)
    assert (view == "draw") != bool(app.error)


@pytest.mark.parametrize("name", ["document.json", "data.json", "checkpoints/best.safetensors"])
def test_broken_runs_say_so(trained: Path, tmp_path: Path, name: str) -> None:
    folder = copy_of(trained, tmp_path, "breast_cancer")
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    app = drawn(tmp_path, "breast_cancer")
    sound(app)
    assert app.error


def test_cells_hold_all_samples_once(trained: Path) -> None:
    insight = Insight(trained / "runs" / "skip_connection" / "1")
    answers = insight.answers("test")
    cells = [answers.cell(i, j) for i in range(10) for j in range(10)]
    assert answers.metrics["confusion"] == [[len(cells[10 * i + j]) for j in range(10)] for i in range(10)]
    assert sorted(np.concatenate(cells).tolist()) == list(range(len(answers.part)))
    sure = answers.likelihood(answers.said)[answers.cell(None, None)]
    assert (np.diff(sure) <= 0).all()
    assert insight.answers("test") is answers and insight.parts == ["test", "validation", "train"]


def test_a_download_evaluates_to_the_same(trained: Path, tmp_path: Path) -> None:
    import io
    import zipfile

    content = Shelf(trained).bundle("runs/skip_connection/1")
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        file.extractall(tmp_path)
    before: dict[str, Any] = evaluate(trained / "runs/skip_connection/1")
    assert before == evaluate(tmp_path / "skip_connection-1")


def test_the_report_is_one_page(trained: Path) -> None:
    page = Shelf(trained).html("runs/skip_connection/1").decode()
    assert "<html" in page and 'src="http' not in page and "<script src" not in page


def test_likelihoods_of_one_class(trained: Path) -> None:
    app = drawn(trained, "skip_connection")
    app.selectbox(key="answers:likelihood").set_value(3).run()
    sound(app)
    assert "told from the others" in said(app)


def test_a_sample_is_looked_at_more_closely_and_kept_in_every_view(trained: Path) -> None:
    app = drawn(trained, "skip_connection")
    box = app.selectbox(key="answers:closer:extreme")
    box.select_index(3).run()
    sound(app)
    part, number = app.session_state["understand:sample"]
    assert "look" == app.session_state["understand:view"] and "test" == part
    assert number == app.number_input(key="look:sample").value
    app.selectbox(key="look:sample:part").set_value("train").run()
    app.segmented_control(key="understand:view").set_value("inside").run()
    sound(app)
    assert "train" == app.selectbox(key="inside:sample:part").value
    assert number == app.number_input(key="inside:sample").value


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with runs whose answers are images: classes of pixels, yes or no, values, the input itself."""
    import builder

    workspace = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    x = rng.random((40, 1, 6, 6), dtype=np.float32)
    np.savez(workspace / "classes.npz", x=x, y=(x[:, 0] * 3).astype(np.int64))
    np.savez(workspace / "binary.npz", x=x, y=(x[:, 0] > 0.5).astype(np.int64))
    np.savez(workspace / "regression.npz", x=x, y=2 * x)
    layers = [{"type": "Convolution", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"type": "ReLU"}]
    for name, task in (("classes", "classification"), ("binary", "binary"), ("regression", "regression")):
        data = {"source": {"type": "npz", "path": str(workspace / f"{name}.npz")}}
        document = {"format": 1, "name": name, "task": task, "model": {"input": [1, 6, 6], "layers": layers}}
        builder.train(document | {"data": data, "training": {"epochs": 1}}, out=workspace / "runs", threads=1)
    itself = {"source": {"type": "npz", "path": str(workspace / "regression.npz")}, "target": "input"}
    document = {"format": 1, "name": "itself", "task": "regression", "model": {"input": [1, 6, 6], "layers": layers}}
    builder.train(document | {"data": itself, "training": {"epochs": 1}}, out=workspace / "runs", threads=1)
    return workspace


@pytest.mark.parametrize("run", ["classes", "binary", "regression", "itself"])
def test_answers_that_are_images(images: Path, run: str) -> None:
    for view in ("answers", "look", "inside", "draw"):
        app = drawn(images, run, view)
        sound(app)
        if view == "answers":
            assert ("Confusion matrix" in said(app)) == (run in ("classes", "binary"))
            assert "Worst and best samples" in said(app) and not app.error
