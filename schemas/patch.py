"""JSON pointers (RFC 6901) and the part of JSON Patch (RFC 6902) that fixes use: add, replace, remove and test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import DocumentError

_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")  # [0-9]: \d would also take digits of other scripts


class PatchError(DocumentError):
    """A pointer or a patch does not fit the document."""


def join(pointer: str, *steps: str | int) -> str:
    """Append steps to a pointer.

    >>> join("/model", "layers", 0, "a/b~c")
    '/model/layers/0/a~1b~0c'
    """
    return pointer + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def split(pointer: str) -> list[str]:
    """Return the unescaped steps of a pointer. Raises PatchError where it is none.

    >>> split("/model/layers/0/a~1b~0c"), split("")
    (['model', 'layers', '0', 'a/b~c'], [])
    """
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise PatchError(f"A JSON pointer is empty or starts with '/', but this is {pointer!r:.80}.")
    if re.search(r"~(?![01])", pointer):
        raise PatchError(f"In a JSON pointer '~' is written '~0': {pointer:.80}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _index(items: list[Any], step: str, pointer: str, *, end: bool = False) -> int:
    """Return the list index that `step` names; with `end`, the place behind the last entry counts as well."""
    if end and step == "-":
        return len(items)
    if not _INDEX.fullmatch(step) or int(step) >= len(items) + end:
        raise PatchError(f"{pointer:.200} names entry {step:.20} of a list of {len(items)}.")
    return int(step)


def _child(value: Any, step: str, pointer: str) -> Any:
    if isinstance(value, dict):
        if step not in value:
            raise PatchError(f"{pointer:.200} does not exist: there is no {step!r:.80}.")
        return value[step]
    if isinstance(value, list):
        return value[_index(value, step, pointer)]
    raise PatchError(f"{pointer:.200} does not exist: {step!r:.80} is looked for in a value that has no parts.")


def resolve(document: Any, pointer: str) -> Any:
    """Return the value at `pointer`. Raises PatchError where there is none.

    >>> resolve({"layers": [{"type": "ReLU"}]}, "/layers/0/type")
    'ReLU'
    """
    for step in split(pointer):
        document = _child(document, step, pointer)
    return document


def same(a: Any, b: Any) -> bool:
    """Compare as RFC 6902 does: numbers by value, but true is not 1, and types must agree."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def copy(value: Any) -> Any:
    """Copy lists and objects; what they hold at the end cannot change."""
    if isinstance(value, dict):
        return {key: copy(part) for key, part in value.items()}
    return [copy(part) for part in value] if isinstance(value, list) else value


def _operate(parent: Any, operation: str, step: str, pointer: str, value: Any) -> None:
    """Change one entry of `parent`, which is the patched document's own and may be written."""
    if isinstance(parent, list):
        index = _index(parent, step, pointer, end=operation == "add")
        if operation == "add":
            parent.insert(index, value)
        elif operation == "remove":
            del parent[index]
        else:
            parent[index] = value
    elif isinstance(parent, dict):
        if operation != "add":
            _child(parent, step, pointer)
        if operation == "remove":
            del parent[step]
        else:
            parent[step] = value
    else:
        raise PatchError(f"{pointer:.200} cannot be changed: it lies in a value that has no parts.")


def apply(document: Any, patch: Iterable[Mapping[str, Any]]) -> Any:
    """Return a patched copy of `document`, which stays as it is. Raises PatchError; then nothing has been changed.

    >>> apply({"layers": [{"type": "ReLu"}]}, [{"op": "replace", "path": "/layers/0/type", "value": "ReLU"}])
    {'layers': [{'type': 'ReLU'}]}
    """
    root = {"": copy(document)}
    for entry in patch:
        operation, pointer = entry.get("op"), entry.get("path")
        if operation not in ("add", "replace", "remove", "test") or not isinstance(pointer, str):
            raise PatchError(f"A patch says add, replace, remove or test and a path, but this is {dict(entry)!r:.200}.")
        if operation != "remove" and "value" not in entry:
            raise PatchError(f"The patch's {operation} at {pointer:.200} has no value.")
        # The document hangs under the key "", so that the whole of it can be replaced as any other part.
        *way, step = ["", *split(pointer)]
        if operation == "test":
            if not same(resolve(root[""], pointer), entry["value"]):
                raise PatchError(f"{pointer:.200} has changed since the fix was made.")
            continue
        parent: Any = root
        for part in way:
            parent = _child(parent, part, pointer)
        _operate(parent, operation, step, pointer, copy(entry.get("value")))
        if "" not in root:
            raise PatchError("A patch cannot remove the whole document.")
    return root[""]
