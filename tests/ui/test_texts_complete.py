"""No page says a word that is not in the texts, and the texts hold no word that no page says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.ui.texts import FOLDER, texts

UI = Path(FOLDER).parent
SOURCES = sorted(path for path in UI.glob("**/*.py") if path.parent.name != "texts")
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}

SPOKEN = set(
    "title header subheader markdown caption text button download_button link_button error warning info success metric "
    "selectbox multiselect radio checkbox toggle slider select_slider number_input text_input text_area expander "
    "popover tabs segmented_control pills toast badge spinner progress file_uploader data_editor status".split()
)
"""Calls of Streamlit whose first argument a person reads."""

ALSO = ("help", "placeholder", "caption", "label")
MARKUP = re.compile(
    r":material/\w+:|:(?:red|gray|green|orange|blue|violet|rainbow|primary)(?:-badge|-background)?\[|st-key[\w-]*|&nbsp;"
)
WORD = re.compile(r"[^\W\d_]{2,}")
NO_WORDS = {"tsumiki"}
"""Names, which no language translates."""


def constants(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every text that stands in an expression as it is, but not what is given to a call within it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from constants(part)
    elif isinstance(node, ast.BinOp):
        yield from constants(node.left)
        yield from constants(node.right)
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def read_by_people(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in SPOKEN and _streamlit(node.func.value):
            for spoken in [*node.args[:1], *(key.value for key in node.keywords if key.arg in ALSO)]:
                yield from constants(spoken)


def _streamlit(node: ast.AST) -> bool:
    """Tell `st`, a column or a container from other objects with methods of these names."""
    return isinstance(node, ast.Name | ast.Subscript) and not (isinstance(node, ast.Name) and node.id in ("alt", "re"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(UI).as_posix())
def test_no_word_is_hard_coded(path: Path) -> None:
    found = []
    for line, words in read_by_people(TREES[path]):
        left = WORD.findall(MARKUP.sub(" ", words))
        if set(left) - NO_WORDS:
            found.append(f"{path.name}:{line}: {words!r}")
    assert [] == found


def keys() -> Iterator[tuple[str, int, str, bool]]:
    """Yield (file, line, key, whether that is only its beginning) for what is given to `text` and its like."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "text" and node.args:
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.JoinedStr) and isinstance(part.values[0], ast.Constant):
                        yield path.name, node.lineno, str(part.values[0].value), True
                whole = (found for found in constants(node.args[0]) if re.fullmatch(r"[a-z_]+\.[\w.]*\w", found[1]))
                yield from ((path.name, line, key, False) for line, key in whole)


def test_every_key_that_is_asked_for_is_there() -> None:
    known = set(texts())
    wrong = []
    for name, line, key, begins in keys():
        # A constant may be the middle of a key that is put together.
        if not any(one.startswith(key) if begins else key in one for one in known):
            wrong.append(f"{name}:{line}: {key}")
    assert [] == wrong


def test_every_text_is_asked_for() -> None:
    """A key stands in the code, or is put together: f"train.state.{name}" has its beginning, f"{a}.{b}" both."""
    said = {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    begun = tuple(one for one in said if re.fullmatch(r"[a-z_]+\.(?:[\w.]+\.)?", one))

    def asked(key: str) -> bool:
        dots = [place for place, letter in enumerate(key) if letter == "."]
        return key in said or key.startswith(begun) or any(key[:d] in said and key[d + 1 :] in said for d in dots)

    assert [] == [key for key in texts() if not asked(key)]
