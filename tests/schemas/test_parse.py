"""Mistakes outside the layers, one table of cases; and what a document with several mistakes gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.document import Document, parse
from schemas.errors import Problem
from schemas.layer import REGISTRY
from schemas.patch import apply


def document(*layers: Any, **others: Any) -> dict[str, Any]:
    return {"format": 1, "name": "x", "model": {"input": [1, 8, 8], "layers": list(layers)}, **others}


def errors(raw: Any) -> list[Problem]:
    return [problem for problem in parse(raw)[1] if problem.severity == "error"]


AFFINE = {"type": "Affine", "out_features": 3}
DIGITS = {"type": "builtin", "name": "digits"}

CASES: list[tuple[str, Any, str, str, Any]] = [
    # what, document, code, pointer, what the first fix puts at the pointer of the patch's last operation
    ("no model", {"format": 1, "name": "x"}, "missing_field", "", None),
    ("another word for model", {"format": 1, "network": {"layers": [AFFINE]}}, "unknown_field", "/network", None),
    ("a list for model", {"format": 1, "model": [AFFINE]}, "wrong_type", "/model", {"layers": [AFFINE]}),
    ("no layers", {"format": 1, "model": {}}, "missing_field", "/model", None),
    ("empty layers", document(), "wrong_value", "/model/layers", None),
    ("layer as text", document("ReLU"), "wrong_type", "/model/layers/0", {"type": "ReLU"}),
    ("layer as text with fields", document("Affine"), "wrong_type", "/model/layers/0", {**AFFINE, "out_features": 32}),
    ("input as a number", {"format": 1, "model": {"input": 8, "layers": [AFFINE]}}, "wrong_type", "/model/input", [8]),
    ("input of 0", {"format": 1, "model": {"input": [1, 0], "layers": [AFFINE]}}, "wrong_value", "/model/input/1", 1),
    (
        "input of 4 axes",
        {"format": 1, "model": {"input": [1] * 4, "layers": [AFFINE]}},
        "wrong_value",
        "/model/input",
        None,
    ),
    ("format as text", document(AFFINE, format="1"), "wrong_type", "/format", 1),
    ("format of the future", document(AFFINE, format=2), "unknown_format", "/format", 1),
    ("task misspelt", document(AFFINE, task="clasification"), "wrong_value", "/task", "classification"),
    ("name that leaves its folder", document(AFFINE, name="../x"), "wrong_value", "/name", "x"),
    ("name with a slash", document(AFFINE, name="a/b"), "wrong_value", "/name", "a_b"),
    ("expect as text", document(AFFINE, expect={"accuracy": "0.9"}), "wrong_type", "/expect/accuracy", 0.9),
    ("unknown top field", document(AFFINE, colour=1), "unknown_field", "/colour", None),
    ("data as a list", document(AFFINE, data=[]), "wrong_type", "/data", None),
    ("source missing", document(AFFINE, data={}), "missing_field", "/data", DIGITS),
    ("source by name", document(AFFINE, data={"source": "csv"}), "wrong_type", "/data/source", None),
    (
        "source unknown",
        document(AFFINE, data={"source": {"type": "CSV", "path": "a.csv"}}),
        "unknown_type",
        "/data/source/type",
        "csv",
    ),
    (
        "set unknown",
        document(AFFINE, data={"source": {"type": "builtin", "name": "digit"}}),
        "wrong_value",
        "/data/source/name",
        "digits",
    ),
    ("path missing", document(AFFINE, data={"source": {"type": "csv"}}), "missing_field", "/data/source", None),
    (
        "path by another name",
        document(AFFINE, data={"source": {"type": "csv", "file": "a"}}),
        "unknown_field",
        "/data/source/file",
        None,
    ),
    ("share of 20", document(AFFINE, data={"source": DIGITS, "test": 20}), "wrong_value", "/data/test", 0.2),
    (
        "shares of all",
        document(AFFINE, data={"source": DIGITS, "test": 0.6, "validation": 0.6}),
        "split_too_large",
        "/data",
        None,
    ),
    (
        "step unknown",
        document(AFFINE, data={"source": DIGITS, "preprocessing": [{"type": "scale"}]}),
        "unknown_type",
        "/data/preprocessing/0/type",
        "Scale",
    ),
    (
        "step as text",
        document(AFFINE, data={"source": DIGITS, "preprocessing": ["Normalize"]}),
        "wrong_type",
        "/data/preprocessing/0",
        {"type": "Normalize"},
    ),
    (
        "scale twice",
        document(AFFINE, data={"source": DIGITS, "preprocessing": [{"type": "Scale", "factor": 2, "range": [0, 1]}]}),
        "scale_twice",
        "/data/preprocessing/0",
        None,
    ),
    (
        "optimizer misspelt",
        document(AFFINE, training={"optimizer": {"type": "adam"}}),
        "unknown_type",
        "/training/optimizer/type",
        "Adam",
    ),
    (
        "optimizer by name",
        document(AFFINE, training={"optimizer": "adam"}),
        "wrong_type",
        "/training/optimizer",
        {"type": "Adam"},
    ),
    (
        "optimizer's field",
        document(AFFINE, training={"optimizer": {"type": "Adam", "lr": 0.1}}),
        "unknown_field",
        "/training/optimizer/lr",
        0.1,
    ),
    (
        "optimizer without type",
        document(AFFINE, training={"optimizer": {"learning_rate": 0.1}}),
        "missing_field",
        "/training/optimizer",
        None,
    ),
    (
        "schedule by name",
        document(AFFINE, training={"schedule": "cosine"}),
        "wrong_type",
        "/training/schedule",
        {"type": "Cosine"},
    ),
    ("epochs as text", document(AFFINE, training={"epochs": "20"}), "wrong_type", "/training/epochs", 20),
    ("epochs of 0", document(AFFINE, training={"epochs": 0}), "wrong_value", "/training/epochs", 1),
    ("batchsize", document(AFFINE, training={"batchsize": 32}), "unknown_field", "/training/batchsize", 32),
    (
        "class weights",
        document(AFFINE, training={"class_weights": "balance"}),
        "wrong_value",
        "/training/class_weights",
        "balanced",
    ),
    (
        "a class weight",
        document(AFFINE, training={"class_weights": [1, -1]}),
        "wrong_value",
        "/training/class_weights/1",
        0,
    ),
    ("training as null", document(AFFINE, training=None), "wrong_type", "/training", None),
    ("units as a list", {"format": 1, "model": {"layers": [AFFINE], "units": []}}, "wrong_type", "/model/units", None),
    (
        "a unit's name",
        {"format": 1, "model": {"layers": [AFFINE], "units": {"a/b": {"layers": [AFFINE]}}}},
        "wrong_value",
        "/model/units/a~1b",
        None,
    ),
]


@pytest.mark.parametrize(("raw", "code", "pointer", "value"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_documents_mistake(raw: Any, code: str, pointer: str, value: Any) -> None:
    (problem,) = errors(raw)
    assert (problem.code, problem.pointer, problem.layer) == (code, pointer, None)
    if value is not None:
        assert problem.fixes[0].patch[-1]["value"] == value


EVERY = [case[1] for case in CASES]


@pytest.mark.parametrize("raw", EVERY)
def test_every_fix_mends_what_it_is_offered_for(raw: Any) -> None:
    for problem in errors(raw):
        assert len({fix.title for fix in problem.fixes}) == len(problem.fixes) <= 3
        for fix in problem.fixes:
            after = errors(apply(raw, fix.patch))
            assert (problem.code, problem.pointer) not in [(other.code, other.pointer) for other in after], fix.title


@pytest.mark.parametrize("raw", EVERY)
def test_every_message_is_plain_and_short(raw: Any) -> None:
    for problem in errors(raw):
        assert problem.what.endswith(".") and len(problem.what) < 600
        for jargon in ("Input should", "validator", "pydantic", "dict", "NoneType", "None", "str ", "union", "literal"):
            assert jargon not in problem.what
        json.dumps(problem.to_json())


def test_all_independent_mistakes_are_listed_at_once() -> None:
    raw = document(
        {"type": "Conv2d", "filters": 4},
        {"type": "Convolution", "out_channels": 3.0, "stride": 0, "colour": 1},
        {"type": "Repeat", "n": 0, "layers": [{"type": "relu"}, {"type": "Dropout", "p": 2}]},
        {"type": "Affine"},
        data={"source": {"type": "builtin", "name": "digit"}},
        training={"epochs": "1", "optimizer": {"type": "adam", "lr": 1}},
        task="x",
    )
    assert [(problem.code, problem.pointer) for problem in errors(raw)] == [
        ("wrong_value", "/task"),
        ("unknown_type", "/model/layers/0/type"),
        ("wrong_type", "/model/layers/1/out_channels"),
        ("wrong_value", "/model/layers/1/stride"),
        ("unknown_field", "/model/layers/1/colour"),
        ("wrong_value", "/model/layers/2/n"),
        ("unknown_type", "/model/layers/2/layers/0/type"),
        ("wrong_value", "/model/layers/2/layers/1/p"),
        ("missing_field", "/model/layers/3"),
        ("wrong_value", "/data/source/name"),
        ("wrong_type", "/training/epochs"),
        ("unknown_type", "/training/optimizer/type"),
    ]


def test_what_is_sound_is_there_although_the_rest_is_not() -> None:
    raw = document({"type": "relu"}, AFFINE, training={"epochs": 0}, data={"source": DIGITS}, task="binary", name=3)
    sections, _ = parse(raw)
    assert sections.layers[0].broken and sections.layers[0].layer is None
    assert sections.layers[1].layer == REGISTRY["Affine"].cls.model_validate(AFFINE)
    assert sections.data is not None and sections.data.source.type == "builtin"
    assert (sections.training, sections.task, sections.name, sections.input) == (None, "binary", "network", (1, 8, 8))
    assert sections.document is None


def test_a_sound_document() -> None:
    sections, problems = parse(document(AFFINE))
    assert problems == []
    assert sections.document == Document.model_validate(document(AFFINE))
    assert sections.training is not None and sections.training.epochs == 20


def test_a_missing_format_is_only_a_warning() -> None:
    (problem,) = parse({"model": {"layers": [AFFINE]}})[1]
    assert (problem.code, problem.severity) == ("missing_field", "warning")
    assert apply({}, problem.fixes[0].patch) == {"format": 1}


def test_keras_activation_becomes_a_layer() -> None:
    raw = document(
        {"type": "Dense", "units": 3, "activation": "relu"}, {"type": "Affine", "out_features": 3, "activation": "tanh"}
    )
    first, second = errors(raw)
    assert apply(raw, first.fixes[0].patch)["model"]["layers"][:2] == [AFFINE, {"type": "ReLU"}]
    assert apply(raw, second.fixes[0].patch)["model"]["layers"][1:] == [AFFINE, {"type": "Tanh"}]
    # With a name others may read the layer, and would then read it without its activation.
    (named,) = errors(document({**AFFINE, "name": "a", "activation": "relu"}))
    assert [fix.title for fix in named.fixes] == ["Remove activation"]


def test_labels_are_the_graphs_names() -> None:
    bad = {"type": "Affine"}
    raw = document(
        bad,
        {"type": "Repeat", "n": 3, "layers": [bad, {**AFFINE}]},
        bad,
        {"type": "Unit", "unit": "u"},
        {"type": "Unit", "unit": "u"},
        {**bad, "name": "Affine_14"},
        bad,
    )
    raw["model"]["units"] = {"u": {"layers": [bad, AFFINE]}, "unused": {"layers": [bad]}}
    layers = [problem.layer for problem in errors(raw)]
    assert layers == ["Affine_1", "Affine_2", "Affine_8", "Affine_14", "Affine_13", "Affine_9", "Affine_1"]
