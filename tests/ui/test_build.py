"""What the Build page is made of, without a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from builder.cli.ui import entry, options
from builder.compile.work import STEP
from builder.report.pace import Pace, pace as predicted
from builder.ui import fields, pace
from builder.ui.formula import formulas, rendered
from builder.ui.inspector import _says
from builder.ui.pace import seconds_per_epoch
from builder.ui.sketch import badges
from builder.ui.state import Store
from builder.ui.state.view import blocks, edges, node, settings, unplaced
from schemas.layers.average_pooling import AveragePooling
from schemas.layers.batch_normalization import BatchNormalization
from schemas.layers.convolution import Convolution
from schemas.layers.custom_activation import CustomActivation
from schemas.layers.custom_loss import CustomLoss
from schemas.layers.deconvolution import Deconvolution
from schemas.layers.depthwise_convolution import DepthwiseConvolution
from schemas.layers.max_pooling import MaxPooling
from schemas.layers.subsampling import Subsampling
from schemas.layers.unpooling import Unpooling
from schemas.layers.upsample import Upsample

ROOT = Path(__file__).parents[2]
UI = ROOT / "builder" / "ui"


def opened(folder: Path, name: str) -> Store:
    return Store(folder, document=json.loads((ROOT / "examples" / f"{name}.json").read_text(encoding="utf-8")))


FORMULAS = [
    (Convolution(out_channels=16, kernel_size=5, padding=2), (1, 28, 28), "OH = (28 + 2·2 − 5) / 1 + 1 = 28"),
    (Convolution(out_channels=8, kernel_size=3, dilation=2), (1, 9, 9), "OH = (9 − 2·(3 − 1) − 1) / 1 + 1 = 5"),
    (MaxPooling(), (16, 7, 7), "OH = ⌊(7 − 2) / 2⌋ + 1 = 3"),
    (MaxPooling(ceil_mode=True), (16, 7, 7), "OH = ⌈(7 − 2) / 2⌉ + 1 = 4"),
    (AveragePooling(kernel_size=2, padding="same"), (1, 5, 5), "OH = (5 + 0 + 1 − 2) / 2 + 1 = 3"),
    (Convolution(out_channels=8, kernel_size=5), (3, 40), "OL = (40 − 5) / 1 + 1 = 36"),
    (DepthwiseConvolution(stride=2, padding=1), (3, 7, 7), "OH = (7 + 2·1 − 3) / 2 + 1 = 4"),
    (
        Deconvolution(out_channels=4, kernel_size=3, stride=2, padding=1, output_padding=1),
        (8, 7, 7),
        "OH = (7 − 1)·2 − 2·1 + 3 + 1 = 14",
    ),
    (Deconvolution(out_channels=4, stride=2, padding="same"), (8, 7, 7), "OH = (7 − 1)·2 − 0 − 1 + 3 = 14"),
    (Deconvolution(out_channels=4, dilation=2), (8, 7, 7), "OH = (7 − 1)·1 + 2·(3 − 1) + 1 = 11"),
    (Upsample(scale=3), (8, 7, 7), "OH = 7 · 3 = 21"),
    (Unpooling(), (8, 7), "OL = 7 · 2 = 14"),
    (BatchNormalization(), (8, 7, 7), "2 · 8 = 16"),
    (Subsampling(), (6, 28, 28), "OH = (28 − 2) / 2 + 1 = 14"),
]


@pytest.mark.parametrize(("layer", "shape", "line"), FORMULAS)
def test_formulas_have_the_real_numbers(layer: Any, shape: Any, line: str) -> None:
    assert line == formulas(layer, [shape])[0]
    assert line.startswith("2 ·") or f"= {layer.infer(shape)[1]}" == line[line.rindex("=") :]
    assert [] == formulas(layer, [None])


def test_a_folded_block_has_the_sums_of_what_it_holds(tmp_path: Path) -> None:
    store = opened(tmp_path, "repeat_unit")
    shown = blocks(store.state, store.report)
    assert store.report.totals["parameters"] == sum(block.cost["parameters"] or 0 for block in shown)
    by_name = {block.name: block for block in shown}
    assert "2 × · Unit" == settings(by_name["Repeat_1"])
    assert ((16, 8, 8), (24, 4, 4)) == (by_name["Repeat_1"].shape, by_name["Unit_3"].shape)
    store.dispatch({"op": "enter", "id": by_name["Unit_3"].id})
    inside = blocks(store.state, store.report)
    assert ["Convolution", "BatchNormalization", "ReLU"] == [block.type for block in inside[:3]]
    assert ["Input", inside[5].id] in edges(store.state, inside)


def test_a_window_over_a_row_is_one_number(tmp_path: Path) -> None:
    layers = [{"type": "Convolution", "out_channels": 4, "kernel_size": 5}]
    for shape, said in (([3, 20], "4 · 5"), ([3, 20, 20], "4 · 5×5")):
        model = {"input": shape, "layers": layers}
        store = Store(tmp_path, document={"format": 1, "task": "regression", "model": model})
        assert said == settings(blocks(store.state, store.report)[0])


def test_a_block_says_how_fast_it_learns_and_only_with_parameters_is_asked(tmp_path: Path) -> None:
    layers = [
        {"type": "Affine", "out_features": 4, "learning_rate_factor": 0.1, "weight_decay": 0},
        {"type": "ReLU"},
        {"type": "ReLU", "weight_decay": 0.5},
    ]
    model = {"input": [3], "layers": layers}
    store = Store(tmp_path, document={"format": 1, "task": "regression", "model": model})
    affine, relu, told, *_ = blocks(store.state, store.report)
    assert "4 · η×0.1 · λ 0" == settings(affine)
    for name in ("trainable", "learning_rate_factor", "weight_decay"):
        assert (True, False) == (_says(affine, name), _says(relu, name))
    assert _says(told, "weight_decay") and not _says(told, "learning_rate_factor")


def test_a_field_that_is_as_it_was_drawn_is_nobodys_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit calls a widget that has gone while a request was under way: it wrote defaults, and cost an undo."""
    store = Store(tmp_path, document={"format": 1, "model": {"input": [3], "layers": [{"type": "Dropout"}]}})
    block, rev = blocks(store.state, store.report)[0], store.state.rev
    monkeypatch.setattr(fields.st, "session_state", {"in:p": 0.5})
    fields.take_over(store, block, "p", "in:p", float, 0.5)
    assert rev == store.state.rev
    fields.st.session_state["in:p"] = 0.25
    fields.take_over(store, block, "p", "in:p", float, 0.5)
    assert {"type": "Dropout", "p": 0.25} == store.document["model"]["layers"][0]


