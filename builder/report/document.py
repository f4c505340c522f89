"""Write a document as JSON that people like to read: short lists and objects stay on one line."""

from __future__ import annotations

import difflib
import json
from typing import Any

WIDTH = 120


def write(document: Any, width: int = WIDTH) -> str:
    """Return the document as JSON text that ends with a newline; whatever fits into `width` is one line.

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
    if not isinstance(value, dict | list) or not value or (indent and len(indent) + taken + len(line) + 1 <= width):
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


def write_like(document: Any, before: Any, text: str) -> str:
    """Return the document in the style in which `text` holds `before`, so that a diff shows only what changed."""
    styles = [write]
    for indent in (2, 4, 1, 3, "\t", None):
        styles.append(lambda value, indent=indent: json.dumps(value, indent=indent, ensure_ascii=False) + "\n")
        styles.append(lambda value, indent=indent: json.dumps(value, indent=indent) + "\n")
    lines = text.splitlines()

    def noise(style: Any) -> int:
        return sum(1 for row in difflib.ndiff(lines, style(before).splitlines()) if row[:1] in "+-")

    exact = [style for style in styles if style(before).strip() == text.strip()]
    best = exact[0] if exact else min(styles, key=noise) if len(lines) < 2000 else write
    return best(document)


def diff(before: str, after: str, name: str) -> str:
    """Return the unified diff of two texts of the file `name`; empty when they are equal."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (fixed)", lineterm="")
    return "\n".join(rows)
