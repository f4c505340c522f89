"""Layers are imported when a document names them, and not before."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any, Literal

import pytest

from schemas.document import Document
from schemas.layer import REGISTRY, Layer, layer
from schemas.layers import MODULES

AFFINE = {"type": "Affine", "out_features": 3}
LOADED = """
import sys
from schemas.document import parse
layers = [{"type": "Affine", "out_features": 3}, {"type": "Repeat", "n": 2, "layers": [{"type": "ReLU"}]}]
sections, problems = parse({"format": 1, "model": {"input": [4], "layers": layers}})
assert not problems, problems
print(*sorted(name for name in sys.modules if name.startswith("schemas.layers.")))
"""
NAMED = """
import sys
from schemas.layer import REGISTRY
print(len(list(REGISTRY)), "GELU" in REGISTRY, "schemas.layers.gelu" in sys.modules)
"""


@pytest.mark.parametrize("kind", MODULES)
def test_the_table_names_the_file_that_registers_the_layer(kind: str) -> None:
    module = import_module(f"schemas.layers.{MODULES[kind]}")
    assert REGISTRY[kind].cls is getattr(module, kind)


def test_a_document_imports_only_its_layers() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert ["schemas.layers.affine", "schemas.layers.relu"] == done.stdout.split()


def test_to_name_the_layers_imports_none() -> None:
    done = subprocess.run([sys.executable, "-c", NAMED], check=True, capture_output=True, text=True)
    assert [str(len(MODULES)), "True", "False"] == done.stdout.split()


def test_a_name_of_the_product_is_taken_before_its_file_is_imported() -> None:
    class Mine(Layer):
        type: Literal["GELU"] = "GELU"

    with pytest.raises(ValueError, match="'GELU' is registered already, by GELU"):
        layer(category="Activation", onnx=None, nnc=None, since=1)(Mine)


def test_what_is_no_layer_is_not_in_the_registry() -> None:
    assert "Nonsense" not in REGISTRY
    assert REGISTRY.get("Nonsense") is None


def test_the_whole_document_tells_a_wrong_layer_with_its_place() -> None:
    layers: list[dict[str, Any]] = [AFFINE, {"type": "Repeat", "n": 2, "layers": [{**AFFINE, "out_features": 0}]}]
    with pytest.raises(ValueError) as failure:
        Document.model_validate({"model": {"input": [4], "layers": layers}})
    found = [(error["loc"], error["type"]) for error in failure.value.errors()]  # type: ignore[attr-defined]  # Pydantic's
    place = ("model", "layers", 1, "Repeat", "layers", 0, "Affine", "out_features")
    assert [(place, "greater_than_equal")] == found


def test_a_document_is_written_as_it_was_read() -> None:
    raw = {"model": {"input": [4], "layers": [AFFINE, {"type": "Repeat", "n": 2, "layers": [{"type": "ReLU"}]}]}}
    made = Document.model_validate(raw)
    assert made == Document.model_validate(made.model_dump())
    assert raw["model"]["layers"] == made.model_dump(exclude_unset=True)["model"]["layers"]
