"""Bring documents of older formats to the present one. A registered name never changes its meaning within a format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import Fix, Problem
from .say import Said, say, sentences
from .words import show

FORMAT = 1
"""The format this version writes."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Format -> function that returns the document in the next format. It must not change its argument."""


def migrate(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the document in the present format, and what is wrong with the format it states."""
    if "format" not in raw:
        fix = Fix(say("Add format {format}", format=FORMAT), ({"op": "add", "path": "/format", "value": FORMAT},))
        why = say("It says by which rules the document is read, so that it still means the same in years.")
        what = say("The document does not say its format; it is read as format {format}.", format=FORMAT)
        return raw, [Problem("missing_field", what, why, "", severity="warning", fixes=(fix,))]
    found = raw["format"]
    known = range(1, FORMAT + 1)
    fix = Fix(say("Set format to {format}", format=FORMAT), ({"op": "replace", "path": "/format", "value": FORMAT},))
    if isinstance(found, bool) or not isinstance(found, int):
        what = say(
            "{name}: {what}",
            name=say("The document"),
            what=say(
                "{field} must be {wanted}, but is {value}.",
                field="format",
                wanted=say("a whole number"),
                value=show(found),
            ),
        )
        return raw, [
            Problem(
                "wrong_type",
                what,
                say("This version reads the formats up to {format}.", format=FORMAT),
                "/format",
                fixes=(fix,),
            )
        ]
    if found not in known:
        note: Said = say("This version reads the formats up to {format}.", format=FORMAT)
        if found > FORMAT:
            note = sentences(
                note,
                say("The document was made by a newer tsumiki: install that one to be sure that it means the same."),
            )
        return raw, [
            Problem(
                "unknown_format", say("There is no format {found}.", found=show(found)), note, "/format", fixes=(fix,)
            )
        ]
    for step in range(found, FORMAT):
        raw = {**MIGRATIONS[step](raw), "format": step + 1}
    return raw, []
