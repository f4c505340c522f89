"""Read a document from a file or a text: the only door for JSON that a stranger may have written.

Everything that makes a JSON reader hang, guess or fill the memory is refused here, before anything is built from it:
too many bytes, values or levels, keys that stand twice, numbers of thousands of digits, texts that are no Unicode.
"""

from __future__ import annotations

import codecs
import difflib
import json
import math
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import DocumentError, Fix, Problem, UsageError
from .patch import join
from .say import commas, say
from .words import show

MOST_BYTES = 8 * 2**20
MOST_LEVELS = 64
MOST_VALUES = 200_000
MOST_DIGITS = 400
MOST_PROBLEMS = 100


class _Twice(dict[str, Any]):
    """An object in which keys stand more than once; the last of each counts, as in most JSON readers."""

    doubles: dict[str, list[Any]]


@dataclass(frozen=True)
class _Huge:
    """A whole number of too many digits to be worth reading."""

    digits: int


@dataclass(frozen=True)
class Scan:
    """What could be read: the document, None if nothing, and what is wrong with it as JSON."""

    raw: Any
    problems: tuple[Problem, ...]
    infinite: tuple[Problem, ...] = ()
    """NaN and Infinity, which Python's reader lets pass but JSON does not have. `raw` holds them, so that the field's
    own check can say what it wants instead."""


