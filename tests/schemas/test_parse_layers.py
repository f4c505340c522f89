"""A mistake in a layer: found by itself, said where it is, and mended by its fix. One table of cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.document import parse
from schemas.errors import Problem
from schemas.patch import apply, resolve


def document(*layers: Any, **others: Any) -> dict[str, Any]:
    return {"format": 1, "name": "x", "model": {"input": [1, 8, 8], "layers": list(layers)}, **others}


def errors(raw: Any) -> list[Problem]:
    return [problem for problem in parse(raw)[1] if problem.severity == "error"]


AFFINE = {"type": "Affine", "out_features": 3}
CONV = {"type": "Convolution", "out_channels": 4}

LAYER_CASES: list[tuple[dict[str, Any], str, str, str, Any]] = [
    # layer, code, pointer below the layer, name in the message, the layer after the first fix (None: there is no fix)
    ({"type": "Convolutoin", "out_channels": 4}, "unknown_type", "/type", "Convolutoin_1", CONV),
    ({"type": "Conv2d", "filters": 4}, "unknown_type", "/type", "Conv2d_1", CONV),
    ({"type": "Conv2D", "filters": "4", "kernel": 5}, "unknown_type", "/type", "Conv2D_1", {**CONV, "kernel_size": 5}),
    ({"type": "Dense", "units": 3}, "unknown_type", "/type", "Dense_1", AFFINE),
    ({"type": "nn.Linear", "out_features": 3}, "unknown_type", "/type", "nn.Linear_1", AFFINE),
    ({"type": "relu"}, "unknown_type", "/type", "relu_1", {"type": "ReLU"}),
    ({"type": "Quark"}, "unknown_type", "/type", "Quark_1", None),
    ({"type": ""}, "unknown_type", "/type", "_1", None),
    ({"type": 3}, "wrong_type", "/type", None, None),
    ({"out_channels": 4}, "missing_field", "", None, CONV),
    ({"layer": "relu"}, "missing_field", "", None, {"type": "ReLU"}),
    ({}, "missing_field", "", None, None),
    ({"type": "Convolution", "filters": 4}, "unknown_field", "/filters", "Convolution_1", CONV),
    ({"type": "Convolution", "out_maps": 4}, "unknown_field", "/out_maps", "Convolution_1", CONV),
    ({"type": "Convolution", "filters": "4"}, "unknown_field", "/filters", "Convolution_1", CONV),
    ({**CONV, "KernelShape": 3}, "unknown_field", "/KernelShape", "Convolution_1", {**CONV, "kernel_size": 3}),
    ({**CONV, "strides": [2, 2]}, "unknown_field", "/strides", "Convolution_1", {**CONV, "stride": [2, 2]}),
    ({**CONV, "stride": 1, "strides": 2}, "unknown_field", "/strides", "Convolution_1", {**CONV, "stride": 1}),
    ({"type": "Affine", "units": 3}, "unknown_field", "/units", "Affine_1", AFFINE),
    ({"type": "Dropout", "rate": 0.3}, "unknown_field", "/rate", "Dropout_1", {"type": "Dropout", "p": 0.3}),
    ({"type": "ReLU", "colour": "red"}, "unknown_field", "/colour", "ReLU_1", {"type": "ReLU"}),
    ({"type": "Convolution"}, "missing_field", "", "Convolution_1", {"type": "Convolution", "out_channels": 16}),
    ({"type": "Affine", "name": "fc"}, "missing_field", "", "fc", {"type": "Affine", "name": "fc", "out_features": 32}),
    ({"type": "Reshape"}, "missing_field", "", "Reshape_1", {"type": "Reshape", "shape": [-1]}),
    ({"type": "Affine", "out_features": "3"}, "wrong_type", "/out_features", "Affine_1", AFFINE),
    ({"type": "Affine", "out_features": 3.0}, "wrong_type", "/out_features", "Affine_1", AFFINE),
    ({"type": "Affine", "out_features": [3]}, "wrong_type", "/out_features", "Affine_1", AFFINE),
    ({"type": "Affine", "out_features": True}, "wrong_type", "/out_features", "Affine_1", None),
    ({"type": "Affine", "out_features": None}, "wrong_type", "/out_features", "Affine_1", None),
    ({"type": "Affine", "out_features": -1}, "wrong_value", "/out_features", "Affine_1", {**AFFINE, "out_features": 1}),
    ({"type": "Affine", "out_features": 10**30}, "wrong_value", "/out_features", "Affine_1", None),
    ({"type": "Affine", "out_features": "$n"}, "wrong_type", "/out_features", "Affine_1", None),
    ({**CONV, "stride": 0}, "wrong_value", "/stride", "Convolution_1", {**CONV, "stride": 1}),
    ({**CONV, "stride": [1, 0]}, "wrong_value", "/stride/1", "Convolution_1", {**CONV, "stride": [1, 1]}),
    ({**CONV, "stride": "2"}, "wrong_type", "/stride", "Convolution_1", {**CONV, "stride": 2}),
    ({**CONV, "stride": None}, "wrong_type", "/stride", "Convolution_1", CONV),
    ({**CONV, "kernel_size": []}, "wrong_value", "/kernel_size", "Convolution_1", CONV),
    ({**CONV, "kernel_size": "3x5"}, "wrong_type", "/kernel_size", "Convolution_1", {**CONV, "kernel_size": [3, 5]}),
    ({**CONV, "kernel_size": [3, 5, 7]}, "wrong_value", "/kernel_size", "Convolution_1", CONV),
    ({**CONV, "padding": "sme"}, "wrong_value", "/padding", "Convolution_1", {**CONV, "padding": "same"}),
    ({**CONV, "padding": [1, 2, 1, 2]}, "wrong_value", "/padding", "Convolution_1", {**CONV, "padding": [1, 2]}),
    ({**CONV, "padding": [1, -2]}, "wrong_value", "/padding/1", "Convolution_1", {**CONV, "padding": [1, 0]}),
    ({**CONV, "bias": "false"}, "wrong_type", "/bias", "Convolution_1", {**CONV, "bias": False}),
    ({**CONV, "bias": 1}, "wrong_type", "/bias", "Convolution_1", {**CONV, "bias": True}),
    (
        {**CONV, "weight_initializer": "he"},
        "unknown_type",
        "/weight_initializer",
        "Convolution_1",
        {**CONV, "weight_initializer": {"type": "he_normal"}},
    ),
    (
        {**CONV, "weight_initializer": {"type": "xavier"}},
        "unknown_type",
        "/weight_initializer/type",
        "Convolution_1",
        {**CONV, "weight_initializer": {"type": "glorot_uniform"}},
    ),
    (
        {**CONV, "bias_initializer": {"type": "gaussian", "std": -1}},
        "wrong_value",
        "/bias_initializer/std",
        "Convolution_1",
        {**CONV, "bias_initializer": {"type": "gaussian"}},
    ),
    ({"type": "Dropout", "p": "0.5"}, "wrong_type", "/p", "Dropout_1", {"type": "Dropout", "p": 0.5}),
    ({"type": "Dropout", "p": 50}, "wrong_value", "/p", "Dropout_1", {"type": "Dropout", "p": 0.5}),
    ({"type": "Dropout", "p": -0.1}, "wrong_value", "/p", "Dropout_1", {"type": "Dropout", "p": 0}),
    ({"type": "Dropout", "p": 1.0}, "wrong_value", "/p", "Dropout_1", {"type": "Dropout"}),
    ({"type": "Dropout", "p": float("nan")}, "wrong_value", "/p", "Dropout_1", {"type": "Dropout"}),
    ({"type": "Dropout", "p": True}, "wrong_type", "/p", "Dropout_1", {"type": "Dropout"}),
    ({"type": "Reshape", "shape": ["a"]}, "wrong_type", "/shape/0", "Reshape_1", None),
    ({"type": "Reshape", "shape": [-5]}, "wrong_value", "/shape/0", "Reshape_1", None),
    ({"type": "ReLU", "name": "a/b"}, "wrong_value", "/name", "ReLU_1", {"type": "ReLU", "name": "a_b"}),
    ({"type": "ReLU", "name": "$a"}, "wrong_value", "/name", "ReLU_1", {"type": "ReLU", "name": "a"}),
    ({"type": "ReLU", "name": 1}, "wrong_type", "/name", "ReLU_1", {"type": "ReLU", "name": "1"}),
    ({"type": "ReLU", "name": ""}, "wrong_value", "/name", "ReLU_1", {"type": "ReLU"}),
    ({"type": "ReLU", "inputs": "Input"}, "wrong_type", "/inputs", "ReLU_1", {"type": "ReLU", "inputs": ["Input"]}),
    ({"type": "ReLU", "inputs": []}, "wrong_value", "/inputs", "ReLU_1", {"type": "ReLU"}),
    ({"type": "ReLU", "trainable": "no"}, "wrong_type", "/trainable", "ReLU_1", {"type": "ReLU", "trainable": False}),
    (AFFINE | {"learning_rate_factor": -1}, "wrong_value", "/learning_rate_factor", "Affine_1", None),
    (AFFINE | {"weight_decay": "no"}, "wrong_type", "/weight_decay", "Affine_1", None),
    (AFFINE | {"lr_mult": 0.5}, "unknown_field", "/lr_mult", "Affine_1", AFFINE | {"learning_rate_factor": 0.5}),
    ({"type": "Concatenate", "axis": 3}, "wrong_value", "/axis", "Concatenate_1", {"type": "Concatenate", "axis": 2}),
    (
        {"type": "Repeat", "n": 10**9, "layers": [AFFINE]},
        "wrong_value",
        "/n",
        "Repeat_1",
        None,
    ),
    (
        {"type": "Repeat", "n": 1001, "layers": [AFFINE]},
        "wrong_value",
        "/n",
        "Repeat_1",
        {"type": "Repeat", "n": 1000, "layers": [AFFINE]},
    ),
    (
        {"type": "Repeat", "times": 3, "layers": [AFFINE]},
        "unknown_field",
        "/times",
        "Repeat_1",
        {"type": "Repeat", "n": 3, "layers": [AFFINE]},
    ),
    (
        {"type": "Repeat", "n": 3, "children": [AFFINE]},
        "unknown_field",
        "/children",
        "Repeat_1",
        {"type": "Repeat", "n": 3, "layers": [AFFINE]},
    ),
    (
        {"type": "Repeat", "n": 3, "layers": [{"type": "relu"}]},
        "unknown_type",
        "/layers/0/type",
        "relu_1",
        {"type": "Repeat", "n": 3, "layers": [{"type": "ReLU"}]},
    ),
    (
        {"type": "Repeat", "n": 3, "layers": {"type": "ReLU"}},
        "wrong_type",
        "/layers",
        None,
        {"type": "Repeat", "n": 3, "layers": [{"type": "ReLU"}]},
    ),
    ({"type": "Unit"}, "missing_field", "", "Unit_1", None),
    (
        {"type": "Unit", "unit": "u", "args": {"a": 1}},
        "unknown_field",
        "/args",
        "Unit_1",
        {"type": "Unit", "unit": "u", "arguments": {"a": 1}},
    ),
]


@pytest.mark.parametrize(("layer", "code", "below", "name", "mended"), LAYER_CASES)
def test_a_layers_mistake(layer: dict[str, Any], code: str, below: str, name: str | None, mended: Any) -> None:
    raw = document({"type": "Tanh"}, layer, {"type": "Sigmoid"})
    (problem,) = errors(raw)
    assert (problem.code, problem.pointer, problem.layer) == (code, "/model/layers/1" + below, name)
    if mended is None:
        assert not problem.fixes or resolve(apply(raw, problem.fixes[0].patch), "/model/layers/1") != layer
    else:
        assert apply(raw, problem.fixes[0].patch) == document({"type": "Tanh"}, mended, {"type": "Sigmoid"})


EVERY = [document({"type": "Tanh"}, case[0]) for case in LAYER_CASES]


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
