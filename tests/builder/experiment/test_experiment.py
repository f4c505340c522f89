"""Experiments: which trainings there are, that none is done twice, and what the table says of them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import builder
from builder.experiment.outcome import Outcome, Row
from builder.experiment.page import cells, heads, html
from builder.experiment.plan import read, trials
from schemas.errors import DocumentError, UsageError

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "examples" / "experiments").glob("*.json"))

SMALL: dict[str, Any] = {
    "experiment": 1,
    "name": "small",
    "document": {
        "format": 1, "task": "classification",
        "model": {"input": [4], "layers": [
            {"type": "Affine", "out_features": 8}, {"type": "ReLU"}, {"type": "Affine", "out_features": 3},
            {"type": "Softmax"}, {"type": "CategoricalCrossEntropy"},
        ]},
        "data": {"source": {"type": "builtin", "name": "iris"}, "preprocessing": [{"type": "Normalize"}]},
        "training": {"epochs": 2},
    },
    "variants": {"first": {}, "wide": {"set": {"model.layers.0.out_features": 16}},
                 "again": {"start_from": "first", "set": {"training.epochs": 3}}},
    "grid": {"training.batch_size": [16, 64]},
    "seeds": [0, 4],
    "reach": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_experiment_can_be_trained(path: Path) -> None:
    settings, base = read(path)
    planned = trials(settings, base)
    assert settings.name == path.stem
    assert len(planned) == len(settings.variants) * len(settings.seeds) * max(
        1, *(len(values) for values in settings.grid.values()), 1
    )


def test_every_variant_is_trained_at_every_point_with_every_seed(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    found = builder.experiment(SMALL, out=tmp_path, progress=lambda *what: told.append(what), threads=1)
    assert len(told) == 3 * 2 * 2
    assert told[0] == (1, 12, "first, training.batch_size=16, seed 0")
    assert [(row.variant, dict(row.point)["training.batch_size"], len(row.test)) for row in found.rows] == [
        (name, size, 2) for name in ("first", "wide", "again") for size in (16, 64)
    ]
    run = found.runs["wide, training.batch_size=64, seed 4"]
    assert run.document["model"]["layers"][0]["out_features"] == 16
    assert run.document["training"] == {"epochs": 2, "seed": 4, "batch_size": 64}
    row = found.rows[3]
    assert row.test[1] == run.test["accuracy"]
    assert row.curve[0] == pytest.approx(sum(row.first) / 2)

    started = found.runs["again, training.batch_size=16, seed 4"]
    origin = (Path.cwd() / started.document["initialise"]["from"]).resolve()
    assert origin == found.runs["first, training.batch_size=16, seed 4"].path.resolve()

    told.clear()
    changed = copy.deepcopy(SMALL)
    changed["variants"]["wide"]["set"]["training.epochs"] = 1
    later = builder.experiment(changed, out=tmp_path, progress=lambda *what: told.append(what), threads=1)
    assert len(told) == 4, "what is finished and the same is not trained again"
    assert [row.test for row in later.rows[:2]] == [row.test for row in found.rows[:2]]

    told.clear()
    changed["variants"]["first"]["set"] = {"training.epochs": 1}
    builder.experiment(changed, out=tmp_path, progress=lambda *what: told.append(what), threads=1)
    assert len(told) == 8, "what starts from it is trained again too"


def test_the_command_shows_a_table_and_writes_a_page(tmp_path: Path, tsumiki: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    small = copy.deepcopy(SMALL) | {"seeds": [0], "grid": {}}
    del small["variants"]["again"]
    Path("e.json").write_text(json.dumps(small), encoding="utf-8")
    shown = tsumiki("experiment", "e.json")
    assert shown.code == 0, shown.err
    assert "test accuracy" in shown.out
    page = Path("runs/small/experiment.html").read_text(encoding="utf-8")
    assert "wide" in page
    assert "<script" not in page
    answer = tsumiki("experiment", "e.json", "--json").json
    assert [row["variant"] for row in answer["rows"]] == ["first", "wide"]


def test_numbers_of_the_table() -> None:
    rows = (
        Row("with", {"a.std": 0.1}, (0.9, 0.94), (0.5, 0.7), (2, 4), (0.6, 0.8)),
        Row("with", {"a.std": 1.0}, (0.5, 0.54), (0.1, 0.1), (None, None), (0.1, 0.2)),
    )
    found = Outcome("e", "", "accuracy", 0.8, ("a.std",), rows, {})
    assert heads(found) == [
        "variant",
        "std",
        "runs",
        "test accuracy",
        "after the first epoch",
        "epochs to accuracy 0.8",
    ]
    assert cells(found, rows[0]) == ["with", "0.1", "2", "0.920 ± 0.028", "0.600", "3"]
    assert cells(found, rows[1])[-1] == "never"
    assert found.spread("with") == pytest.approx(0.4)
    assert html(found).count("<polyline") == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variants": {"a": {"start_from": "b"}, "b": {}}}, "a starts from b, which must be a variant that stands"),
        ({"seeds": [1, 1]}, "a seed stands twice"),
        ({"colour": 1}, "colour"),
        ({"variants": {"a": {"set": {"model.layers.0.out_features": -1}}}}, "a, training.batch_size=16, seed 0: "),
    ],
)
def test_a_wrong_experiment_is_refused_before_anything_is_trained(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DocumentError, match=said):
        builder.experiment(SMALL | change, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_no_experiment(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='no field "experiment"'):
        builder.experiment(ROOT / "examples" / "digits.json", out=tmp_path)


@pytest.mark.thorough
def test_fine_tuning_with_50_samples_beats_training_from_scratch(tmp_path: Path) -> None:
    found = builder.experiment(ROOT / "examples" / "experiments" / "transfer.json", out=tmp_path)
    rows = {row.variant: row.test for row in found.rows}
    assert len(rows["from scratch"]) == 5
    assert min(rows["fine-tuned"]) > max(rows["from scratch"])


@pytest.mark.thorough
def test_batch_normalisation_depends_less_on_the_first_weights(tmp_path: Path) -> None:
    found = builder.experiment(ROOT / "examples" / "experiments" / "compare_bn.json", out=tmp_path)
    assert found.spread("BatchNormalization") < min(found.spread("Dropout"), found.spread("neither"))
