"""Mending ends, whatever the fixes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import builder
from builder.mend import MOST_ROUNDS, mend
from schemas.errors import Fix, Problem


@dataclass
class Faked:
    problems: tuple[Problem, ...]


def wrong(value: Any) -> Problem:
    return Problem("wrong", "It is wrong.", fixes=(Fix("Set n", ({"op": "add", "path": "/n", "value": value},)),))


def test_several_problems_are_mended_one_after_the_other() -> None:
    layers = [{"type": "Afine", "out_features": 5}, {"type": "ReLu"}, {"type": "Afine", "out_features": 3}]
    document = {"format": 1, "name": "a", "task": "classification", "model": {"input": [4], "layers": layers}}
    mended, report = mend(document, builder.check)
    assert report.ok
    assert [layer["type"] for layer in mended["model"]["layers"]][:3] == ["Affine", "ReLU", "Affine"]
    assert document["model"]["layers"][0]["type"] == "Afine"


@pytest.mark.parametrize("step", [lambda n: 1 - n, lambda n: n, lambda n: n + 1], ids=["turns", "stays", "grows"])
def test_fixes_that_never_end_are_stopped(step: Any) -> None:
    calls = []

    def check(document: dict[str, Any]) -> Any:
        calls.append(document["n"])
        return Faked((wrong(step(document["n"])),))

    mended, _ = mend({"n": 0}, check)
    assert len(calls) <= MOST_ROUNDS + 1
    assert mended["n"] == calls[-1]
