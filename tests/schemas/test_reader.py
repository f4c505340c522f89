"""Reading JSON: what people get told about text that is none. Hostile documents are in tests/hostile/documents."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from schemas.errors import DocumentError, UsageError
from schemas.patch import apply
from schemas.reader import inspect, read_file, read_text, scan_text

TEXTS = [
    ('{"a": 1,\n "b": 2,}', "Line 2, column 9", "comma"),
    ('{"a": 1\n "b": 2}', "Line 2, column 2", "comma or a closing bracket is missing"),
    ('{"a" 1}', "Line 1, column 6", "colon"),
    ("{'a': 1}", "Line 1, column 2", "double quotes"),
    ('{"a": True}', "Line 1, column 7", "value is missing"),
    ('{"a": 1} {}', "Line 1, column 10", "ended already"),
    ('{"a": "x\ny"}', "Line 1, column 9", "line break"),
    ('{"a": "x', "Line 1, column 7", "closing quote"),
    ('{"a": "C:\\data"}', "Line 1, column 10", "backslash"),
    ('{"a": 1 // one\n}', "Line 1, column 9", "comments"),
    ('{"a": # one\n1}', "Line 1, column 7", "comments"),
    ('{"a": ', "Line 1, column 7", "value is missing"),
]


@pytest.mark.parametrize(("text", "place", "meaning"), TEXTS)
def test_it_says_where_and_what(text: str, place: str, meaning: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_text(text)
    (problem,) = caught.value.problems
    assert problem.code == "not_json"
    assert place in problem.what
    assert meaning in problem.what
    assert place in str(caught.value)


def test_all_of_a_texts_problems_are_listed() -> None:
    text = '{"a": 1, "a": 2, "b": NaN, "c": {"d": "\\ud800", "d": 3}, "e": -Infinity, "f": ' + "1" * 500 + "}"
    with pytest.raises(DocumentError) as caught:
        read_text(text)
    found = sorted((problem.code, problem.pointer) for problem in caught.value.problems)
    assert found == [
        ("duplicate_key", "/a"), ("duplicate_key", "/c/d"), ("not_json", "/b"), ("not_json", "/e"),
        ("wrong_value", "/f"),
    ]  # fmt: skip


def test_a_duplicate_key_is_mended_by_keeping_one() -> None:
    scan = scan_text('{"model": {"n": 1, "n": 2, "n": 3}}')
    (problem,) = scan.problems
    assert problem.what == 'The key "n" stands 3 times in the same object.'
    assert [apply(scan.raw, fix.patch) for fix in problem.fixes] == [{"model": {"n": 3}}, {"model": {"n": 1}}]
    assert [fix.title for fix in problem.fixes] == ["Keep the last: 3", "Keep the first: 1"]


def test_numbers_keep_their_value() -> None:
    assert read_text('{"a": 123456789012345678901234567890, "b": 1.0, "c": -0, "d": 1e3}') == {
        "a": 123456789012345678901234567890, "b": 1.0, "c": 0, "d": 1000.0,
    }  # fmt: skip


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_any_json_object_is_read_as_it_is(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert read_text(text) == read_text(text.encode()) == inspect(value)[0] == value


@given(st.binary() | st.text())
def test_any_other_text_is_refused_by_our_error(text: str | bytes) -> None:
    try:
        assert isinstance(read_text(text), dict)
    except DocumentError as error:
        assert error.problems


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "手書き 数字.json"
    path.write_text('{"format": 1, "name": "数字"}', encoding="utf-8")
    assert read_file(path) == read_file(str(path)) == {"format": 1, "name": "数字"}
    with pytest.raises(UsageError, match=r"Did you mean .*手書き 数字\.json"):
        read_file(tmp_path / "手書き数字.json")
    with pytest.raises(UsageError, match="folder"):
        read_file(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_file("a\0b")
    with pytest.raises(UsageError, match="There is no file"):
        read_file(tmp_path / "none" / "none.json")
    path.write_text('{"format": 1', encoding="utf-8")
    with pytest.raises(DocumentError, match=r"手書き 数字\.json"):
        read_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UsageError, match="no ordinary file"):
        read_file(tmp_path / "pipe.json")
