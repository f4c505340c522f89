"""Problems, findings and the help of layers in the session's language.

Their English stands beside the rules in `schemas` and `builder` (schemas/say.py); the other languages stand in
builder/ui/texts/said/, by the English: {"Remove {name}": {"ja": "{name} を削除", "de": "{name} entfernen"}, ...}.
tests/ui/test_said.py lists every sentence that lacks a language, and every translation that nothing says any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from schemas.say import Joined, Said

from . import FOLDER, language

SAID = FOLDER / "said"


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Return English -> language -> translation, of all files."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(SAID.glob("**/*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found


def said(what: str, to: str | None = None) -> str:
    """Return a sentence of the product in the session's language; as it is where it has no translation.

    What was made by `schemas.say` is looked up by its template, any other text (a field's description) as a whole.
    """
    chosen = to or language()
    if chosen == "en":
        return str(what)
    if isinstance(what, Joined):
        parts = (said(part, chosen) if isinstance(part, Said) else part for part in what.parts)
        return _other(what.glue, chosen).join(parts)
    if not isinstance(what, Said) or not what.template:
        return _other(str(what), chosen)
    if chosen not in catalogue().get(what.template, {}):
        return str(what)
    values = {key: said(part, chosen) if isinstance(part, Said) else part for key, part in what.values.items()}
    return _other(what.template, chosen).format_map(values)


def _other(english: str, to: str) -> str:
    return catalogue().get(english, {}).get(to, english)


def read(english: str, made: Any, to: str | None = None) -> str:
    """Return in the session's language what `schemas.say.written` wrote to a file; `english` where it says nothing."""
    try:
        found = _read(made)
    except (TypeError, ValueError, KeyError, RecursionError):
        return english
    return said(found, to) if str(found) == english else english


def _read(made: Any) -> Any:
    if not isinstance(made, Mapping):
        return made
    if "glue" in made:
        return Joined(
            str(made["glue"]), [_read(part) if isinstance(part, Mapping) else str(part) for part in made["parts"]]
        )
    template = made["template"]
    if template not in catalogue():  # a file may come from a stranger, and a template can ask for more than its values
        raise KeyError(template)
    values = {str(key): _read(part) for key, part in made["values"].items()}
    return Said(template.format_map(values), template, values)


def untranslated(what: str, to: str) -> Iterator[str]:
    """Yield the sentences in a text, and in the values it was made of, that have no translation."""
    if isinstance(what, Joined):
        if to not in catalogue().get(what.glue, {}):
            yield what.glue
        for part in what.parts:
            if isinstance(part, Said):
                yield from untranslated(part, to)
        return
    template = what.template if isinstance(what, Said) and what.template else str(what)
    if template and to not in catalogue().get(template, {}):
        yield template
    for part in what.values.values() if isinstance(what, Said) else ():
        if isinstance(part, Said):
            yield from untranslated(part, to)