class _TooMuch(Exception):
    """Stops the walk; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class _Walk:
    """Copy a value, leave out what JSON cannot say, and note where."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.infinite: list[Problem] = []
        self.values = 0

    def whole(self, raw: Any) -> tuple[Any, list[Problem]]:
        """Copy a document; None where it is too deep or too large to go on."""
        try:
            return self.copy(raw), self.problems
        except _TooMuch as stop:
            return None, [stop.problem]

    def copy(self, value: Any, path: tuple[str | int, ...] = ()) -> Any:
        self.values += 1
        if self.values > MOST_VALUES:
            raise _TooMuch(_too_large(say("It holds more than {most} values.", most=MOST_VALUES)))
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            return self._float(float(value), path)
        if isinstance(value, int):
            if value.bit_length() > MOST_DIGITS * 3.33:
                return self._note(path, "wrong_value", say("The number has more than {most} digits.", most=MOST_DIGITS))
            return int(value)
        if isinstance(value, str):
            return (
                value
                if self._is_text(value)
                else self._note(path, "not_json", say("The text {value} is no Unicode.", value=show(value)))
            )
        if isinstance(value, _Huge):
            what = say("The number has {digits} digits.", digits=value.digits)
            return self._note(
                path,
                "wrong_value",
                what,
                say("A document holds numbers of at most {most} digits.", most=MOST_DIGITS),
            )
        if isinstance(value, dict | list | tuple) and len(path) >= MOST_LEVELS:
            what = say("Lists and objects lie more than {most} levels deep in each other.", most=MOST_LEVELS)
            raise _TooMuch(Problem("too_deep", what, say("No network needs that."), join("", *path[:8])))
        if isinstance(value, dict):
            return self._object(value, path)
        if isinstance(value, list | tuple):
            return self._list(value, path)
        what = say("A Python object of type {kind} cannot stand in a document.", kind=type(value).__name__)
        return self._note(
            path, "not_json", what, say("It holds only objects, lists, texts, numbers, true, false and null.")
        )

    def _float(self, value: float, path: tuple[str | int, ...]) -> float:
        if not math.isfinite(value) and len(self.infinite) < MOST_PROBLEMS:
            what = say("{value} is no number that JSON has, or one too large for a computer's.", value=show(value))
            why = say("NaN and Infinity are not JSON (RFC 8259).")
            self.infinite.append(Problem("not_json", what, why, join("", *path)))
        return value

    def _list(self, value: list[Any] | tuple[Any, ...], path: tuple[str | int, ...]) -> list[Any]:
        result = []
        for index, part in enumerate(value):
            # Long lists are lists of small numbers; those need no look at where they stand.
            if type(part) is int and -(2**31) < part < 2**31:
                self.values += 1
                result.append(part)
            else:
                result.append(self.copy(part, (*path, index)))
        return result

    def _object(self, value: dict[Any, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, part in value.items():
            if not isinstance(key, str) or not self._is_text(key):
                self._note(
                    path,
                    "not_json",
                    say("The key {key} is no text.", key=show(str(key))),
                    say("Keys of a document are texts."),
                )
                continue
            plain = type(part) is int and -(2**31) < part < 2**31
            result[str(key)] = part if plain else self.copy(part, (*path, key))
            self.values += plain
        for key, parts in value.doubles.items() if isinstance(value, _Twice) else ():
            if len(self.problems) < MOST_PROBLEMS:
                pointer = join("", *path, key)
                options = [(say("Keep the last: {value}", value=show(parts[-1])), parts[-1])]
                options.append((say("Keep the first: {value}", value=show(parts[0])), parts[0]))
                fixes = tuple(
                    Fix(title, ({"op": "replace", "path": pointer, "value": part},))
                    for title, part in options
                    if _Walk.plain(part)
                )
                what = say("The key {key} stands {count} times in the same object.", key=show(key), count=len(parts))
                why = say("It could mean any of {values}.", values=commas(show(part) for part in parts[:4]))
                self.problems.append(Problem("duplicate_key", what, why, pointer, fixes=fixes))
        return result

    @staticmethod
    def plain(value: Any) -> bool:
        """Tell whether a value may stand in a fix as it is."""
        walk = _Walk()
        try:
            walk.copy(value)
        except _TooMuch:
            return False
        return not walk.problems

    @staticmethod
    def _is_text(value: str) -> bool:
        if value.isascii():
            return True
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def _note(self, path: tuple[str | int, ...], code: str, what: str, why: str = "") -> None:
        if len(self.problems) < MOST_PROBLEMS:
            pointer = join("", *path)
            self.problems.append(
                Problem(code, what, why or say("The document must be JSON (RFC 8259) in UTF-8."), pointer)
            )


def _too_large(what: str) -> Problem:
    return Problem(
        "too_large",
        say("The document is too large. {what}", what=what),
        say("It describes a network; data belong into files of their own."),
    )


def inspect(raw: Any) -> tuple[Any, list[Problem]]:
    """Return a plain copy of a document and what in it JSON cannot say; None stands where such a value stood.

    The copy is None when the document is too deep or too large to go on.
    """
    return _Walk().whole(raw)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    twice = _Twice(plain)
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    twice.doubles = {key: parts for key, parts in values.items() if len(parts) > 1}
    return twice


def _integer(digits: str) -> int | _Huge:
    return int(digits) if len(digits) <= MOST_DIGITS else _Huge(len(digits.lstrip("-")))


_MEANING = (
    ("Expecting ',' delimiter", say("a comma or a closing bracket is missing")),
    ("Expecting ':' delimiter", say("a colon is missing after the key")),
    (
        "Expecting property name",
        say("a key in double quotes is missing; perhaps there is a comma too many, or single quotes"),
    ),
    ("Illegal trailing comma", say("there is a comma before the closing bracket")),
    (
        "Expecting value",
        say("a value is missing; perhaps a comma too many, or True, None or single quotes instead of JSON's form"),
    ),
    ("Extra data", say("the document has ended already, but more follows")),
    (
        "Invalid control character",
        say("a text holds a line break or another control character; write it as \\n or \\u000a"),
    ),
    ("Unterminated string", say("a text has no closing quote")),
    ("Invalid \\", say("a text holds a backslash that starts no escape; write \\\\ for a backslash")),
)


def _not_json(error: json.JSONDecodeError) -> Problem:
    meaning = next((text for start, text in _MEANING if error.msg.startswith(start)), say("this is not JSON"))
    rest = error.doc[error.pos : error.pos + 40].split("\n")[0]
    if re.match(r"//|#|/\*", rest):
        meaning = say("JSON has no comments; use the field description")
    place = {"line": error.lineno, "column": error.colno, "meaning": meaning}
    if rest:
        what = say("Line {line}, column {column}: {meaning} at {text}.", text=show(rest, 40), **place)
    else:
        what = say("Line {line}, column {column}: {meaning} at the end of the text.", **place)
    return Problem("not_json", what, say("The document must be JSON (RFC 8259) in UTF-8."))


def _decoded(data: bytes) -> str | Problem:
    why = say("Save it as UTF-8.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or data[:4].count(0) >= 2:
        return Problem("not_json", say("The document is written in UTF-16 or UTF-32, or is no text at all."), why)
    try:
        # Windows' editors put a byte order mark before UTF-8; RFC 8259 allows a reader to pass over it.
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Problem(
            "not_json", say("Line {line}: byte {byte:#04x} is not UTF-8.", line=line, byte=data[error.start]), why
        )


def scan_text(text: str | bytes) -> Scan:
    """Read as much as can be read. Duplicate keys and the like are listed; the document is usable without them."""
    if len(text) > MOST_BYTES:
        return Scan(None, (_too_large(say("It has more than {most} MB.", most=MOST_BYTES // 2**20)),))
    if isinstance(text, bytes):
        decoded = _decoded(text)
        if isinstance(decoded, Problem):
            return Scan(None, (decoded,))
        text = decoded
    else:
        text = text.removeprefix("\ufeff")
    if not text.strip():
        what = say("The document is empty.")
        return Scan(
            None, (Problem("not_json", what, say('It must be a JSON object: {{"format": 1, "model": …, …}}.')),)
        )
    # Brackets and commas bound what parsing builds, before it builds it.
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        return Scan(None, (_too_large(say("It holds more than {most} values.", most=MOST_VALUES)),))
    try:
        raw = json.loads(text, object_pairs_hook=_pairs, parse_int=_integer)
    except json.JSONDecodeError as error:
        return Scan(None, (_not_json(error),))
    except RecursionError:
        what = say("Lists and objects lie more than {most} levels deep in each other.", most=MOST_LEVELS)
        return Scan(None, (Problem("too_deep", what, say("No network needs that.")),))
    walk = _Walk()
    clean, problems = walk.whole(raw)
    if not isinstance(clean, dict) and not problems:
        problems = [not_an_object(clean)]
    return Scan(clean if isinstance(clean, dict) else None, tuple(problems), tuple(walk.infinite))


def not_an_object(value: Any) -> Problem:
    what = say("The document must be an object {{…}}, but is {value}.", value=show(value))
    return Problem(
        "wrong_type", what, say('It looks like this: {{"format": 1, "name": …, "model": {{"layers": […]}}, …}}.')
    )


def refusal(problems: Sequence[Problem], source: str = "The document") -> DocumentError:
    """Return the error that carries these problems; its message tells the first ones."""
    lines = [f"{p.pointer}: {p.what}" if p.pointer else p.what for p in problems[:3]]
    rest = f"\n… and {len(problems) - 3} more." if len(problems) > 3 else ""
    return DocumentError(f"{source} cannot be used: " + "\n".join(lines) + rest, problems)


def read_text(text: str | bytes, source: str = "The document") -> dict[str, Any]:
    """Return the document in a JSON text. Raises DocumentError that lists every problem with the text as JSON."""
    scan = scan_text(text)
    problems = (*scan.problems, *scan.infinite)
    if problems or scan.raw is None:
        raise refusal(problems, source)
    result: dict[str, Any] = scan.raw
    return result


def _bytes(path: str | os.PathLike[str]) -> bytes:
    """Return at most MOST_BYTES + 1 bytes. Raises UsageError where there is no file to read."""
    name = show(os.fspath(path), 200)
    try:
        place = Path(path)
        kind = os.stat(place).st_mode
        if not stat.S_ISREG(kind):  # a pipe or a device could block for ever
            raise UsageError(
                f"{name} is {'a folder' if stat.S_ISDIR(kind) else 'no ordinary file'}; a document is a JSON file."
            )
        with place.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        near = _similar(Path(path))
        raise UsageError(f"There is no file {name}." + (f" Did you mean {near}?" if near else "")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{name} cannot be read: {reason}.") from None


def _similar(path: Path) -> str | None:
    try:
        with os.scandir(path.parent) as folder:
            names = [entry.name for entry, _ in zip(folder, range(1000), strict=False) if entry.name.endswith(".json")]
    except OSError:
        return None
    close = difflib.get_close_matches(path.name[:200], names, n=1)
    return show(str(path.parent / close[0]), 200) if close else None


def scan_file(path: str | os.PathLike[str]) -> Scan:
    """Read as much as can be read of a file. Raises UsageError where there is no file to read."""
    return scan_text(_bytes(path))


def read_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the document in a file. Raises UsageError where there is no file, DocumentError where it is not valid."""
    return read_text(_bytes(path), show(os.fspath(path), 200))
