"""One value that did not validate: what its JSON Schema says of each place in it, and fixes that are tried on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .errors import Fix, Problem
from .located import Found, Path, errors
from .patch import PatchError, apply, copy, join
from .say import Said, about
from .suggest import LONGEST_WORD
from .words import Schema, nearest, schema_of, show, step_into

MOST_PROBLEMS = 50
"""Problems of one object that are told one by one; nobody reads the rest, and each costs time."""


@dataclass(frozen=True)
class Place:
    """Where a value stands: its pointer, how messages call it, and the layer's name if it is one.

    `beside` are fields that the object may have although the model does not know them (they are checked elsewhere).
    """

    pointer: str
    subject: str
    layer: str | None = None
    beside: tuple[str, ...] = ()


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def text_of(path: Path) -> str:
    """Write a path as people do: optimizer.beta1, preprocessing[0]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:LONGEST_WORD]}" for step in path)
    text = text[1:] if text.startswith(".") else text
    return text if text.isprintable() else show(text)


class Broken:
    """A value, the model that it should be one of, and the errors that were found."""

    def __init__(
        self, model: type[BaseModel], value: dict[str, Any], place: Place, found: list[Found], depth: int, more: int
    ) -> None:
        self.model, self.value, self.place, self.depth = model, value, place, depth
        self.found = found[:MOST_PROBLEMS]
        self.root = schema_of(model)
        self.before = {error.key for error in found}
        self.hopeless = more > 0
        """Whether there are so many errors that no fix is tried."""

    def _problem(self, code: str, path: Path, what: str, why: str, fixes: list[Fix]) -> Problem:
        pointer = join(self.place.pointer, *path)
        return Problem(
            code,
            about(self.place.subject, what),
            why,
            pointer,
            self.place.layer,
            fixes=tuple(fixes[:3]),
        )

    def _schema(self, path: Path) -> Schema | None:
        schema: Schema | None = self.root
        value: Any = self.value
        for step in path:
            schema = step_into(schema, step, value, self.root) if schema is not None else None
            inside = isinstance(value, dict) and step in value
            value = value[step] if inside or (isinstance(value, list) and isinstance(step, int)) else None
        return schema

    def _why(self, path: Path) -> Said:
        """Return the description of the nearest field that has one."""
        for length in range(len(path), 0, -1):
            schema = self._schema(path[:length])
            if schema and "description" in schema and schema.get("type") != "object":
                return Said(str(schema["description"]))
        return Said("")

    def _fields(self, parent: Path) -> list[str]:
        schema = self._schema(parent) if parent else self.root
        here = at(self.value, parent)
        names: list[str] = []
        for branch in [] if schema is None else schema.get("anyOf") or schema.get("oneOf") or [schema]:
            branch = self.root["$defs"][branch["$ref"].rpartition("/")[2]] if "$ref" in branch else branch
            fields = branch.get("properties", {})
            kind = fields.get("type", {}).get("const")
            if kind is None or kind == here.get("type", kind):
                names += [name for name in fields if name not in names]
        return list(dict.fromkeys([*names, *(self.place.beside if not parent else ())]))

    def _candidates(self, value: Any, path: Path) -> list[Any]:
        """Return the value itself and then what it may have meant for the field at `path`."""
        schema = self._schema(path)
        found = [value]
        for candidate in nearest(value, schema, self.root) if schema else ():
            # [3, 3] says no more than the 3 that is offered already.
            twin = candidate[0] if isinstance(candidate, list) and len(set(map(repr, candidate))) == 1 else candidate
            known = any(one == candidate and type(one) is type(candidate) for one in found) or twin in found[1:]
            if len(found) < 5 and not known:
                found.append(candidate)
        return found

    def _op(self, op: str, path: Path, value: Any = None) -> dict[str, Any]:
        """Return one operation of a patch, its path relative to the value."""
        entry = {"op": op, "path": join("", *path)}
        return entry if op == "remove" else {**entry, "value": copy(value)}

    def _fix(
        self, title: str, patch: list[dict[str, Any]], error: Found, also: Path | None = None, loose: bool = False
    ) -> Fix | None:
        """Return the fix if it mends the error and breaks nothing else; `loose` lets what was hidden come to light."""
        if self.hopeless:
            return None
        try:
            _, after, _ = errors(self.model, apply(self.value, patch), self.place.beside)
        except PatchError:
            return None
        keys = {found.key for found in after}
        if error.key in keys or (not loose and not keys <= self.before - {error.key, (also, "missing")}):
            return None
        moved = tuple({**entry, "path": self.place.pointer + entry["path"]} for entry in patch)
        return Fix(title, moved)

    def _try(self, options: Sequence[tuple[str, list[dict[str, Any]]]], error: Found, loose: bool = False) -> list[Fix]:
        fixes = (self._fix(title, patch, error, loose=loose) for title, patch in options)
        return [fix for fix in fixes if fix is not None][:3]
