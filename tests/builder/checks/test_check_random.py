"""Random stacks, whole and damaged: a check never raises, and no fix that it offers makes anything worse."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from check_documents import CATEGORICAL, SOFTMAX, affine, conv, document, layer, repeat, unit
from hypothesis import HealthCheck, given, settings, strategies as st

import builder
from builder.fixes import Checked
from schemas.patch import apply

small = st.integers(0, 4)
names = st.sampled_from(["a", "b", "c", "Input", "ReLU_1", "nobody"])


@st.composite
def entries(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    kind = draw(st.sampled_from(["conv", "pool", "plain", "join", "affine", "reshape", "stack", "loss"]))
    fields: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        fields["name"] = draw(names.filter(lambda name: name != "Input"))
    if draw(st.integers(0, 5)) == 0:
        fields["inputs"] = draw(st.lists(names, min_size=1, max_size=3))
    if kind == "conv":
        made = conv(draw(st.integers(1, 6)), kernel_size=draw(st.integers(1, 5)), stride=draw(st.integers(1, 3)))
        return {**made, "padding": draw(small), "groups": draw(st.integers(1, 3)), **fields}
    if kind == "pool":
        return layer("MaxPooling", kernel_size=draw(st.integers(1, 4)), padding=draw(st.integers(0, 2)), **fields)
    if kind == "plain":
        return layer(draw(st.sampled_from(["ReLU", "Flatten", "Softmax", "Sigmoid", "BatchNormalization"])), **fields)
    if kind == "join":
        fields["inputs"] = draw(st.lists(names, min_size=1, max_size=3))
        return layer(draw(st.sampled_from(["Add", "Concatenate", "Multiply"])), **fields)
    if kind == "affine":
        return affine(draw(st.integers(1, 12)), **fields)
    if kind == "reshape":
        return layer("Reshape", shape=draw(st.lists(st.integers(-1, 8), min_size=1, max_size=3)), **fields)
    if kind == "loss":
        return layer(draw(st.sampled_from(["CategoricalCrossEntropy", "BinaryCrossEntropy", "SquaredError"])), **fields)
    if depth and draw(st.booleans()):
        inner = draw(st.lists(entries(depth=depth - 1), min_size=1, max_size=3))
        return repeat(draw(st.integers(1, 3)), inner, **fields)
    return unit("u", **({"arguments": {"k": draw(st.integers(0, 5))}} if draw(st.booleans()) else {}), **fields)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    layers = draw(st.lists(entries(), min_size=1, max_size=6))
    if draw(st.booleans()):
        layers = [*layers, affine(10), SOFTMAX, CATEGORICAL]
    stack = draw(st.lists(entries(depth=0), min_size=1, max_size=2))
    units = {"u": {"arguments": {"k": 3}, "layers": [conv("$k", padding=1), *stack]}}
    task = draw(st.sampled_from(["classification", "binary", "regression", None]))
    made = document(layers, draw(st.sampled_from([(1, 8, 8), (3, 9, 7), (12,), (2, 6)])), task, units=units)
    if draw(st.integers(0, 3)) == 0:
        _damage(draw, made)
    return made


def _damage(draw: st.DrawFn, made: dict[str, Any]) -> None:
    """Put nonsense in the place of one value."""
    place: Any = made["model"]["layers"]
    junk = st.sampled_from([None, -1, 2**40, "x", [], {}, 1.5, True, "$k", ["a", 3]])
    entry = draw(st.sampled_from(place))
    entry[draw(st.sampled_from([*entry, "typo"]))] = draw(junk)


def bare(raw: dict[str, Any]) -> Checked:
    """Check without looking for fixes, as the trial of fixes does."""
    from builder.check import _Look

    return _Look(raw, None, Path(), ()).seen()


def look(raw: dict[str, Any]) -> None:
    """Check a document, apply every offered fix, and check again."""
    before = copy.deepcopy(raw)
    report = builder.check(raw)
    assert raw == before
    report.to_json()
    for problem in report.problems:
        for fix in problem.fixes:
            after = bare(apply(raw, fix.patch))
            known = {info.pointer for info in report.layers if info.output_shape is None} | {"/model/units"}
            old = sum(other.code == problem.code for other in report.problems)
            new = sum(other.code == problem.code for other in after.problems)
            # Only what stood behind something broken may come to light.
            assert new < old or problem.severity == "warning" or len(known) > 1
            errors = [other for other in after.problems if other.severity == "error"]
            assert len(errors) < len(report.errors) or problem.severity == "warning" or len(known) > 1
    if report.ok:
        assert report.network.layers
        again = builder.check(report.document)
        assert again.ok and [i.name for i in again.layers] == [i.name for i in report.layers]
        assert again.shapes == report.shapes


@given(documents())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_random_stacks(raw: dict[str, Any]) -> None:
    look(raw)


@pytest.mark.thorough
@given(documents())
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_many_random_stacks(raw: dict[str, Any]) -> None:
    look(raw)
