"""The buffers that rows may touch, and the check that a range stays within one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from ..tensors import SLACK
from .row import Range

Span = tuple[int, int]

WRITTEN_TABLES = frozenset({"FLAGS"})
"""Fields whose table a kernel writes: the flags by which units share memory."""

MOVED_PARAMETERS = frozenset({"W", "MEAN", "VARIANCE"})
"""Fields through which parameters may be written: an optimizer's step, and running statistics."""


class BrokenPlan(RuntimeError):
    """A tape that would touch memory which is not its own; a mistake in tsumiki, not in a document."""


class Regions:
    """Buffers by what may be done with them; each a list of spans [first, end) that do not overlap."""

    def __init__(self, tables: Iterable[Span], parameters: Iterable[Span], others: Iterable[Span]) -> None:
        self._kinds = [sorted(spans) for spans in (tables, parameters, others)]

    def allows(self, item: Range, blocks: Iterable[Span]) -> bool:
        """Say whether the range lies within one buffer, or one of the blocks of the row's call, and may be written."""
        if item.slack > SLACK:
            return False
        if any(first <= item.first and item.end <= end for first, end in blocks):
            return True
        tables, parameters, others = self._kinds
        allowed = [others]
        if not item.writes or item.field in WRITTEN_TABLES:
            allowed.append(tables)
        if not item.writes or item.field in MOVED_PARAMETERS:
            allowed.append(parameters)
        return any(_within(spans, item) for spans in allowed)


def _within(spans: list[Span], item: Range) -> bool:
    at = bisect_right(spans, (item.first, 1 << 63)) - 1
    return at >= 0 and spans[at][0] <= item.first and item.end <= spans[at][1]
