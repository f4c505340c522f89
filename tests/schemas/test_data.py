"""The data section: what is accepted, what is refused and where."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from schemas.data import Data

DIGITS = {"type": "builtin", "name": "digits"}

GOOD = [
    {"source": DIGITS},
    {"source": DIGITS, "validation": 0, "test": 0},
    {"source": {"type": "idx", "images": "x", "labels": "y"}, "test": {"type": "idx", "images": "a", "labels": "b"}},
    {"source": {"type": "csv", "path": "表 1.csv", "target": ["a", "b"], "delimiter": "\t", "encoding": "cp932"}},
    {"source": {"type": "folder", "path": "../学習", "channels": 3, "outside": True}, "on_error": "skip"},
    {"source": {"type": "npz", "path": "d.npz", "x": "x_train", "y": "y_train", "layout": "NHWC"}, "seed": 3},
    {"source": DIGITS, "preprocessing": [{"type": "Resize", "size": 8}, {"type": "Grayscale"}, {"type": "Scale"}]},
    {"source": DIGITS, "preprocessing": [{"type": "Normalize", "mean": 0.5, "std": [0.25]}], "stratify": False},
    {"source": DIGITS, "augmentation": [{"type": t} for t in ("Flip", "Shift", "Crop", "Rotate")]},
    {"source": DIGITS, "classes": ["a", "b"]},
]


@pytest.mark.parametrize("content", GOOD)
def test_it_survives_json(content):
    data = Data.model_validate(content)
    assert Data.model_validate(json.loads(data.model_dump_json())) == data


BAD = [
    ({}, "source"),
    ({"source": {"type": "pickle", "path": "x"}}, "source"),
    ({"source": {"type": "builtin", "name": "mnist"}}, "source/builtin/name"),
    ({"source": {"type": "csv", "path": ""}}, "source/csv/path"),
    ({"source": {"type": "csv", "path": "a\0b"}}, "source/csv/path"),
    ({"source": {"type": "csv", "path": "a", "outside": 1}}, "source/csv/outside"),
    ({"source": {"type": "folder", "path": "a", "channels": 4}}, "source/folder/channels"),
    ({"source": DIGITS, "test": "0.2"}, "test/fraction"),
    ({"source": DIGITS, "test": True}, "test/fraction"),
    ({"source": DIGITS, "test": 1.0}, "test/fraction"),
    ({"source": DIGITS, "test": -0.1}, "test/fraction"),
    ({"source": DIGITS, "test": float("nan")}, "test/fraction"),
    ({"source": DIGITS, "test": 0.5, "validation": 0.5}, ""),
    ({"source": DIGITS, "test": {"type": "npz"}}, "test/source/npz/path"),
    ({"source": DIGITS, "seed": -1}, "seed"),
    ({"source": DIGITS, "seed": 1.5}, "seed"),
    ({"source": DIGITS, "sede": 1}, "sede"),
    ({"source": DIGITS, "classes": ["a"]}, "classes"),
    ({"source": DIGITS, "classes": ["a", "a"]}, ""),
    ({"source": DIGITS, "on_error": "ignore"}, "on_error"),
    ({"source": DIGITS, "preprocessing": [{"type": "Scale", "factor": 0.0}]}, "preprocessing/0/Scale"),
    ({"source": DIGITS, "preprocessing": [{"type": "Scale", "factor": 1.0, "range": [0, 1]}]}, "preprocessing/0/Scale"),
    ({"source": DIGITS, "preprocessing": [{"type": "Scale", "range": [1, 0]}]}, "preprocessing/0/Scale"),
    ({"source": DIGITS, "preprocessing": [{"type": "Resize", "size": 0}]}, "preprocessing/0/Resize/size/0"),
    ({"source": DIGITS, "preprocessing": [{"type": "Normalize", "std": 0}]}, "preprocessing/0/Normalize/std/0"),
    ({"source": DIGITS, "preprocessing": [{"type": "Exec"}]}, "preprocessing/0"),
    ({"source": DIGITS, "augmentation": [{"type": "Flip", "p": 2}]}, "augmentation/0/Flip/p"),
    ({"source": DIGITS, "augmentation": [{"type": "Rotate", "degrees": 400}]}, "augmentation/0/Rotate/degrees"),
    ({"source": DIGITS, "augmentation": [{"type": "Shift", "pixels": -1}]}, "augmentation/0/Shift/pixels/0"),
    ({"source": DIGITS, "augmentation": [{"type": "Flip"}] * 101}, "augmentation"),
]


@pytest.mark.parametrize(("content", "place"), BAD)
def test_mistakes_are_found_where_they_are(content, place):
    with pytest.raises(ValidationError) as caught:
        Data.model_validate(content)
    assert place in ["/".join(map(str, error["loc"])) for error in caught.value.errors()]


def test_every_field_says_what_it_is():
    schema = Data.model_json_schema()
    for kind, definition in {"Data": schema, **schema["$defs"]}.items():
        assert definition.get("description"), kind
        for name, field in definition["properties"].items():
            assert name == "type" or field.get("description"), f"{kind}.{name}"
