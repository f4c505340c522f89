"""The document as a model, and as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from schemas.document import Document, dump, parse, plain
from schemas.errors import DocumentError
from schemas.layers.affine import Affine
from schemas.layers.convolution import Convolution
from schemas.migrate import FORMAT, MIGRATIONS
from schemas.model import Model, Repeat
from schemas.reader import read_text
from schemas.training import Adam, Training

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    raw = read_text(path.read_bytes())
    sections, problems = parse(raw)
    assert problems == []
    document = Document.model_validate(raw)
    assert sections.document == document
    text = dump(document)
    again = Document.model_validate(read_text(text))
    assert again == document and dump(again) == text
    assert json.loads(dump(raw)) == raw


def test_a_document_made_in_python() -> None:
    document = Document(
        name="small",
        model=Model(layers=[Convolution(out_channels=4, kernel_size=3), Repeat(n=2, layers=[Affine(out_features=8)])]),
        training=Training(epochs=3, optimizer=Adam(learning_rate=0.01)),
    )
    text = dump(document)
    assert text == (
        "{\n"
        '  "format": 1,\n'
        '  "name": "small",\n'
        '  "model": {\n'
        '    "layers": [\n'
        '      {"type": "Convolution", "out_channels": 4, "kernel_size": [3, 3]},\n'
        '      {"type": "Repeat", "n": 2, "layers": [{"type": "Affine", "out_features": 8}]}\n'
        "    ]\n"
        "  },\n"
        '  "training": {"epochs": 3, "optimizer": {"type": "Adam", "learning_rate": 0.01}}\n'
        "}\n"
    )
    assert parse(read_text(text))[1] == []
    assert plain(document)["training"]["optimizer"]["type"] == "Adam"


def test_a_document_is_not_changed_by_accident() -> None:
    document = Document.model_validate({"format": 1, "model": {"layers": [{"type": "ReLU"}]}})
    with pytest.raises(ValidationError):
        document.name = "other"


def test_lines_are_short() -> None:
    layer = {"type": "Concatenate", "inputs": [f"a layer with a rather long name, number {i}" for i in range(9)]}
    raw = {"format": 1, "name": "数字", "model": {"layers": [layer]}, "empty": [{}, []]}
    text = dump(raw)
    assert max(map(len, text.splitlines())) <= 120
    assert "数字" in text and text.endswith("}\n") and json.loads(text) == raw


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
            max_leaves=15,
        ),
    )
)
def test_any_json_object_survives_dump(raw: dict[str, object]) -> None:
    text = dump(raw)
    assert read_text(text) == raw and dump(read_text(text)) == text


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "\ud800", object(), 10**1000])
def test_what_json_cannot_say_is_not_written(odd: object) -> None:
    with pytest.raises(DocumentError):
        dump({"format": 1, "x": odd})


NAMES = ["digits", "手書き 数字", "a.b", "é", "x" * 60, "v2 (final)"]
NO_NAMES = [
    "",
    "..",
    ".hidden",
    "-rf",
    "~",
    " x",
    "a/b",
    "a\\b",
    "C:x",
    "a\x00",
    "a\nb",
    "x" * 61,
    "a*",
    "a?",
    'a"b',
    "<a>",
]


def test_names_are_safe_folder_names() -> None:
    for name in NAMES:
        assert parse({"format": 1, "name": name, "model": {"layers": [{"type": "ReLU"}]}})[1] == []
        assert len(name.encode()) <= 240
    for name in NO_NAMES:
        (problem,) = parse({"format": 1, "name": name, "model": {"layers": [{"type": "ReLU"}]}})[1]
        assert (problem.code, problem.pointer) == ("wrong_value", "/name")


def test_every_older_format_has_its_migration() -> None:
    assert sorted(MIGRATIONS) == list(range(1, FORMAT))
