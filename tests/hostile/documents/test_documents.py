"""Bad documents are refused with our own errors, within a second, and without building what they claim.

A file `<code>.<what>.json` must give a problem of that code. What is too long for a file is made below.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from schemas.document import parse
from schemas.errors import DocumentError, Problem
from schemas.reader import MOST_BYTES, read_file, read_text, scan_text

CORPUS = sorted(Path(__file__).parent.glob("*.json"))
SECONDS = 2.0
"""Of this process, some three times what a quiet machine takes; what grows with the square takes far longer."""
BYTES = 100 * 2**20
"""What a refusal may take at most; a document of the largest allowed size is parsed within it."""

T = TypeVar("T")

START = '{"format": 1, "model": {"layers": ['


def problems_of(read: Callable[[], Any]) -> tuple[Problem, ...]:
    """Return the errors of a document, read as every command reads it."""
    try:
        raw = read()
    except DocumentError as error:
        return error.problems
    return tuple(problem for problem in parse(raw)[1] if problem.severity == "error")


def soon(action: Callable[[], T]) -> T:
    """Return the action's result; fail where it takes longer than SECONDS of this process's time, three times over.

    A bound against hanging, not a benchmark: a busy machine may be slow once.
    """
    spent = []
    for _ in range(3):
        started = time.process_time()
        result = action()
        spent.append(time.process_time() - started)
        if spent[-1] < SECONDS:
            return result
    raise AssertionError(f"took {spent} seconds")


def proper(problems: tuple[Problem, ...]) -> None:
    """Assert that a person can act on the problems, and a terminal and JSON can show them."""
    assert problems
    for problem in problems:
        assert problem.code and problem.what
        assert len(problem.what) < 1200, "a message is not as long as what it complains about"
        assert all(c.isprintable() for c in problem.what + problem.why)
        (problem.what + problem.why + problem.pointer).encode("utf-8")
        assert "Input should" not in problem.what, "Pydantic's jargon"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_bad_documents_are_refused(path: Path) -> None:
    problems = soon(lambda: problems_of(lambda: read_file(path)))
    proper(problems)
    assert path.name.split(".")[0] in [problem.code for problem in problems]


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 45


MEMORY = ("empty lists", "lists in lists", "eight million digits", "more layers than there may be", "a name of 8 MB")


def nested(levels: int) -> str:
    return START + '{"type": "Repeat", "n": 1000, "layers": [' * levels + '{"type": "ReLU"}' + "]}" * levels + "]}}"


LAYER = START + '{"type": "ReLU"'
SIZE = START + '{"type": "Affine", "out_features": '
LARGE: dict[str, tuple[str, Callable[[], str | bytes]]] = {
    "one byte too many": ("too_large", lambda: " " * (MOST_BYTES + 1)),
    "lists in lists": ("too_deep", lambda: "[" * 150_000),
    "objects in objects": ("too_deep", lambda: '{"a":' * 150_000),
    "millions of lists": ("too_large", lambda: "[" * 8_000_000),
    "empty lists": ("too_large", lambda: START + "[]," * 2_000_000 + "[]]}}"),
    "empty objects": ("too_large", lambda: START + "{}," * 2_000_000 + "{}]}}"),
    "two million ones": ("too_large", lambda: START + "1," * 2_000_000 + "1]}}"),
    "more layers than there may be": ("too_large", lambda: START + "1," * 150_000 + "1]}}"),
    "wrong layer types": ("unknown_type", lambda: START + ",".join(['{"type": "Convolutoin"}'] * 9_999) + "]}}"),
    "wrong fields": ("unknown_field", lambda: LAYER + "".join(f',"{i}":0' for i in range(190_000)) + "}]}}"),
    "the same key": ("duplicate_key", lambda: LAYER + ',"a":0' * 190_000 + "}]}}"),
    "many keys twice": ("duplicate_key", lambda: LAYER + "".join(f',"{i}":0' for i in range(90_000)) * 2 + "}]}}"),
    "eight million digits": ("wrong_value", lambda: SIZE + "9" * 8_000_000 + "}]}}"),
    "eight million decimals": ("wrong_type", lambda: SIZE + "0." + "9" * 8_000_000 + "}]}}"),
    "a name of 8 MB": ("wrong_value", lambda: '{"format": 1, "name": "' + "n" * 8_000_000 + '"}'),
    "a type of 8 MB": ("unknown_type", lambda: START + '{"type": "' + "n" * 8_000_000 + '"}]}}'),
    "a field of 8 MB": ("unknown_field", lambda: LAYER + ', "' + "n" * 8_000_000 + '": 1}]}}'),
    "8 MB of surrogates": ("not_json", lambda: '{"format": 1, "name": "' + "\\ud800" * 1_000_000 + '"}'),
    "8 MB of quotes": ("not_json", lambda: '"' * 8_000_000),
    "8 MB of zero bytes": ("not_json", lambda: b"\0" * 8_000_000),
    "8 MB of line breaks": ("not_json", lambda: "\n" * 8_000_000 + "x"),
    "Repeat in Repeat in ...": ("too_deep", lambda: nested(100)),
    "columns of numbers": (
        "wrong_type",
        lambda: LAYER + '}]}, "data": {"source": {"type": "csv", "path": "x", "columns": [' + "1," * 190_000 + "1]}}}",
    ),
    "weights below zero": (
        "wrong_value",
        lambda: LAYER + '}]}, "training": {"class_weights": [' + "-1," * 190_000 + "-1]}}",
    ),
    "many units": (
        "too_large",
        lambda: LAYER + '}], "units": {' + ",".join(f'"u{i}": {{"layers": [{{}}]}}' for i in range(40_000)) + "}}}",
    ),
    "units of wrong layers": (
        "unknown_type",
        lambda: LAYER + '}], "units": {' + ",".join(
            f'"u{i}": {{"layers": [{{"type": "x"}}, {{"type": "Unit", "unit": "u{i + 1}", "arguments": {{"a": 1}}}}]}}'
            for i in range(1000)
        ) + "}}}",
    ),
    "many uses of a large unit": (
        "wrong_value",
        lambda: START + ",".join(f'{{"type": "Unit", "unit": "u", "arguments": {{"a": -{i}}}}}' for i in range(9_000))
        + '], "units": {"u": {"arguments": {"a": 1}, "layers": ['
        + ",".join(['{"type": "Affine", "out_features": "$a"}'] * 9_000) + "]}}}}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_documents_cost_little(name: str) -> None:
    code, make = LARGE[name]
    text = make()
    problems = soon(lambda: problems_of(lambda: read_text(text)))
    proper(problems)
    assert code in [problem.code for problem in problems]


@pytest.mark.parametrize("name", MEMORY)
def test_large_documents_take_little_memory(name: str) -> None:
    text = LARGE[name][1]()
    tracemalloc.start()
    try:
        problems_of(lambda: read_text(text))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < BYTES


def test_nested_repeats_are_not_expanded_while_they_are_read() -> None:
    text = nested(20)
    sections, problems = soon(lambda: parse(read_text(text)))
    assert problems == []
    assert sections.layers[0].n == 1000


def test_units_that_use_each_other_twice_are_not_expanded_while_they_are_read() -> None:
    units = {f"u{i}": {"layers": [{"type": "Unit", "unit": f"u{i + 1}"}] * 2} for i in range(60)}
    units["u60"] = {"layers": [{"type": "Unit", "unit": "u0"}, {"type": "ReLU"}]}
    document = {"format": 1, "model": {"layers": [{"type": "Unit", "unit": "u0"}], "units": units}}
    _, problems = soon(lambda: parse(document))
    assert problems == []


def test_a_list_that_holds_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    _, problems = parse({"format": 1, "model": {"layers": loop}})
    assert [problem.code for problem in problems] == ["too_deep"]


def test_what_is_shared_is_counted_as_often_as_it_stands_there() -> None:
    value: Any = [1]
    for _ in range(60):
        value = [value, value]
    _, problems = soon(lambda: parse({"format": 1, "model": {"input": value}}))
    assert [problem.code for problem in problems] == ["too_large"]


@pytest.mark.parametrize("odd", [object(), {1, 2}, b"bytes", 1j, range(3), parse, type, Path("x")])
def test_python_objects_are_no_documents(odd: Any) -> None:
    _, problems = parse({"format": 1, "model": {"layers": [{"type": "ReLU", "trainable": odd}]}})
    assert [(problem.code, problem.pointer) for problem in problems] == [("not_json", "/model/layers/0/trainable")]
    assert parse(odd)[1][0].code == "not_json"


def test_windows_mark_before_utf_8_is_passed_over() -> None:
    assert scan_text(b'\xef\xbb\xbf{"format": 1}').raw == {"format": 1}
