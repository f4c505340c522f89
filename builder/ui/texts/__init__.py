"""Every text of the pages, in every language: one JSON file per page, with the languages side by side.

    text("build.save")                         in the session's language
    text("build.errors", "de", count=3)        in another one
    builder/ui/texts/build.json                {"build.save": {"en": "Save", "ja": "保存", "de": "Speichern"}, ...}

A key begins with what it is about. tests/ui/test_state_texts.py finds keys without a language, and keys that code uses
but no file has. Texts are put into pages as plain text, never as HTML.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "ja": "日本語", "de": "Deutsch"}
"""Language -> its own name, in the order of the menu."""

FOLDER = Path(__file__).parent


@cache
def texts() -> dict[str, dict[str, str]]:
    """Return key -> language -> text, of all files."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(FOLDER.glob("*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found


def language() -> str:
    """Return the language of the session; English outside of one."""
    streamlit = sys.modules.get("streamlit")
    if streamlit is None or not streamlit.runtime.exists():
        return "en"
    chosen = streamlit.session_state.get("language", "en")
    return chosen if chosen in LANGUAGES else "en"


def text(key: str, to: str | None = None, /, **values: Any) -> str:
    """Return the text of a key with its {values} filled in. A key that no file has is returned as it is.

    >>> text("app.name", "ja")
    'tsumiki'
    """
    said = texts().get(key, {})
    chosen = said.get(to or language()) or said.get("en", key)
    return chosen.format(**values) if values else chosen
