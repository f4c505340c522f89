"""Units: their layers are templates, and every use fills them with its arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.document import dump, parse
from schemas.errors import Problem
from schemas.patch import apply


def document(*layers: Any, **others: Any) -> dict[str, Any]:
    return {"format": 1, "name": "x", "model": {"input": [1, 8, 8], "layers": list(layers)}, **others}


def errors(raw: Any) -> list[Problem]:
    return [problem for problem in parse(raw)[1] if problem.severity == "error"]


AFFINE = {"type": "Affine", "out_features": 3}


def with_unit(arguments: Any, layers: list[Any], *calls: Any) -> dict[str, Any]:
    raw = document(*({"type": "Unit", "unit": "u", "arguments": call} for call in calls))
    raw["model"]["units"] = {"u": {"arguments": arguments, "layers": layers}}
    return raw


TEMPLATE = [{"type": "Convolution", "out_channels": "$c", "kernel_size": ["$k", 1]}]


def test_a_units_layers_are_templates() -> None:
    sections, problems = parse(with_unit({"c": 16, "k": None}, TEMPLATE, {"k": 3}))
    assert problems == []
    assert sections.units["u"].arguments == {"c": 16, "k": None}
    assert sections.document is not None and sections.document.model.units["u"].layers == TEMPLATE
    assert json.loads(dump(sections.document))["model"]["units"]["u"]["layers"] == TEMPLATE


UNIT_CASES: list[tuple[Any, list[Any], Any, str, str, Any]] = [
    ({"c": 0, "k": 3}, TEMPLATE, {}, "wrong_value", "/model/units/u/arguments/c", 1),
    ({"c": 4, "k": 3}, TEMPLATE, {"c": 0}, "wrong_value", "/model/layers/0/arguments/c", 1),
    ({"c": None, "k": 3}, TEMPLATE, {"c": "8"}, "wrong_type", "/model/layers/0/arguments/c", 8),
    ({"c": 4, "k": 3}, TEMPLATE, {"k": 10**9}, "wrong_value", "/model/layers/0/arguments/k", None),
    (
        {"c": 4},
        [{"type": "Conv2d", "out_channels": "$c"}],
        {},
        "unknown_type",
        "/model/units/u/layers/0/type",
        "Convolution",
    ),
    (
        {"c": 4},
        [{"type": "Convolution", "filters": "$c"}],
        {},
        "unknown_field",
        "/model/units/u/layers/0/filters",
        "$c",
    ),
    (
        {"c": 4},
        [{"type": "Affine", "out_features": 0}],
        {"c": 3},
        "wrong_value",
        "/model/units/u/layers/0/out_features",
        1,
    ),
    (
        {"c": 4},
        [{"type": "Affine", "out_features": 0}],
        {"a b": 3},
        "wrong_value",
        "/model/layers/0/arguments/a b",
        None,
    ),
    (3, TEMPLATE, {"c": 3, "k": 3}, "wrong_type", "/model/units/u/arguments", None),
    (
        {"c": 4},
        [{"type": "Affine", "out_features": "$c", "name": "$c"}],
        {},
        "wrong_value",
        "/model/units/u/layers/0/name",
        "c",
    ),
]


@pytest.mark.parametrize(("arguments", "layers", "call", "code", "pointer", "value"), UNIT_CASES)
def test_mistakes_in_units(arguments: Any, layers: list[Any], call: Any, code: str, pointer: str, value: Any) -> None:
    raw = with_unit(arguments, layers, call)
    found = errors(raw)
    assert (code, pointer) in [(problem.code, problem.pointer) for problem in found]
    problem = next(problem for problem in found if problem.pointer == pointer)
    if value is not None:
        assert problem.fixes[0].patch[-1]["value"] == value
    for fix in problem.fixes:
        after = [(other.code, other.pointer) for other in errors(apply(raw, fix.patch))]
        assert (code, pointer) not in after


def test_an_argument_is_blamed_once_for_each_use() -> None:
    layers = [{"type": "Affine", "out_features": "$c"}] * 3
    found = errors(with_unit({"c": 1}, layers, {"c": 0}, {"c": 2}, {"c": -1}))
    assert [(problem.pointer, problem.layer) for problem in found] == [
        ("/model/layers/0/arguments/c", "Unit_1"),
        ("/model/layers/2/arguments/c", "Unit_3"),
    ]
