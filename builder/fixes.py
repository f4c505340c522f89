"""Try proposed fixes: each is applied to a copy of the document, which is checked again before the fix is offered.

A fix is offered when its problem is gone and no new error has appeared. Two ways out are left open for when there is
nothing better: a typing mistake often hides what lies behind it, so mending it may bring other mistakes to light; and
mending a warning may move it to another layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from schemas.errors import DocumentError, Fix, Problem
from schemas.patch import apply, split

from .checks.found import Found

MOST_OFFERED = 3
"""Fixes of one problem; nobody reads more."""

MOST_TRIED = 12
"""Proposals of one problem that are tried."""

WHOLE = ("/model/layers", "/model/units")
"""Lists of which nothing was expanded, so nothing in them was checked."""

MOST_WORK = 20_000
"""Layers that are checked again, over all fixes of a document. ResNet-50 has 177."""

SOON = 1_000
"""The same for an editor, where somebody waits: 50 ms."""

HIDING = frozenset({
    "unknown_type", "unknown_field", "wrong_value", "wrong_type", "missing_field", "unknown_input", "cycle",
    "duplicate_name", "unknown_unit", "missing_argument", "unknown_argument", "input_count", "unit_recursion",
    "too_many_layers", "nested_too_deep", "missing_input",
    "window_too_large", "padding_too_large", "groups_do_not_divide", "input_not_image", "reshape_size",
    "axis_out_of_range", "rank_mismatch", "size_mismatch", "channel_mismatch",
})  # fmt: skip
"""Codes of mistakes that leave a layer without a shape: what stands behind it could not be checked."""


@dataclass(frozen=True)
class Checked:
    """What one check found: all problems, and the pointers of layers whose shape is unknown."""

    problems: tuple[Problem, ...]
    unknown: frozenset[str]


def offer(
    raw: Any,
    items: Iterable[Found],
    before: Checked,
    again: Callable[[Any], Checked],
    size: int,
    work: int = MOST_WORK,
) -> tuple[list[Problem], bool]:
    """Return the problems with the fixes that were tried and work, and whether some were not tried: too much `work`.

    `again` checks a document without fixes, `size` is its number of layers.
    """
    waiting = list(items)
    left = max(work // max(size, 1), 4)
    result = []
    short = False
    for place, item in enumerate(waiting):
        # Many problems share the work fairly, so that the last one gets its fix too.
        share = max(left // (len(waiting) - place), 1)
        good: list[Fix] = []
        second: list[Fix] = []
        for number, fix in enumerate((*item.problem.fixes, *item.propose())):
            if number >= MOST_TRIED or len(good) >= MOST_OFFERED:
                break
            if left <= 0 or number >= share:
                short = True
                break
            if not fix.patch or any(fix.title == other.title for other in (*good, *second)):
                continue
            left -= 1
            verdict = _verdict(raw, item.problem, fix, before, again)
            if verdict is not None:
                (good if verdict else second).append(fix)
        lenient = item.problem.code in HIDING or item.problem.severity == "warning"
        fixes = good or (second if lenient else [])
        result.append(replace(item.problem, fixes=tuple(fixes[:MOST_OFFERED])))
    return result, short


def _verdict(raw: Any, problem: Problem, fix: Fix, before: Checked, again: Callable[[Any], Checked]) -> bool | None:
    """Return True for a fix that works, False for one that brings to light what was hidden, None for one that fails."""
    try:
        after = again(apply(raw, fix.patch))
    except DocumentError:
        return None
    place = moved(problem.pointer, fix)
    if any(other.code == problem.code and other.pointer == place for other in after.problems):
        return None
    old, new = _counted(before.problems), _counted(after.problems)
    mine = (problem.code, problem.severity)
    fresh = {key for key, count in new.items() if key[1] == "error" and count > old[key]}
    if new[mine] >= old[mine] and problem.severity == "error":
        fresh.add(mine)  # the same mistake elsewhere: one that was hidden, or this one in another place
    if not fresh:
        return new[mine] < old[mine]
    if problem.severity == "warning":
        return None
    known = {p for p in before.unknown if p in WHOLE or not problem.pointer.startswith(p)}
    back = {moved(pointer, fix) for pointer in known}
    seen = {(p.code, moved(p.pointer, fix)) for p in before.problems}
    unseen = [p for p in after.problems if (p.code, p.severity) in fresh and (p.code, p.pointer) not in seen]
    if not unseen or any(not p.pointer.startswith(tuple(place for place in back if place)) for p in unseen):
        return None
    return False


def _counted(problems: Iterable[Problem]) -> Counter[tuple[str, str]]:
    return Counter((problem.code, problem.severity) for problem in problems)


def moved(pointer: str, fix: Fix) -> str | None:
    """Return where the place of `pointer` is after the fix; None where it has been removed.

    >>> moved("/model/layers/2/name", Fix("", ({"op": "add", "path": "/model/layers/0", "value": {}},)))
    '/model/layers/3/name'
    """
    steps = split(pointer)
    for operation in fix.patch:
        path = split(operation["path"])
        depth = len(path) - 1
        if operation["op"] == "replace" or not path or not path[-1].isdecimal() or len(steps) <= depth:
            continue
        if steps[:depth] != path[:depth] or not steps[depth].isdecimal():
            continue
        here, there = int(steps[depth]), int(path[depth])
        if operation["op"] == "add" and there <= here:
            steps[depth] = str(here + 1)
        elif operation["op"] == "remove" and there == here:
            return None
        elif operation["op"] == "remove" and there < here:
            steps[depth] = str(here - 1)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
