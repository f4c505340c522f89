"""`key=value` overrides of a document, as the command line and `builder.train(overrides=...)` take them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.errors import UsageError

Overrides = Mapping[str, Any] | Iterable[str]


def apply(document: Mapping[str, Any], overrides: Overrides | None) -> dict[str, Any]:
    """Return a copy of the document with every `path=value` set; values are JSON, anything else is text.

    A path names fields with dots between them, and list items by number from 0. Raises UsageError for a path that
    leads through something that is neither an object nor a list. Values are checked later, with the whole document.

    >>> apply({"training": {"epochs": 20}}, ["training.epochs=3", "data.source.path=a b.csv"])
    {'training': {'epochs': 3}, 'data': {'source': {'path': 'a b.csv'}}}
    """
    result = copy.deepcopy(dict(document))
    for path, value in _pairs(overrides or ()):
        _set(result, path, value)
    return result


def _pairs(overrides: Overrides) -> Iterable[tuple[str, Any]]:
    if isinstance(overrides, Mapping):
        yield from overrides.items()
        return
    for text in overrides:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise UsageError(f"Cannot read the override {text!r}: write it as path=value, like training.epochs=3.")
        yield path, _value(value)


def _value(text: str) -> Any:
    """Return the JSON value, or the text itself where it is no JSON."""
    try:
        return json.loads(text, parse_constant=lambda name: name)
    except (ValueError, RecursionError):  # ValueError also covers a number of over 4,300 digits
        return text


def _set(document: dict[str, Any], path: str, value: Any) -> None:
    here: Any = document
    *steps, last = path.split(".")
    for done, step in enumerate(steps):
        here = _enter(here, step, ".".join(steps[: done + 1]), path)
    if isinstance(here, list):
        here[_position(here, last, path, path)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise UsageError(f"Cannot set {path}: {'.'.join(steps)} is {json.dumps(here)}, which has no fields.")


def _enter(here: Any, step: str, reached: str, path: str) -> Any:
    if isinstance(here, list):
        return here[_position(here, step, reached, path)]
    if isinstance(here, dict):
        if here.get(step) is None:
            here[step] = {}
        return here[step]
    raise UsageError(f"Cannot set {path}: {reached.rpartition('.')[0]} is {json.dumps(here)}, which has no fields.")


def _position(here: list[Any], step: str, reached: str, path: str) -> int:
    if not step.isdecimal() or not step.isascii() or len(step) > 9 or int(step) >= len(here):
        raise UsageError(f"Cannot set {path}: {reached} is none of the {len(here)} items, which count from 0.")
    return int(step)
