"""What the product says of layers, settings, problems and data is there in every language."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder.ui.texts import LANGUAGES, texts
from builder.ui.texts.translate import SAID, catalogue
from schemas.document import Document
from schemas.layer import REGISTRY
from schemas.model import Repeat, RepeatHead, Unit
from schemas.words import schema_of

OTHERS = set(LANGUAGES) - {"en"}
FILES = sorted(SAID.glob("**/*.json"))
LAYERS = {
    **{name: (one.cls, one.cls) for name, one in REGISTRY.items()},
    "Repeat": (Repeat, RepeatHead),
    "Unit": (Unit, Unit),
}


def descriptions(schema: Any, field: bool = False) -> Iterator[str]:
    """Yield the description of every field, however deep; whole objects have docstrings, which nobody is shown."""
    if isinstance(schema, dict):
        if isinstance(schema.get("description"), str) and (field or schema.get("type") != "object"):
            yield schema["description"]
        for key, part in schema.items():
            if key == "properties":
                for one in part.values():
                    yield from descriptions(one, field=True)
            else:
                yield from descriptions(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from descriptions(part)


def sentence(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def missing(wanted: Iterator[str] | list[str]) -> list[str]:
    return sorted({one for one in wanted if set(catalogue().get(one, {})) != OTHERS})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SAID).as_posix())
def test_each_sentence_is_there_in_every_language(path: Path) -> None:
    for english, others in json.loads(path.read_text(encoding="utf-8")).items():
        assert set(others) == OTHERS, english
        assert all(one.strip() for one in others.values()) or not english.strip(), english


def test_one_sentence_has_one_translation() -> None:
    seen: dict[str, tuple[str, dict[str, str]]] = {}
    for path in FILES:
        for english, others in json.loads(path.read_text(encoding="utf-8")).items():
            other, before = seen.setdefault(english, (path.name, others))
            assert before == others, f"{path.name} and {other} translate differently: {english}"


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_layer_and_each_of_its_fields_is_there_in_every_language(name: str) -> None:
    told, fields = LAYERS[name]
    schema = schema_of(fields)
    assert [] == missing([sentence(told), *descriptions(schema)]), (
        "Add these to a file in builder/ui/texts/said/layers/, each with its Japanese and German (see CONTRIBUTING.md)"
    )
    labels = {f"build.field.{field}" for field in schema["properties"] if field not in ("type", "name", "inputs")}
    assert set() == labels - set(texts()), "Add these to builder/ui/texts/fields.json"


def test_every_example_is_described_in_every_language() -> None:
    examples = sorted((Path(__file__).parents[2] / "examples").glob("*.json"))
    told = [json.loads(path.read_text(encoding="utf-8")).get("description", "") for path in examples]
    assert [] == missing([one for one in told if one]), "Add these to builder/ui/texts/said/examples.json"


def test_every_setting_of_the_document_is_there_in_every_language() -> None:
    assert [] == missing(descriptions(schema_of(Document)))


def test_what_is_refused_is_said_in_the_persons_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the check's problems, but exceptions: a full disk, a lock that is held, a run that is gone."""
    from builder.training import durable
    from builder.training.lock import Lock
    from builder.ui.shelf import Shelf
    from builder.ui.texts.translate import read, said
    from schemas.errors import TsumikiError
    from schemas.say import message, written

    def refusals() -> Iterator[TsumikiError]:
        yield durable.failure(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "x")
        for act in (
            lambda: durable.require(tmp_path, 2**60, "a run"),
            lambda: Lock(tmp_path).acquire(),
            lambda: Shelf(tmp_path).folder("runs/a/1"),
        ):
            with pytest.raises(TsumikiError) as caught:
                act()
            yield caught.value

    with Lock(tmp_path):
        for error in refusals():
            english = message(error)
            for language in OTHERS:
                other = said(english, language)
                assert other != english and ("runs/a/1" in other or str(tmp_path) in other), (language, other)
                assert other == read(str(english), written(english), language), "and from a file, as a trainer's"
    assert "Platz" in said(message(next(refusals())), "de") and "No space" not in said(message(next(refusals())), "de")