def test_what_the_check_fills_in_stands_at_the_end(tmp_path: Path) -> None:
    store = opened(tmp_path, "digits")
    for _ in range(3):
        last = store.state.tree["model"]["layers"][-1][0]
        store.dispatch({"op": "delete", "ids": [last]})
    shown = blocks(store.state, store.report)
    filled = [block for block in shown if block.filled]
    assert ["Affine", "Softmax", "CategoricalCrossEntropy"] == [block.type for block in filled]
    lines = edges(store.state, shown)
    assert [shown[-4].id, filled[0].id] in lines
    assert all(node(block, [], str)["fixed"] for block in filled)


def test_a_problem_marks_the_block_that_causes_it(tmp_path: Path) -> None:
    store = opened(tmp_path, "repeat_unit")
    store.dispatch({"op": "set", "pointer": "/model/units/Residual/layers/3/out_channels", "value": 7})
    shown = blocks(store.state, store.report)
    marked = [block.name for block in shown if block.problems]
    assert "Repeat_1" in marked
    store.dispatch({"op": "undo"})
    store.dispatch({"op": "set", "pointer": "/model/layers/3/kernel_size", "value": 99})
    shown = blocks(store.state, store.report)
    marked = {block.name: node(block, [], lambda p: p.code) for block in shown if block.problems}
    assert ("error", "window_too_large") == (marked["MaxPooling_1"]["problem"], marked["MaxPooling_1"]["message"])
    assert [] == [
        problem for problem in unplaced(store.report.problems, shown) if problem.pointer.startswith("/model/l")
    ]


def test_time_per_epoch_comes_from_the_machine_and_meanwhile_from_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(pace, "measure", asked.append)
    monkeypatch.setattr(pace, "predicted", lambda report, measure: None)
    store = opened(tmp_path, "digits")
    assert seconds_per_epoch(tmp_path, store.report) is None
    run = tmp_path / "runs" / "digits" / "1"
    run.mkdir(parents=True)
    (run / "document.json").write_text(store.text, encoding="utf-8")
    lines = [{"event": "epoch", "epoch": n, "seconds": seconds} for n, seconds in ((1, 9.0), (2, 2.0), (3, 2.0))]
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnonsense\n", encoding="utf-8")
    assert 2.0 == pytest.approx(seconds_per_epoch(tmp_path, store.report))
    assert asked
    monkeypatch.setattr(pace, "predicted", lambda report, measure: Pace(0.5, 1, 20))
    assert seconds_per_epoch(tmp_path, store.report) == 10


def test_the_times_of_blocks_add_up_to_the_step(tmp_path: Path) -> None:
    store = opened(tmp_path, "repeat_unit")
    assert predicted(store.report)  # measures the machine, where that was not done yet
    shown = blocks(store.state, store.report)
    told = predicted(store.report)
    assert told is not None and told.step_seconds > STEP
    step = told.step_seconds - STEP - told.layers["Input"]
    assert step == pytest.approx(64 * sum(block.cost["seconds"] or 0 for block in shown))
    assert all(said.endswith("s") for block in shown for said in badges(block)[3:] if said)
    before = {block.id: block.cost["seconds"] for block in shown}
    store.dispatch({"op": "set", "pointer": "/model/layers/3/kernel_size", "value": 99})
    assert not store.report.ok
    after = {block.id: block.cost["seconds"] for block in blocks(store.state, store.report)}
    assert before[shown[0].id] == after[shown[0].id], "a mistake further on leaves a block its time"


