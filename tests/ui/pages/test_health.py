"""The health of layers on the canvas: what a checkup finds, block by block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pages_harness as harness
import pytest
from streamlit.testing.v1 import AppTest

from builder.report.explain.health import Verdict
from builder.ui import checkups
from builder.ui.pages.health import _shown, marks


def test_a_checkup_is_made_once_for_a_checkpoint(trained: Path) -> None:
    folder = trained / "runs" / "breast_cancer" / "1"
    first = checkups.checkups(folder, living=False, wait=True)
    assert first is not None and not first.refused and 1 == first.epoch
    assert {"good"} == {one.state for one in first.verdicts if one.type == "Affine"}
    assert first is checkups.checkups(folder, living=False, wait=True)


def test_a_checkup_says_why_there_is_none(trained: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "1"
    shutil.copytree(trained / "runs" / "breast_cancer" / "1", folder)
    said = json.loads((folder / "data.json").read_text())
    (folder / "data.json").write_text(json.dumps(said | {"fingerprint": "other"}))
    found = checkups.checkups(folder, living=False, wait=True)
    assert found is not None and "have changed" in found.refused and not found.verdicts


def test_a_run_that_is_trained_is_left_in_peace(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained / "runs" / "diabetes" / "1"
    first = checkups.checkups(folder, living=True, wait=True)
    monkeypatch.setattr(checkups, "_stamp", lambda folder: 1)
    assert first is checkups.checkups(folder, living=True, wait=True)  # not due yet
    assert first is not checkups.checkups(folder, living=False, wait=True)


@pytest.mark.parametrize("name", ["skip_connection", "repeat_unit", "two_branches"])
def test_every_layer_lies_in_one_block(name: str) -> None:
    from builder.check import check
    from builder.data import DataFacts

    document = harness.example(name)
    shown, edges, inside, shape = _shown(json.dumps(document))
    layers = [info.name for info in check(document, facts=DataFacts()).layers]
    assert sorted(layers) == sorted(name for names in inside.values() for name in names)
    assert "1 × 8 × 8" == shape and len(edges) >= len(shown)


def test_a_block_is_as_ill_as_its_worst_layer() -> None:
    well = Verdict("a", "Affine", "good", "fine", weight=3.0)
    ill = Verdict("b", "ReLU", "bad", "dead", 0.6)
    assert {"health": "bad", "note": "60% dead"} == marks([well, ill], "state")
    assert {"health": "bad", "note": "3.000"} == marks([well, ill], "weight")
    assert {"health": "good", "note": "fine"} == marks([well], "state")
    assert "–" == marks([ill], "gradient")["note"]
    assert {"health": None, "note": None} == marks([], "state")


def add(app: AppTest, run: str, state: str = "finished") -> Any:
    queue = app.session_state["queue"]
    queue.submit({"name": "x"})
    said = json.loads((queue.place / "queue.json").read_text())
    said["jobs"][0] |= {"state": state, "run": run}
    (queue.place / "queue.json").write_text(json.dumps(said))
    return queue


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_the_page_shows_the_histograms_of_a_layer(
    trained: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    quiet = harness.Quiet(trained)
    monkeypatch.setattr("builder.ui.pages.train.registry", lambda workspace: quiet)
    app = harness.opened("train", trained, "skip_connection", language)
    app.session_state["queue"] = quiet
    checkups.checkups(trained / "runs" / "skip_connection" / "1", living=False, wait=True)
    add(app, "runs/skip_connection/1")
    try:
        app.run()
        harness.sound(app)
        assert {"en": "Health of the layers", "ja": "層の健康状態", "de": "Gesundheit der Schichten"}[language] in (
            harness.said(app)
        )
        assert len(app.get("vega_lite_chart")) >= 3  # three histograms
    finally:
        (quiet.place / "queue.json").unlink()
