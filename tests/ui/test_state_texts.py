"""Every text is there in every language, and every text that the code names is there."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest

from builder.ui.texts import FOLDER, LANGUAGES, text, texts

UI = Path(FOLDER).parent
SOURCES = sorted(UI.glob("**/*.py"))
CALLS = re.compile(r'\btext\(\s*"([a-z_]+(?:\.[A-Za-z0-9_]+)+)"')
NOTICES = re.compile(r'Refused\(\s*"(notice\.[a-z_]+)"')


def places(said: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(said) if name}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_every_text_is_there_in_every_language(path: Path) -> None:
    for key, said in json.loads(path.read_text(encoding="utf-8")).items():
        assert set(LANGUAGES) == set(said), key
        assert all(one.strip() for one in said.values()), key
        wanted = places(said["en"])
        assert all(places(one) == wanted for one in said.values()), f"{key}: other values are filled in"


def test_no_key_stands_in_two_files() -> None:
    keys = [key for path in FOLDER.glob("*.json") for key in json.loads(path.read_text(encoding="utf-8"))]
    assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(UI).as_posix())
def test_every_text_that_code_names_is_there(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    named = {*CALLS.findall(source), *NOTICES.findall(source)}
    assert set() == named - set(texts())


def test_a_text_falls_back_to_english_and_to_its_key() -> None:
    assert "Save" == text("build.save", "en")
    assert "保存" == text("build.save", "ja")
    assert "Save" == text("build.save", "xx")
    assert "build.nothing_like_it" == text("build.nothing_like_it", "de")
    assert "Errors: 3" == text("build.errors", "en", count=3)
