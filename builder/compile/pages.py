"""Zeroed memory whose first use is cheap: large arrays in pages of 2 MB where the system has them.

A page of 4 KB costs its first writer 0.7 to 3 microseconds (virtual machines), and a network of 62 million weights has
four times 61,000 of them. Memory counts when it is first written, as before, in larger steps.
"""

from __future__ import annotations

import contextlib
import mmap

import numpy as np

HUGE = 2 << 20
"""Bytes of a large page."""

LARGE = 4 * HUGE
"""Bytes from which an array is worth a mapping of its own."""


def zeros(size: int) -> np.ndarray:
    """Return `size` zeroed bytes. A large array begins at a large page, so that all but its end are such pages."""
    if size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(size, np.uint8)
    mapped = mmap.mmap(-1, size + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel built without large pages
        mapped.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(mapped, np.uint8)
    start = -raw.ctypes.data % HUGE
    return raw[start : start + size]
