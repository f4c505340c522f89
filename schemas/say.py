"""Sentences for people that remember what they were made of, so that they can be said in another language.

    what = say("{name} reads {given}, but there is no such layer.", name="conv", given='"cnv"')
    what                    the English sentence: a plain str for whoever prints, compares or stores it
    what.template           the sentence with gaps: the key of its translations (builder/ui/texts/said/)
    what.values             the facts that fill them; a value that is a sentence too is translated as well

The English sentence stands beside the rule that says it, and nowhere else. The first argument of `say` is a literal, so
that tests/ui/test_said.py finds every sentence of the product, and every one that lacks a language.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self


class Said(str):
    """An English text, with the template and the values that it was made of."""

    template: str
    values: Mapping[str, Any]

    def __new__(cls, text: str, template: str = "", values: Mapping[str, Any] | None = None) -> Self:
        self = super().__new__(cls, text)
        self.template, self.values = template, values or {}
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:  # str's own would drop template and values
        return str(self), self.template, self.values


class Joined(Said):
    """Several texts in a row; `glue` is what English puts between them."""

    glue: str
    parts: tuple[str, ...]

    def __new__(cls, glue: str, parts: Iterable[str] = ()) -> Self:
        kept = tuple(parts)
        self = super().__new__(cls, glue.join(kept))
        self.glue, self.parts = glue, kept
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.glue, self.parts


def say(template: str, /, **values: Any) -> Said:
    """Return the template with its {gaps} filled.

    >>> said = say("{count} rows of {name}", count=2, name="x")
    >>> said, said.template, said.values["count"]
    ('2 rows of x', '{count} rows of {name}', 2)
    """
    return Said(template.format_map(values), template, values)


def about(name: str, what: str) -> Said:
    """Say what something is about: `name: what`."""
    return say("{name}: {what}", name=name, what=what)


GLUES = (" ", ", ", " and ", " or ", ", or ", "; ", "\n")
"""What stands between texts in a row; each is translated."""


def sentences(*parts: str) -> Joined:
    """Put sentences behind each other; empty ones are left out.

    >>> sentences("One.", "", "Two.")
    'One. Two.'
    """
    return Joined(" ", filter(None, parts))


def commas(names: Iterable[str]) -> Joined:
    """Write names, or parts of a sentence, with commas between them."""
    return Joined(", ", names)


def either(names: Iterable[str]) -> Joined:
    """Write a choice.

    >>> either(["a", "b"])
    'a or b'
    """
    return Joined(" or ", names)


def reason(error: OSError) -> str:
    """Return why the system refused something: with translations, where it is one of the usual reasons.

    >>> reason(OSError(errno.ENOSPC, "..."))
    'No space left on device'
    """
    usual = {
        errno.ENOSPC: say("No space left on device"),
        errno.EDQUOT: say("Disk quota exceeded"),
        errno.EACCES: say("Permission denied"),
        errno.EPERM: say("Operation not permitted"),
        errno.EROFS: say("Read-only file system"),
        errno.ENOENT: say("No such file or directory"),
        errno.EISDIR: say("Is a directory"),
        errno.ENOTDIR: say("Not a directory"),
        errno.EIO: say("Input/output error"),
    }
    return usual.get(error.errno or 0) or error.strerror or str(error)


def message(error: BaseException) -> str:
    """Return an exception's message with all that it was made of, where it was said by `say`.

    >>> message(ValueError(say("{count} rows", count=2))).template
    '{count} rows'
    """
    given = error.args[0] if error.args else ""
    return given if isinstance(given, Said) else str(error)


def listed(names: Sequence[str]) -> Said:
    """Write names as people do.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    if not names:
        return say("nothing")
    return Joined(" and ", [commas(names[:-1]), names[-1]] if len(names) > 1 else names)


def written(value: Any) -> Any:
    """Return a text as JSON values with all that it was made of, so that another process can translate it."""
    if isinstance(value, Joined):
        return {"glue": value.glue, "parts": [written(part) for part in value.parts]}
    if isinstance(value, Said):
        return {"template": value.template, "values": {key: written(part) for key, part in value.values.items()}}
    value = value.item() if hasattr(value, "item") else value  # one of NumPy's numbers
    return value if isinstance(value, bool | int | float) or value is None else str(value)
