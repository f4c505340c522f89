"""Writing documents: nothing changes, lines stay short, diffs stay small."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from builder.report.document import diff, write_like
from schemas.document import dump

ROOT = Path(__file__).parents[3]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
@settings(max_examples=50, deadline=None)
def test_what_is_written_reads_the_same(value: dict[str, Any]) -> None:
    assert value == json.loads(dump(value))


def test_examples_are_in_this_style() -> None:
    for path in ROOT.glob("examples/*.json"):
        text = path.read_text(encoding="utf-8")
        assert text == dump(json.loads(text)), path.name


@pytest.mark.parametrize("indent", [2, 4, "\t", 1])
def test_a_fix_changes_only_its_own_lines(indent: int | str) -> None:
    before = {"name": "ü", "model": {"layers": [{"type": "Relu"}, {"type": "Tanh"}]}}
    after = {"name": "ü", "model": {"layers": [{"type": "ReLU"}, {"type": "Tanh"}]}}
    text = json.dumps(before, indent=indent, ensure_ascii=False)
    changed = [line for line in diff(text, write_like(after, before, text), "a.json").splitlines() if line[0] in "+-"]
    assert [line.strip("+- \t") for line in changed[2:]] == ['"type": "Relu"', '"type": "ReLU"']


def test_no_difference_is_an_empty_diff() -> None:
    assert diff("a\n", "a\n", "a.json") == ""
