"""`key=value` overrides."""

from typing import Any

import pytest

from builder.overrides import apply
from schemas.errors import UsageError

DOCUMENT: dict[str, Any] = {
    "name": "a",
    "model": {"layers": [{"type": "Affine", "out_features": 3}, {"type": "ReLU"}]},
    "training": {"epochs": 20},
}


@pytest.mark.parametrize(
    ("text", "pointer", "expected"),
    [
        ("training.epochs=3", ("training", "epochs"), 3),
        ("training.optimizer.type=SGD", ("training", "optimizer"), {"type": "SGD"}),
        ('training.optimizer={"type": "SGD", "learning_rate": 1e-2}', ("training", "optimizer", "learning_rate"), 0.01),
        ("model.layers.0.out_features=8", ("model", "layers", 0, "out_features"), 8),
        ('model.layers.1={"type":"Tanh"}', ("model", "layers", 1, "type"), "Tanh"),
        ("name=b c=d", ("name",), "b c=d"),
        ('name="3"', ("name",), "3"),
        ("name=3", ("name",), 3),
        ("name=", ("name",), ""),
        ("name=null", ("name",), None),
        ("data.source.path=写真/a b.csv", ("data", "source", "path"), "写真/a b.csv"),
        ("training.learning_rate=NaN", ("training", "learning_rate"), "NaN"),
        ("name=" + "9" * 5000, ("name",), "9" * 5000),
        ("name=" + "[" * 100_000, ("name",), "[" * 100_000),
    ],
)
def test_sets_a_field(text: str, pointer: tuple[str | int, ...], expected: Any) -> None:
    here: Any = apply(DOCUMENT, [text])
    for step in pointer:
        here = here[step]
    assert expected == here
    assert DOCUMENT["training"] == {"epochs": 20}
    assert DOCUMENT["name"] == "a"


def test_a_mapping_sets_values_as_they_are() -> None:
    assert apply(DOCUMENT, {"training.epochs": 3, "name": "3"}) == {**DOCUMENT, "training": {"epochs": 3}, "name": "3"}
    assert apply(DOCUMENT, None) == DOCUMENT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training.epochs", "write it as path=value"),
        ("=3", "write it as path=value"),
        ("name.first=x", 'name is "a", which has no fields'),
        ("name.first.second=x", 'name is "a", which has no fields'),
        ("model.layers.2.type=x", "model.layers.2 is none of the 2 items"),
        ("model.layers.-1.type=x", "none of the 2 items"),
        ("model.layers.ReLU=x", "none of the 2 items"),
        ("model.layers.9999999999=x", "none of the 2 items"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply(DOCUMENT, [text])
    assert message in str(caught.value)
