"""Bring documents of older formats to the present one. A registered name never changes its meaning within a format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import Fix, Problem
from .words import show

FORMAT = 1
"""The format this version writes."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Format -> function that returns the document in the next format. It must not change its argument."""


def migrate(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the document in the present format, and what is wrong with the format it states."""
    if "format" not in raw:
        fix = Fix(f"Add format {FORMAT}", ({"op": "add", "path": "/format", "value": FORMAT},))
        why = "It says by which rules the document is read, so that it still means the same in years."
        what = f"The document does not say its format; it is read as format {FORMAT}."
        return raw, [Problem("missing_field", what, why, "", severity="warning", fixes=(fix,))]
    found = raw["format"]
    known = range(1, FORMAT + 1)
    fix = Fix(f"Set format to {FORMAT}", ({"op": "replace", "path": "/format", "value": FORMAT},))
    if isinstance(found, bool) or not isinstance(found, int):
        what = f"The document: format must be a whole number, but is {show(found)}."
        return raw, [
            Problem("wrong_type", what, f"This version reads the formats up to {FORMAT}.", "/format", fixes=(fix,))
        ]
    if found not in known:
        why = f"This version reads the formats up to {FORMAT}."
        if found > FORMAT:
            why += " The document was made by a newer tsumiki: install that one to be sure that it means the same."
        return raw, [Problem("unknown_format", f"There is no format {show(found)}.", why, "/format", fixes=(fix,))]
    for step in range(found, FORMAT):
        raw = {**MIGRATIONS[step](raw), "format": step + 1}
    return raw, []
