"""What a row of test_check_problems.py says."""

from __future__ import annotations

from typing import Any, NamedTuple

from builder.data.facts import DataFacts

DIGITS = DataFacts(shape=(1, 8, 8), classes=10, samples=1797, label_min=0, label_max=9, kind="classification")
MAPS = DataFacts((1, 8, 8), classes=4, label_min=0, label_max=3, kind="classification", target_shape=(8, 8))
NUMBERS = DataFacts(shape=(1, 8, 8), targets=1, samples=100, kind="regression")
SHIFTED = DataFacts(shape=(1, 8, 8), label_min=1, label_max=10, kind="classification")


class Case(NamedTuple):
    document: Any
    problems: list[tuple[str, str]]
    """(code, pointer) of every problem, in the order of the report."""
    fix: str | None = None
    """Part of the title of a fix that the first problem must offer; "" for any."""
    facts: DataFacts | None = None
    unknown: int | None = None
    """How many layers have no shape; None where it does not matter."""


def at(place: int, field: str = "") -> str:
    return f"/model/layers/{place}{field}"
