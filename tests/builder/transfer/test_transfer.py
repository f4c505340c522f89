"""Starting from another run: what is copied, what is not and why, and the new head for another task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import builder
from builder.transfer import match, start_from
from builder.transfer.match import by_layer
from schemas.errors import DataError, DocumentError, UsageError
from schemas.initialise import Initialise
from schemas.patch import apply

LAYERS = [
    {"type": "Convolution", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"type": "BatchNormalization"},
    {"type": "ReLU"},
    {"type": "MaxPooling"},
    {"type": "Affine", "out_features": 10},
]
END = [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}]


def document(**more: Any) -> dict[str, Any]:
    layers = more.pop("layers", LAYERS)
    return {
        "format": 1, "name": "old", "task": "classification", "model": {"input": [1, 8, 8], "layers": [*layers, *END]},
        "data": {"source": {"type": "builtin", "name": "digits"}, "preprocessing": [{"type": "Normalize"}]},
        "training": {"epochs": 1, "seed": 5}, **more,
    }  # fmt: skip


def bare(**more: Any) -> dict[str, Any]:
    """Return a document that names no data, so that any number of classes is right."""
    return {key: value for key, value in document(**more).items() if key != "data"}


def with_head(classes: int, name: str | None = None) -> list[dict[str, Any]]:
    head = {"type": "Affine", "out_features": classes} | ({"name": name} if name else {})
    return [*LAYERS[:-1], head]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return builder.train(document(), out=tmp_path_factory.mktemp("runs"), threads=1).path


def codes(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(problem.code, problem.severity) for problem in builder.check(document).problems]


def test_every_layer_whose_parameters_fit_starts_from_the_run(run: Path) -> None:
    net = builder.compile(bare(initialise={"from": str(run)}, layers=with_head(7)), seed=9)
    old, drawn = builder.load(run), builder.compile(bare(layers=with_head(7)), seed=9)
    for key in net.params:
        same = old if not key.startswith("Affine_1") else drawn
        np.testing.assert_array_equal(same.params[key], net.params[key], err_msg=key)
    assert "BatchNormalization_1/variance" in net.params, "running statistics are copied too"
    assert (net.params["BatchNormalization_1/variance"] != 1).any()


def test_only_the_layers_that_are_asked_for(run: Path) -> None:
    net = builder.compile(document(initialise={"from": str(run), "layers": ["Conv*"]}), seed=9)
    old, drawn = builder.load(run), builder.compile(document(), seed=9)
    np.testing.assert_array_equal(old.params["Convolution_1/weight"], net.params["Convolution_1/weight"])
    np.testing.assert_array_equal(drawn.params["Affine_1/weight"], net.params["Affine_1/weight"])


def test_a_layer_that_is_called_otherwise(run: Path) -> None:
    layers = [{**LAYERS[0], "name": "edges"}, *LAYERS[1:]]
    net = builder.compile(document(initialise={"from": str(run), "rename": {"Convolution_1": "edges"}}, layers=layers))
    np.testing.assert_array_equal(builder.load(run).params["Convolution_1/weight"], net.params["edges/weight"])


def test_rows_say_what_was_left_out_and_why() -> None:
    here = {"a/weight": (3, 4), "b/weight": (3, 5), "c/weight": (2,), "d/weight": (2,), "d/bias": (2,)}
    there = {"a/weight": (3, 4), "b/weight": (3, 4), "d/weight": (2,)}
    rows = match(Initialise.model_validate({"from": "x", "layers": ["b", "c", "d", "e*"]}), here, there)
    assert [(row.layer, row.copied, str(row.why or "")) for row in rows] == [
        ("a", False, "not among the layers that are asked for"),
        ("b", False, "its weight is 3 × 5, but 3 × 4 there"),
        ("c", False, "there is no layer c with parameters"),
        ("d", False, "only one of the two has bias"),
    ]
    rows = match(Initialise.model_validate({"from": "x"}), here, there)
    assert [row.pairs for row in rows if row.copied] == [(("a/weight", "a/weight"),)]
    assert by_layer({"Unit_1/a/weight": (1,)}) == {"Unit_1/a": {"weight": (1,)}}


@pytest.mark.parametrize(
    ("section", "layers", "code"),
    [
        ({"layers": ["Convolution_2"]}, LAYERS, "initialise_unknown_layer"),
        ({"layers": ["ReLU_1"]}, LAYERS, "initialise_unknown_layer"),
        ({"layers": ["Affine_1", "Convolution_1"]}, with_head(7), "initialise_shape"),
        ({"layers": ["Affine_1"]}, with_head(7), "initialise_shape"),
        ({"layers": ["head"]}, with_head(10, "head"), "initialise_no_layer"),
        ({"rename": {"Convolutoin_1": "Convolution_1"}}, LAYERS, "initialise_no_layer"),
        ({"rename": {"Convolution_1": "BatchNormalization_1"}}, LAYERS, "initialise_parameters"),
    ],
)
def test_a_mistake_has_a_fix_that_mends_it(run: Path, section: dict[str, Any], layers: Any, code: str) -> None:
    raw = bare(initialise={"from": str(run), **section}, layers=layers)
    report = builder.check(raw)
    assert [(code, "error")] == [(problem.code, problem.severity) for problem in report.problems]
    if code != "initialise_parameters":
        assert report.problems[0].fixes
    for fix in report.problems[0].fixes:
        assert [] == codes(apply(raw, fix.patch)), fix.title
    with pytest.raises(DocumentError):
        builder.compile(raw)


def test_a_shape_that_differs_offers_the_other_network_s_size(run: Path) -> None:
    raw = bare(initialise={"from": str(run), "layers": ["Affine_1"]}, layers=with_head(7))
    titles = [str(fix.title) for fix in builder.check(raw).problems[0].fixes]
    assert titles == ["Set out_features to 10", "Leave Affine_1 as it is drawn"]


def test_a_run_that_is_not_there_is_a_warning_of_check_and_an_error_of_training(tmp_path: Path) -> None:
    raw = document(initialise={"from": str(tmp_path / "gone")})
    assert [("initialise_unreadable", "warning")] == codes(raw)
    with pytest.raises(DataError, match="There is no run and no saved network at"):
        builder.train(raw, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    (tmp_path / "gone").write_bytes(b"no network at all")
    with pytest.raises(DataError, match="is damaged, or no safetensors file"):
        builder.compile(raw)


def test_a_network_with_nothing_in_common_is_a_warning(run: Path) -> None:
    raw = document(initialise={"from": str(run)}, layers=[{"type": "Affine", "out_features": 10, "name": "other"}])
    assert [("initialise_nothing", "warning")] == codes(raw)


def test_training_tells_what_was_copied_and_resume_needs_the_source_no_more(run: Path, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    path = tmp_path / "document.json"
    source = tmp_path / "weights.safetensors"
    builder.load(run).save(source)
    raw = document(initialise={"from": "weights.safetensors"}, layers=with_head(10, "head"))
    path.write_text(json.dumps(raw), encoding="utf-8")
    steps = iter([False, True])
    builder.train(path, out=tmp_path, progress=told.append, threads=1, stop=lambda: next(steps, True))
    event = next(event for event in told if event["event"] == "initialise")
    assert [(row["layer"], row["copied"]) for row in event["layers"]] == [
        ("Convolution_1", True), ("BatchNormalization_1", True), ("head", False),
    ]  # fmt: skip
    folder = tmp_path / "old" / "1"
    assert json.loads((folder / "initialised.json").read_text(encoding="utf-8"))["layers"] == event["layers"]
    source.unlink()
    done = builder.resume(folder, threads=1)
    assert done.finished
    whole = builder.train(document(initialise={"from": str(run)}, layers=with_head(10, "head")), out=tmp_path / "w",
                          threads=1)  # fmt: skip
    for key in whole.network.params:
        np.testing.assert_array_equal(whole.network.params[key], done.network.params[key], err_msg=key)


def test_a_frozen_layer_keeps_what_it_started_from(run: Path, tmp_path: Path) -> None:
    made = builder.transfer(run, "digits", freeze=True)
    assert made["data"]["preprocessing"][0]["mean"], "normalised as the run was"
    after = builder.train(made, out=tmp_path, threads=1).network
    before = builder.load(run)
    for key in before.params:
        if not key.startswith("Affine_1"):
            np.testing.assert_array_equal(before.params[key], after.params[key], err_msg=key)
    assert after.params["head/weight"].shape == (64, 10)


def test_every_layer_with_parameters_is_frozen_whatever_its_type_and_wherever_it_stands(tmp_path: Path) -> None:
    stage = [{"type": "Affine", "out_features": 6}, {"type": "LayerNormalization"}, {"type": "PReLU"}]
    layers = [{"type": "Unit", "unit": "Stage"}, {"type": "Repeat", "n": 2, "layers": stage}, *LAYERS[-1:]]
    raw = bare(layers=layers)
    raw["model"]["units"] = {"Stage": {"layers": stage}}
    builder.compile(raw).save(tmp_path / "net.safetensors")
    made = builder.transfer(tmp_path / "net.safetensors", classes=3, freeze=True)
    assert set(builder.compile(made).trained) == {"head/weight", "head/bias"}


def test_a_new_head_for_another_number_of_classes(run: Path) -> None:
    made = builder.transfer(run, classes=3)
    report = builder.check(made)
    assert report.ok, report.errors
    assert [layer["type"] for layer in made["model"]["layers"][-3:]] == [
        "Affine", "Softmax", "CategoricalCrossEntropy",
    ]  # fmt: skip
    assert builder.compile(made).output_shape == (3,)
    binary = builder.transfer(run, classes=1, task="binary")
    assert builder.compile(binary).output_shape == (1,)
    assert builder.check(binary).task == "binary"


def test_what_transfer_cannot_do_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="How many classes"):
        builder.transfer(run)
    with pytest.raises(UsageError, match="There is no task"):
        builder.transfer(run, classes=3, task="guess")
    with pytest.raises(DataError, match="There is no run"):
        builder.transfer(tmp_path / "nowhere", classes=3)


def test_start_from_returns_its_rows(run: Path) -> None:
    net = builder.compile(bare(layers=with_head(4)), seed=1)
    assert [row.copied for row in start_from(net, run)] == [True, True, False]
