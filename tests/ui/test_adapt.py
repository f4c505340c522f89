"""Fitting a network to data and task: whatever its end was, the check finds nothing wrong with the new one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from builder.check import check
from builder.data.facts import DataFacts
from builder.ui.adapt import adapted, loss_of, losses, with_loss

FACTS = {
    "classification": DataFacts((3, 8, 8), 7, tuple("abcdefg"), None, 50, 0, 6, "classification"),
    "binary": DataFacts((5,), 2, ("no", "yes"), None, 50, 0, 1, "binary"),
    "regression": DataFacts((4,), None, None, 3, 50, None, None, "regression"),
}
ENDS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"type": "ReLU"}],
    [{"type": "Affine", "out_features": 4}],
    [{"type": "Affine", "out_features": 4}, {"type": "Softmax"}],
    [{"type": "Affine", "out_features": 1}, {"type": "Sigmoid"}, {"type": "BinaryCrossEntropy"}],
    [{"type": "Affine", "out_features": 9, "name": "out"}, {"type": "SquaredError", "name": "cost"}],
    [{"type": "Softmax"}, {"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}],
)


@pytest.mark.parametrize("task", FACTS)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: "-".join(layer["type"] for layer in end) or "empty")
def test_the_new_end_suits_data_and_task(task: str, end: list[dict[str, Any]]) -> None:
    before = {"format": 1, "name": "n", "model": {"layers": [{"type": "Affine", "out_features": 6}, *end]}}
    made = adapted(before, FACTS[task])
    report = check(made, facts=FACTS[task])
    assert ((), task) == (report.problems, report.task)
    assert list(FACTS[task].shape or ()) == made["model"]["input"]
    assert made == adapted(made, FACTS[task])


def test_names_stay() -> None:
    layers = [{"type": "Affine", "out_features": 9, "name": "out"}, {"type": "SquaredError", "name": "cost"}]
    made = adapted({"model": {"layers": layers}}, FACTS["regression"])
    assert [{"type": "Affine", "out_features": 3, "name": "out"}, layers[1]] == made["model"]["layers"]


def test_the_document_is_left_alone() -> None:
    before: dict[str, Any] = {"model": {"layers": [{"type": "Affine", "out_features": 9}]}}
    adapted(before, FACTS["binary"])
    assert {"model": {"layers": [{"type": "Affine", "out_features": 9}]}} == before


def test_another_loss() -> None:
    made = with_loss({"model": {"layers": [{"type": "Affine", "out_features": 1}, {"type": "SquaredError"}]}}, "X")
    assert [{"type": "Affine", "out_features": 1}, {"type": "X"}] == made["model"]["layers"]
    assert loss_of(made) is None
    assert all(loss == loss_of(with_loss(made, loss)) for loss in losses())
    assert {"CategoricalCrossEntropy", "BinaryCrossEntropy", "SquaredError"} <= set(losses())


anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["Affine", "Softmax", "SquaredError"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(layers=anything, model=anything, task=st.sampled_from([None, *FACTS]))
def test_no_document_makes_it_fail(layers: Any, model: Any, task: str | None) -> None:
    for document in ({"model": model}, {"model": {"layers": layers}}, {"model": {"layers": [layers]}, "task": layers}):
        adapted(document, FACTS[task] if task else None, task)
        with_loss(document, "SquaredError")
        loss_of(document)
