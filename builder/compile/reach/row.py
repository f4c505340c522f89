"""A row of a tape under examination: its fields by name, and the byte ranges that its kernel says it will touch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

REAL, INT, DOUBLE = "real", "int", "double"


@dataclass(frozen=True)
class Range:
    """Bytes [first, end) that a row reads or writes, all units together. `field` names the slot they come from.

    `slack` bytes behind them may be read too: lanes that only pad, whose results nobody uses.
    """

    field: str
    first: int
    end: int
    writes: bool
    slack: int = 0


class Tables:
    """The tables that a program keeps, found by an address within them."""

    def __init__(self, kept: Iterable[np.ndarray]) -> None:
        self._arrays = sorted((a for a in kept if a.nbytes), key=lambda a: a.ctypes.data)
        self._starts = [int(a.ctypes.data) for a in self._arrays]

    def ints(self, address: int, count: int) -> np.ndarray:
        """Return `count` int64 values at the address. Raises LookupError where no table holds them all."""
        at = bisect_right(self._starts, address) - 1
        if at >= 0:
            table = self._arrays[at].reshape(-1).view(np.int64)
            first, odd = divmod(address - self._starts[at], 8)
            if not odd and first + count <= len(table):
                return table[first : first + count]
        raise LookupError(f"no table holds {count} numbers at {address:#x}")


@dataclass
class Row:
    """One row. `item` is the size of a value in bytes, `vector` that of a vector register."""

    kernel: str
    fields: dict[str, int]
    units: int
    item: int
    vector: int
    tables: Tables
    ranges: list[Range] = field(default_factory=list)

    def __getitem__(self, key: str) -> int:
        return self.fields.get(key, 0)

    def sizes(self, *keys: str) -> list[int]:
        """Return several fields, counts as a rule."""
        return [self[key] for key in keys]

    def touch(self, key: str, first: int, end: int, writes: bool = False, slack: int = 0) -> None:
        """State the bytes [first, end)."""
        if end > first:
            self.ranges.append(Range(key, int(first), int(end), writes, slack))

    def room(self, slack: int = 0) -> None:
        """State the memory of units at work (machine.claim), and its flags."""
        self.touch("SPACE", self["SPACE"], self["SPACE"] + self["NSPACE"] * self["SLICE"], True, slack)
        self.touch("FLAGS", self["FLAGS"], self["FLAGS"] + 64 * self["NSPACE"], True)

    def reads(self, key: str, values: int, size: int = 0) -> None:
        """State `values` values at the address in slot `key`; of `size` bytes each, else the network's own."""
        self.touch(key, self[key], self[key] + values * (size or self.item))

    def writes(self, key: str, values: int, size: int = 0) -> None:
        """The same, written; what a kernel adds to it reads as well, which this includes."""
        self.touch(key, self[key], self[key] + values * (size or self.item), True)

    def may_read(self, key: str, values: int, size: int = 0) -> None:
        """The same for a slot that may be 0: nothing is read then."""
        if self[key]:
            self.reads(key, values, size)

    def may_write(self, key: str, values: int, size: int = 0) -> None:
        """Likewise."""
        if self[key]:
            self.writes(key, values, size)

    def box(self, key: str, steps: Sequence[tuple[int, int]], length: int, writes: bool = False) -> None:
        """State `length` bytes at every place of a grid: (count, stride in bytes) per axis; nothing without places."""
        if all(count > 0 for count, _ in steps):
            reach = [(count - 1) * stride for count, stride in steps]
            first = self[key] + sum(min(r, 0) for r in reach)
            self.touch(key, first, self[key] + sum(max(r, 0) for r in reach) + length, writes)

    def ints(self, key: str, count: int, offset: int = 0) -> np.ndarray:
        """Return a table of int64, and state that it is read."""
        self.touch(key, self[key] + offset, self[key] + offset + 8 * count)
        return self.tables.ints(self[key] + offset, count)


REACH: dict[str, Callable[[Row], None]] = {}
"""Kernel -> what states the ranges of its rows."""


def reach(*kernels: str) -> Callable[[Callable[[Row], None]], Callable[[Row], None]]:
    """Register a function for kernels."""

    def register(function: Callable[[Row], None]) -> Callable[[Row], None]:
        REACH.update(dict.fromkeys(kernels, function))
        return function

    return register
