"""Any JSON value gives problems or a document, never an exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from schemas.document import Document, dump, parse
from schemas.model import TYPES
from schemas.patch import apply, resolve

WORDS = st.sampled_from(
    [
        *TYPES,
        "type",
        "name",
        "inputs",
        "n",
        "layers",
        "unit",
        "arguments",
        "units",
        "model",
        "data",
        "training",
        "input",
        "out_channels",
        "kernel_size",
        "padding",
        "same",
        "p",
        "$a",
        "format",
        "task",
        "source",
        "optimizer",
        "relu",
        "u",
        "",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)
layer_like = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | anything},
    optional={
        "name": anything,
        "inputs": anything,
        "out_channels": anything,
        "kernel_size": anything,
        "padding": anything,
        "out_features": anything,
        "n": anything,
        "layers": anything,
        "unit": anything,
        "arguments": anything,
        "p": anything,
        "weight_initializer": anything,
        "shape": anything,
        "filters": anything,
        "activation": anything,
    },
)
document_like = st.fixed_dictionaries(
    {
        "format": st.just(1),
        "model": st.fixed_dictionaries(
            {"layers": st.lists(layer_like | anything, max_size=4) | anything},
            optional={
                "input": anything,
                "units": st.dictionaries(
                    WORDS,
                    st.fixed_dictionaries(
                        {"layers": st.lists(layer_like, max_size=3)}, optional={"arguments": anything}
                    )
                    | anything,
                    max_size=3,
                ),
            },
        )
        | anything,
    },
    optional={"name": anything, "task": anything, "data": anything, "training": anything, "expect": anything},
)


def check_any(raw: Any) -> None:
    """Assert what holds for every value: problems or a Document, never an exception, and fixes that can be applied."""
    before = json.dumps(raw, sort_keys=True)
    sections, problems = parse(raw)
    assert json.dumps(raw, sort_keys=True) == before, "the document was changed"
    assert (sections.document is None) == any(problem.severity == "error" for problem in problems)
    if sections.document is not None:
        text = dump(sections.document)
        assert dump(Document.model_validate(json.loads(text))) == text
        assert parse(json.loads(text))[1] == [problem for problem in problems if problem.severity == "error"]
    for problem in problems:
        resolve(raw, problem.pointer)
        for fix in problem.fixes:
            parse(apply(raw, fix.patch))


@given(anything)
@settings(max_examples=50, deadline=None)
def test_any_json_value_gives_problems_or_a_document(raw: Any) -> None:
    check_any(raw)


@given(document_like)
@settings(max_examples=50, deadline=None)
def test_anything_like_a_document_gives_problems_or_a_document(raw: Any) -> None:
    check_any(raw)


@pytest.mark.thorough
@given(document_like)
@settings(max_examples=3000, deadline=None)
def test_anything_like_a_document_thoroughly(raw: Any) -> None:
    check_any(raw)
