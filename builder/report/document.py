"""Write a document as JSON that people like to read: short lists and objects stay on one line."""

from __future__ import annotations

import difflib
import json
from typing import Any

WIDTH = 120

MOST_LINES = 2000
"""Lines up to which a text's style is looked for; comparing takes time that grows with their square."""


def write(document: Any, width: int = WIDTH) -> str:
    """Return the document as JSON text that ends with a newline; whatever fits into `width` is one line.

    A list of several objects never is: it is what people edit. schemas/document.py:dump writes the same.

    >>> print(write({"model": {"input": [1, 8, 8], "layers": [{"type": "ReLU"}]}}, width=40), end="")
    {
      "model": {
        "input": [1, 8, 8],
        "layers": [{"type": "ReLU"}]
      }
    }
    """
    return _write(document, "", 0, width) + "\n"


def _write(value: Any, indent: str, taken: int, width: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    # The document itself and its sections are always opened, so that a diff shows the line that changed.
    fits = indent and len(indent) + taken + len(line) + 1 <= width and not _opened(value)
    if not isinstance(value, dict | list) or not value or fits:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        rows = []
        for key, item in value.items():
            start = json.dumps(key, ensure_ascii=False) + ": "
            rows.append(inner + start + _write(item, inner, len(start), width))
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    rows = [inner + _write(item, inner, 0, width) for item in value]
    return "[\n" + ",\n".join(rows) + f"\n{indent}]"


def _opened(value: Any) -> bool:
    """Tell whether a value holds a list of several objects."""
    if isinstance(value, list) and sum(isinstance(part, dict) for part in value) > 1:
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_opened(part) for part in parts)


def write_like(document: Any, before: Any, text: str) -> str:
    """Return the document in the style in which `text` holds `before`, so that a diff shows only what changed."""

    def styles(value: Any) -> list[str]:
        indents = (2, 4, 1, 3, "\t", None)
        plain = [json.dumps(value, indent=n, ensure_ascii=a) + "\n" for n in indents for a in (False, True)]
        return [write(value), *plain]

    lines = text.splitlines()

    def noise(candidate: str) -> int:
        if candidate.strip() == text.strip():
            return -1
        return sum(1 for _ in difflib.unified_diff(lines, candidate.splitlines(), n=0))

    if len(lines) > MOST_LINES:
        return write(document)
    amounts = [noise(candidate) for candidate in styles(before)]
    return styles(document)[amounts.index(min(amounts))]


def diff(before: str, after: str, name: str) -> str:
    """Return the unified diff of two texts of the file `name`; empty when they are equal."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (fixed)", lineterm="")
    return "\n".join(rows)
