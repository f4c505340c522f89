"""What is generated is up to date, and the JSON Schema says what the models say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from schemas.document import Document, dump
from schemas.generate import json_schema, layers_page, main, outputs
from schemas.layer import REGISTRY, Layer

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.json"))


def test_the_files_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.generate.ROOT", ROOT)  # the installed package has no docs beside it
    assert main(["--check"]) == 0, "run python -m schemas.generate"


def test_drift_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("schemas.generate.ROOT", tmp_path)
    (tmp_path / "schemas").mkdir()
    assert main(["--check"]) == 1
    assert "run python -m schemas.generate" in capsys.readouterr().err
    assert main([]) == 0 and main(["--check"]) == 0
    assert all(path.read_text(encoding="utf-8") == text for path, text in outputs().items())


def test_every_layer_has_its_place_on_the_page() -> None:
    page = layers_page()
    for kind, registration in REGISTRY.items():
        section = page.split(f"\n### {kind}\n")[1].split("\n### ")[0]
        for name, field in registration.cls.model_fields.items():
            if name not in Layer.model_fields:
                assert f"| `{name}` |" in section
                assert field.description, f"{kind}.{name} has no description"


def matches(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Validate the part of JSON Schema that Pydantic writes."""
    if "$ref" in schema and not matches(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(matches(value, part, root) for part in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(matches(value, part, root) for part in schema["oneOf"]) != 1:
        return False
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
        "number": int | float,
    }  # fmt: skip
    kind = schema.get("type")
    if kind and (not isinstance(value, kinds[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
            return False
        return "pattern" not in schema or re.search(schema["pattern"], value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (
            schema.get("minimum", value) <= value <= schema.get("maximum", value)
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        )
    if isinstance(value, list):
        prefix = schema.get("prefixItems", [])
        items = [*prefix, *[schema.get("items", {})] * (len(value) - len(prefix))]
        fits = all(matches(part, one, root) for part, one in zip(value, items, strict=False))
        return fits and schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        patterns = schema.get("patternProperties", {})
        for name, part in value.items():
            found = [known[name]] if name in known else [s for p, s in patterns.items() if re.search(p, name)]
            if not found and others is False:
                return False
            found = found or ([others] if isinstance(others, dict) else [])
            if not all(matches(part, one, root) for one in found):
                return False
        return all(name in value for name in schema.get("required", ()))
    return True


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_fit_the_schema(path: Path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    root = json_schema()
    assert matches(raw, root, root)
    assert matches(json.loads(dump(Document.model_validate(raw))), root, root)


def with_layer(**fields: Any) -> dict[str, Any]:
    return {"format": 1, "name": "x", "model": {"layers": [fields]}}


FITS = [
    with_layer(type="Convolution", out_channels=1, kernel_size=3, padding="same", weight_initializer="he_normal"),
    with_layer(type="Convolution", out_channels=1, kernel_size=[3, 5], stride=2, weight_initializer={"type": "zeros"}),
    with_layer(type="Repeat", n=2, layers=[{"type": "ReLU"}]),
    with_layer(type="Unit", unit="u", arguments={"a": 1}),
    {**with_layer(type="ReLU"), "data": {"source": {"type": "builtin", "name": "digits"}, "test": 0.5}},
    {
        "format": 1,
        "model": {
            "layers": [{"type": "Unit", "unit": "u"}],
            "units": {"u": {"arguments": {"c": 3}, "layers": [{"type": "Affine", "out_features": "$c"}]}},
        },
    },
]
FAILS = [
    with_layer(type="Convolution"),
    with_layer(type="Conv2d", out_channels=1),
    with_layer(out_channels=1),
    with_layer(type="Affine", out_features="$c"),
    with_layer(type="Affine", out_features=1, filters=3),
    with_layer(type="Convolution", out_channels=1, kernel_size=[3, 3, 3]),
    with_layer(type="Repeat", n=1001, layers=[{"type": "ReLU"}]),
    {**with_layer(type="ReLU"), "training": {"optimizer": {"type": "adam"}}},
    {**with_layer(type="ReLU"), "name": "../x"},
    {"name": "x", "model": {"layers": [{"type": "ReLU"}]}},
]


def test_the_schema_takes_what_the_models_take() -> None:
    root = json_schema()
    assert [raw for raw in FITS if not matches(raw, root, root)] == []
    assert [raw for raw in FAILS if matches(raw, root, root)] == []
    for raw in FITS:
        Document.model_validate(raw)


def test_every_field_says_what_it_is() -> None:
    root = json_schema()
    for kind, definition in {"Document": root, **root["$defs"]}.items():
        for name, field in definition.get("properties", {}).items():
            texts = [field.get("description"), *(part.get("description") for part in field.get("anyOf", ()))]
            assert name == "type" or any(texts) or "$ref" in field, f"{kind}.{name}"
