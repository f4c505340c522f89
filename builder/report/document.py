"""Write a changed document in the style of its file, and show what changed."""

from __future__ import annotations

import difflib
import json
from typing import Any

from schemas.document import dump

MOST_LINES = 2000
"""Lines up to which a text's style is looked for; comparing takes time that grows with their square."""


def write_like(document: Any, before: Any, text: str) -> str:
    """Return the document in the style in which `text` holds `before`, so that a diff shows only what changed."""

    def styles(value: Any) -> list[str]:
        indents = (2, 4, 1, 3, "\t", None)
        plain = [json.dumps(value, indent=n, ensure_ascii=a) + "\n" for n in indents for a in (False, True)]
        return [dump(value), *plain]

    lines = text.splitlines()

    def noise(candidate: str) -> int:
        if candidate.strip() == text.strip():
            return -1
        return sum(1 for _ in difflib.unified_diff(lines, candidate.splitlines(), n=0))

    if len(lines) > MOST_LINES:
        return dump(document)
    amounts = [noise(candidate) for candidate in styles(before)]
    return styles(document)[amounts.index(min(amounts))]


def diff(before: str, after: str, name: str) -> str:
    """Return the unified diff of two texts of the file `name`; empty when they are equal."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (fixed)", lineterm="")
    return "\n".join(rows)
