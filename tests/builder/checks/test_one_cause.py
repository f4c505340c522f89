"""One mistake in a sound document is one problem, wherever it is made; and no document is a traceback."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

import builder
from schemas.patch import apply, resolve

EXAMPLES = Path(__file__).parents[3] / "examples"
GONE = object()


def example(name: str) -> dict[str, Any]:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    """Return the example with another value at `path` (GONE: without it)."""
    document = example(name)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    here = document
    for step in way:
        here = here[step]
    if value is GONE:
        del here[last]
    else:
        here[last] = value
    return document


MISTAKES = [
    # a branch's name or the word that reads it
    ("two_branches", "model/layers/0/name", GONE, "unknown_input"),
    ("two_branches", "model/layers/0/name", "q", "unknown_input"),
    ("two_branches", "model/layers/0/name", 3, "wrong_type"),
    ("two_branches", "model/layers/0/name", "$x", "wrong_value"),
    ("two_branches", "model/layers/2/inputs/0", "nope", "unknown_input"),
    ("two_branches", "model/layers/2/inputs/1", "nope", "unknown_input"),
    ("two_branches", "model/layers/2/inputs", {"type": "ReLU"}, "wrong_type"),
    ("two_branches", "model/layers/2", -1, "wrong_type"),
    ("skip_connection", "model/layers/2", True, "wrong_type"),
    ("skip_connection", "model/layers/7/name", [[]], "wrong_type"),
    ("skip_connection", "model/layers/7/name", "Input", "duplicate_name"),
    # units
    ("repeat_unit", "model/units", 5, "wrong_type"),
    ("repeat_unit", "model/units", {}, "unknown_unit"),
    ("repeat_unit", "model/units/Residual/arguments", [], "wrong_type"),
    ("repeat_unit", "model/units/Residual/arguments", {"channelsx": 16}, "unknown_argument"),
    ("repeat_unit", "model/units/Residual/arguments", GONE, "unknown_argument"),
    ("repeat_unit", "model/units/Residual/layers/4/name", "$x", "wrong_value"),
    ("repeat_unit", "model/units/Residual/layers/3", "$x", "wrong_type"),
    ("repeat_unit", "model/units/Residual/layers", [], "wrong_value"),
    ("repeat_unit", "model/layers/6/arguments", "same", "wrong_type"),
    ("repeat_unit", "model/layers/6/arguments", {"chanels": 24}, "unknown_argument"),
    # input and head
    ("digits", "model/input", [1, 8], "input_shape"),
    ("digits", "model/input", [1, 2, 2], "input_shape"),
    ("digits", "model/input", ["a"], "wrong_type"),
    ("breast_cancer", "model/layers/5", -1, "wrong_type"),
    ("iris", "model/layers/4/type", GONE, "missing_field"),
    ("iris", "model/layers/4/type", "Soft", "unknown_type"),
    # data and training
    ("digits", "data/validation", {}, "missing_field"),
    ("digits", "data/validation", {"type": "builtin"}, "missing_field"),
    ("digits", "data/test", {"type": "csv", "path": 3}, "wrong_type"),
    ("digits", "data/preprocessing/0/range", [[]], "wrong_type"),
    ("digits", "training/seed", "ReLU", "wrong_type"),
    ("digits", "training", "ReLU", "wrong_type"),
]


@pytest.mark.parametrize(("name", "path", "value", "code"), MISTAKES)
def test_one_mistake_is_one_problem(name: str, path: str, value: Any, code: str) -> None:
    document = changed(name, path, value)
    report = builder.check(document, base=EXAMPLES)
    assert [problem.code for problem in report.errors] == [code], [problem.what for problem in report.errors]
    for fix in report.errors[0].fixes:
        builder.check(apply(document, fix.patch), base=EXAMPLES)
    with pytest.raises(builder.DocumentError):
        builder.compile(document)


JUNK = [
    *(None, True, 0, -1, 3, 2.5, -0.0, 1e30, 10**18),
    *("", "Input", "$x", "ReLU", "a/b", "~0", "same", [], {}, [[]], ["Input"], {"type": "ReLU"}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inside for place in places(part, (*path, key)))]


def mutated(document: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return the document with one thing replaced, removed, renamed, doubled or swapped."""
    result = copy.deepcopy(document)
    *way, key = draw.choice([place for place in places(result) if place])
    here = result
    for step in way:
        here = here[step]
    kind = draw.choice(["junk", "junk", "drop", "list"])
    if kind == "list" and isinstance(here, list):
        other = draw.randrange(len(here))
        if draw.random() < 0.5:
            here.insert(key, copy.deepcopy(here[other]))
        else:
            here[key], here[other] = here[other], here[key]
    elif kind == "list":
        here[f"{key}x"] = here.pop(key)
    elif kind == "drop":
        del here[key]
    else:
        here[key] = copy.deepcopy(draw.choice(JUNK))
    return result


def examine(seed: int) -> None:
    draw = random.Random(seed)
    document = mutated(example(draw.choice(["digits", "iris", "skip_connection", "two_branches", "repeat_unit"])), draw)
    report = builder.check(document, base=EXAMPLES)
    json.dumps(report.to_json(), allow_nan=False)
    for problem in report.problems:
        resolve(document, problem.pointer)
        for fix in problem.fixes:
            builder.check(apply(document, fix.patch), base=EXAMPLES)


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_a_mutated_document_is_told_what_is_wrong(start: int) -> None:
    for seed in range(start, start + 20):
        examine(seed)


@pytest.mark.thorough
def test_thousands_of_mutated_documents() -> None:
    for seed in range(1000, 6000):
        examine(seed)
