"""Files of JSON lines that grow, are cut, and are written anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from builder.ui import tail


def write(path: Path, *values: object, mode: str = "a") -> None:
    with path.open(mode, encoding="utf-8") as file:
        file.writelines(json.dumps(value) + "\n" for value in values)


def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.jsonl"
    assert [] == tail.rows(path)
    write(path, {"a": 1}, {"a": 2})
    assert [{"a": 1}, {"a": 2}] == tail.rows(path)
    read = []
    monkeypatch.setattr(tail.json, "loads", lambda line: read.append(line) or {"new": len(read)})
    write(path, {"a": 3})
    assert [{"a": 1}, {"a": 2}, {"new": 1}] == tail.rows(path)
    assert [{"a": 1}, {"a": 2}, {"new": 1}] == tail.rows(path)
    assert [b'{"a": 3}'] == read


def test_a_line_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, {"a": 1})
    with path.open("a") as file:
        file.write('{"a": ')
    assert [{"a": 1}] == tail.rows(path)
    with path.open("a") as file:
        file.write("2}\nno json\n[3]\n")
    assert [{"a": 1}, {"a": 2}] == tail.rows(path)


def test_a_resumed_run_cuts_its_file_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, {"a": 1}, {"a": 2}, {"a": 3})
    tail.rows(path)
    write(path, {"a": 1}, {"b": 2}, {"b": 3}, {"b": 4}, mode="w")
    assert [{"a": 1}, {"b": 2}, {"b": 3}, {"b": 4}] == tail.rows(path)
    path.unlink()
    assert [] == tail.rows(path)
    write(path, {"c": 1})
    assert [{"c": 1}] == tail.rows(path)


def test_the_list_is_the_callers_own(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, {"a": 1})
    tail.rows(path).clear()
    assert [{"a": 1}] == tail.rows(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["grow", "cut", "anew"]), st.integers(0, 4)), max_size=12))
def test_however_it_changes_the_file_is_what_a_fresh_look_reads(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "metrics.jsonl"
    lines: list[object] = []
    for number, (kind, count) in enumerate(changes):
        if kind == "cut":
            lines = lines[: len(lines) // 2]
        elif kind == "anew":
            lines = []
        lines += [{"n": number, "k": k} for k in range(count)]
        write(path, *lines, mode="w")
        assert lines == tail.rows(path)
