"""A finding: a problem, and how to think of fixes for it. Also the operations that fixes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.errors import Fix, Problem
from schemas.patch import join
from schemas.say import Said, say

if TYPE_CHECKING:
    from builder.graph import Node


def _none() -> Iterable[Fix]:
    return ()


@dataclass(frozen=True)
class Found:
    """A problem without fixes, and a function that proposes some. Proposals are tried before anyone sees them."""

    problem: Problem
    propose: Callable[[], Iterable[Fix]] = field(default=_none)


def found(
    code: str,
    what: str,
    why: str = "",
    *,
    pointer: str = "",
    layer: str | None = None,
    warning: bool = False,
    propose: Callable[[], Iterable[Fix]] = _none,
) -> Found:
    """Return a finding; an error unless it is only a warning."""
    return Found(Problem(code, what, why, pointer, layer, "warning" if warning else "error"), propose)


def parent(pointer: str) -> tuple[str, int]:
    """Return the pointer of the list, and the position in it, of an item such as a layer."""
    head, _, last = pointer.rpartition("/")
    return head, int(last)


def put(pointer: str, value: Any) -> dict[str, Any]:
    """Return the operation that sets a field, whether it was there or not (RFC 6902: "add" replaces)."""
    return {"op": "add", "path": pointer, "value": value}


def over(pointer: str, value: Any) -> dict[str, Any]:
    """Return the operation that puts another value in the place of the one at `pointer`, which may be a list's item."""
    return {"op": "replace", "path": pointer, "value": value}


def insert(pointer: str, value: Any) -> dict[str, Any]:
    """Return the operation that puts a new item before the one at `pointer`."""
    return {"op": "add", "path": pointer, "value": value}


def remove(pointer: str) -> dict[str, Any]:
    """Return the operation that takes a field or an item away."""
    return {"op": "remove", "path": pointer}


def fresh(base: str, taken: Iterable[str]) -> str:
    """Return `base`, or `base_2`, `base_3`, ... when it is taken.

    >>> fresh("projection", ["projection"])
    'projection_2'
    """
    used = set(taken)
    if base not in used:
        return base
    number = 2
    while f"{base}_{number}" in used:
        number += 1
    return f"{base}_{number}"


def outputs(count: int) -> Said:
    """Write how many outputs.

    >>> outputs(1), outputs(3)
    ('1 output', '3 outputs')
    """
    return say("1 output") if count == 1 else say("{count} outputs", count=count)


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def changed(node: Node, fields: Mapping[str, Any], title: str) -> Fix:
    """Return the fix that sets fields of one layer; None removes a field.

    In a unit, where the document says "$argument", it is the argument that is changed, at the unit's use.
    """
    patch: list[dict[str, Any]] = []
    for name, value in fields.items():
        value = list(value) if isinstance(value, tuple) else value
        if value is None:
            patch += [remove(join(node.pointer, name))] if name in node.entry else []
            continue
        patch.append(assigned(node, name, value))
    return Fix(title, tuple(patch))


def assigned(node: Node, name: str, value: Any) -> dict[str, Any]:
    """Return the operation that gives a layer's field a value, through the unit's arguments where it takes one."""
    pointer, said, call = join(node.pointer, name), node.entry.get(name), node.call
    while isinstance(said, str) and said.startswith("$") and call is not None:
        argument = said[1:]
        raw = call.entry.get("arguments")
        if not isinstance(raw, dict):
            return put(join(call.pointer, "arguments"), {argument: value})
        pointer, said, call = join(call.pointer, "arguments", argument), raw.get(argument), call.outer
    return put(pointer, value)
