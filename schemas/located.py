"""Pydantic's errors, one for each place in the value, with the place as a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]

MOST_ERRORS = 200
"""Errors of one object that are looked at. Where there are more, no fix is tried: each would cost a validation."""


@dataclass(frozen=True)
class Found:
    """One of Pydantic's errors, with its place in the value that was validated."""

    path: Path
    kind: str
    error: Mapping[str, Any]

    @property
    def key(self) -> tuple[Path, str]:
        return self.path, self.kind


Fork = tuple[Path, tuple[str, ...]]
"""A value that may have several forms: its path, and the branches taken there already, as forms may have forms."""


def _locate(value: Any, error: Mapping[str, Any]) -> tuple[Found, list[tuple[Fork, str]]]:
    """Return the error with its path in `value`, and the union branches that Pydantic names on the way."""
    path: list[str | int] = []
    tried: list[tuple[Fork, str]] = []
    current, steps = value, list(error["loc"])
    kind = str(error["type"])
    for number, step in enumerate(steps):
        if (isinstance(current, dict) and step in current) or (
            isinstance(current, list) and isinstance(step, int) and step < len(current)
        ):
            current = current[step]
            path.append(step)
        elif kind == "missing" and number == len(steps) - 1 and isinstance(step, str) and isinstance(current, dict):
            path.append(step)
        else:
            taken = tuple(branch for (at, _), branch in tried if at == tuple(path))
            tried.append(((tuple(path), taken), str(step)))
    return Found(tuple(path), kind, error), tried


def errors(model: type[BaseModel], value: Any, beside: tuple[str, ...] = ()) -> tuple[Any, list[Found], int]:
    """Validate; return the instance or None, one error per place, and how many more there are."""
    try:
        return model.model_validate({k: v for k, v in value.items() if k not in beside}), [], 0
    except ValidationError as failure:
        count = failure.error_count()
        told = (_first_errors(model, value, beside) if count > MOST_ERRORS else None) or failure
        found = told.errors(include_url=False, include_input=False)
    located = [_locate(value, error) for error in found[:MOST_ERRORS]]
    # Where a value may have several forms, Pydantic reports each form that failed. Tell only the one that got furthest.
    furthest: dict[Fork, tuple[int, str]] = {}
    for error, tried in located:
        for at, branch in tried:
            best = furthest.get(at)
            if best is None or len(error.path) > best[0]:
                furthest[at] = (len(error.path), branch)
    kept: dict[Path, Found] = {}
    for error, tried in located:
        if all(furthest[at][1] == branch or furthest[at][0] == len(at[0]) for at, branch in tried):
            kept.setdefault(error.path, error)
    return None, list(kept.values()), count - len(located)


def _first_errors(model: type[BaseModel], value: dict[str, Any], beside: tuple[str, ...]) -> ValidationError | None:
    """Return the errors of the value's beginning: to list hundreds of thousands takes seconds, and none reads them."""
    fields = set(model.model_fields)
    known = [key for key in value if key in fields and key not in beside]
    unknown = [key for key in value if key not in fields and key not in beside][:MOST_ERRORS]
    try:
        model.model_validate({key: _beginning(value[key]) for key in (*known, *unknown)})
    except ValidationError as failure:
        return failure
    return None


def _beginning(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _beginning(part) for key, part in value.items()}
    return [_beginning(part) for part in value[:MOST_ERRORS]] if isinstance(value, list) else value