def test_a_glance_has_all_but_fixes(tmp_path: Path) -> None:
    store = opened(tmp_path, "digits")
    store.dispatch({"op": "set", "pointer": "/model/layers/8/out_features", "value": 7})
    quick, whole = store.glance, store.report
    assert quick.shapes == whole.shapes and quick.costs == whole.costs
    assert [replace(problem, fixes=()) for problem in whole.problems] == list(quick.problems)
    assert whole.problems[0].fixes and not quick.problems[0].fixes
    assert store.report is whole, "made once"


def test_the_server_listens_to_this_machine_only() -> None:
    words = options(8501, "127.0.0.1", open_browser=False)
    told = {(words[i], words[i + 1]) for i in range(0, len(words), 2)}
    assert {
        ("--server.address", "127.0.0.1"),
        ("--server.enableXsrfProtection", "true"),
        ("--server.enableCORS", "true"),
        ("--browser.gatherUsageStats", "false"),
        ("--server.maxUploadSize", "200"),
        ("--server.allowedHosts", "localhost"),
        ("--server.headless", "true"),
        ("--client.showErrorDetails", "none"),
    } <= told
    assert ("--server.allowedHosts", "box") in {*zip(*[iter(options(1, "box", True))] * 2, strict=True)}
    assert entry().is_file()


def test_streamlit_run_has_the_same_options() -> None:
    said = json.loads((UI / "options.json").read_text(encoding="utf-8"))
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))

    def flat(table: dict[str, Any], way: str) -> dict[str, Any]:
        parts = {}
        for key, value in table.items():
            parts |= flat(value, f"{way}{key}.") if isinstance(value, dict) else {way + key: value}
        return parts

    assert said == flat(config, "")


def test_app_is_short() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 30


def test_the_verb_says_what_is_missing(tsumiki: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = tsumiki("ui", tmp_path / "nowhere")
    assert 2 == answer.code and "There is no folder" in answer.err
    monkeypatch.setattr("builder.cli.ui.importlib.util.find_spec", lambda name: None)
    answer = tsumiki("ui", tmp_path)
    assert 2 == answer.code and "pip install 'tsumiki-nn[ui]'" in answer.err


def test_an_edit_loads_no_kernel(tmp_path: Path) -> None:
    """Shapes, cost and planned memory are arithmetic; Numba would cost seconds and threads in the server."""
    program = f"""
import json, sys
from pathlib import Path
from builder.ui.state import Store
from builder.ui.state.view import blocks
document = json.loads(Path({str(ROOT / "examples" / "digits.json")!r}).read_text(encoding="utf-8"))
store = Store(Path({str(tmp_path)!r}), document=document)
store.dispatch({{"op": "append", "type": "ReLU"}})
blocks(store.state, store.report), store.report.totals
print([name for name in ("numba", "llvmlite", "sklearn", "streamlit", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ("[]\n", "") == (done.stdout, done.stderr)


CUSTOM = {"type": "CustomLoss", "expression": "mean(square(y - t)) + 0.5 * sum(abs(y - t))"}


def test_a_formula_and_its_derivative_are_shown() -> None:
    assert rendered(CustomLoss(expression=CUSTOM["expression"]), [(3,)]) == [
        r"L = \operatorname{mean}\left(\left(y - t\right)^{2}\right) + "
        r"0.5 \, \operatorname{sum}\left(\left|y - t\right|\right)",
        r"\frac{\partial L}{\partial y} = \frac{2 \, \left(y - t\right)}{n} + "
        r"0.5 \, \operatorname{sign}\left(y - t\right)",
    ]
    assert rendered(CustomActivation(expression="x ** 2"), [(3,)]) == ["f(x) = x^{2}", "f'(x) = 2 \\, x"]
    assert rendered(Convolution(out_channels=1), [(1, 9, 9)]) == rendered(None, []) == []


def test_the_inspector_draws_the_formula(tmp_path: Path) -> None:
    def draw() -> None:
        import streamlit as st

        from builder.ui.inspector import _shapes
        from builder.ui.state.view import blocks

        s = st.session_state["store"]
        _shapes(blocks(s.state, s.report)[-1])

    layers = [{"type": "Affine", "out_features": 1}, CUSTOM]
    app = AppTest.from_function(draw)
    app.session_state["store"] = Store(
        tmp_path, document={"format": 1, "task": "regression", "model": {"input": [4], "layers": layers}}
    )
    app.run()
    assert not app.exception
    assert [found.value.strip("$\n ")[:3] for found in app.latex] == ["L =", "\\fr"]
