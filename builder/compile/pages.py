"""Zeroed memory whose first use is cheap: large arrays in the pages that the system gives soonest.

A page of 4 KB costs its first writer 0.7 to 3 microseconds (virtual machines), and a network of 62 million weights has
four times 61,000 of them. A page of 2 MB, 512 times as large, costs 200 microseconds where the machine has it at hand;
in a virtual machine whose host takes unused memory back, 5,000. Two threads that ask for pages at once wait for each
other. So an array that will be used whole is touched when it is made, by one thread, in the cheaper pages of both.
"""

from __future__ import annotations

import contextlib
import mmap
import time

import numpy as np

HUGE = 2 << 20
"""Bytes of a large page."""

LARGE = 4 * HUGE
"""Bytes from which an array is worth a mapping of its own."""

STRETCH = 16 * HUGE
"""Bytes between two trials of both kinds of pages: what is at hand changes within an array."""

WORTH = 1.25
"""A large page may take so many times as long as the small ones: later every use of it is a little cheaper."""


def zeros(size: int, whole: bool = True) -> np.ndarray:
    """Return `size` zeroed bytes. A large array begins at a large page, and is touched now if its `whole` will be used.

    What is not touched counts as memory when it is first written, in large pages.
    """
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(size, np.uint8)
    mapped = mmap.mmap(-1, size + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    raw = np.frombuffer(mapped, np.uint8)
    start = -raw.ctypes.data % HUGE
    with contextlib.suppress(OSError):  # a kernel built without large pages
        if whole:
            _touch(mapped, raw, start, start + size)
        mapped.madvise(mmap.MADV_HUGEPAGE)  # the kernel then joins small pages in its own time
    return raw[start : start + size]


def _touch(mapped: mmap.mmap, raw: np.ndarray, start: int, stop: int) -> None:
    """Write to every page of [start, stop), large or small as the first two large ones of a stretch were cheaper."""
    for begin in range(start, stop, STRETCH):
        small = begin + HUGE
        mapped.madvise(mmap.MADV_HUGEPAGE, begin, HUGE)
        large = _write(raw, begin, min(small, stop))
        few = _write(raw, small, min(small + HUGE, stop))
        end = min(begin + STRETCH, stop)
        if large <= WORTH * few and small + HUGE < end:
            mapped.madvise(mmap.MADV_HUGEPAGE, small + HUGE, end - small - HUGE)
        _write(raw, small + HUGE, end)


def _write(raw: np.ndarray, start: int, stop: int) -> float:
    """Write to every page of [start, stop) and return the seconds that it took."""
    begin = time.perf_counter()
    raw[start : max(start, stop) : mmap.PAGESIZE] = 0
    return time.perf_counter() - begin
