"""The tape machine: a step is an int64 table, one row per operation, run by one call without Python or the GIL.

An operation is a function `(row, unit, real)` compiled to a C callback and kept in its own cache file; `row` is the
address of its table row, `real` a pointer whose type says float32 or float64. A row holds the callback's address, so a
new network never waits for a compiler. Each operation is split into units; the split depends on shapes only, never on
the number of threads, and partial sums are combined in a fixed order: the same bits for any number of threads.
"""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numba import carray, cfunc, njit, prange, types

from . import cpu
from .simd import call, doubles, fetch_add, give_way, integers, load_acquire, reals

FUNCTION, UNITS, ARGUMENTS, NEXT, DONE, SLOTS = 0, 1, 2, 56, 57, 64
"""Slots of a row: callback, number of units, first argument; atomic counters of units begun and done, which have a
cache line of their own, since every thread writes them while the others read the arguments."""

KERNELS: dict[str, Callable[..., None]] = {}
_COMPILED: dict[tuple[str, type], Any] = {}
_LISTENERS: list[Callable[[str, float], None]] = []


def slots(count: int) -> range:
    """Return the numbers of a kernel's argument slots."""
    if ARGUMENTS + count > NEXT:
        raise ValueError(f"a row has room for {NEXT - ARGUMENTS} arguments, not {count}")
    return range(ARGUMENTS, ARGUMENTS + count)


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Register an operation under its function's name."""
    KERNELS[function.__name__] = function
    return function


@contextmanager
def cached() -> Iterator[bool]:
    """Point Numba's cache at our private folder while kernels are declared; other code's setting stays as it is."""
    folder = cpu.cache_folder()
    before = numba.config.CACHE_DIR
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)
    try:
        yield folder is not None
    finally:
        numba.config.CACHE_DIR = before


@contextmanager
def listening(heard: Callable[[str, float], None]) -> Iterator[None]:
    """Call heard(kernel name, seconds) after each kernel that had to be compiled rather than loaded."""
    _LISTENERS.append(heard)
    try:
        yield
    finally:
        _LISTENERS.remove(heard)


def address(name: str, dtype: type) -> int:
    """Return the callback's address, compiling the kernel or loading it from the cache at its first use."""
    key = (name, dtype)
    if key not in _COMPILED:
        begin = time.perf_counter()
        pointer = types.CPointer(types.float64 if dtype is np.float64 else types.float32)
        with cached() as kept:
            made = cfunc(types.void(types.int64, types.int64, pointer), cache=kept, nopython=True, error_model="numpy")(
                KERNELS[name]
            )
        _COMPILED[key] = made
        if not made.cache_hits:
            for heard in _LISTENERS:
                heard(name, time.perf_counter() - begin)
    found: int = _COMPILED[key].address
    return found


@njit
def arguments(row):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return the row's slots as an int64 array."""
    return carray(integers(row), SLOTS)


@njit
def array(real, address, count):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return `count` values of real's type at the address."""
    return carray(reals(real, address), count)


@njit
def ints(address, count):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return `count` int64 values at the address."""
    return carray(integers(address), count)


@njit
def floats(address, count):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return `count` float64 values at the address."""
    return carray(doubles(address), count)


def _run_alone(tape):  # type: ignore[no-untyped-def]  # compiled by Numba
    for i in range(tape.shape[0]):
        row = tape.ctypes.data + i * SLOTS * 8
        for u in range(tape[i, UNITS]):
            call(tape[i, FUNCTION], row, u)


def _run_threads(tape, threads):  # type: ignore[no-untyped-def]  # compiled by Numba
    # One parallel region for the whole tape. Threads take the next unit from an atomic counter and go on to the next
    # row when all units of this one are done, not when all threads have come: a thread whose core is busy with
    # something else holds nobody up, and the first may do everything alone.
    for i in range(tape.shape[0]):
        tape[i, NEXT] = 0
        tape[i, DONE] = 0
    for _ in prange(threads):
        for i in range(tape.shape[0]):
            function, units, row = tape[i, FUNCTION], tape[i, UNITS], tape.ctypes.data + i * SLOTS * 8
            next_unit, done = row + 8 * NEXT, row + 8 * DONE
            u = fetch_add(next_unit)
            while u < units:
                call(function, row, u)
                fetch_add(done)
                u = fetch_add(next_unit)
            waited = 0
            while load_acquire(done) < units:
                waited += 1
                if waited > PATIENCE:
                    give_way()


PATIENCE = 2000
"""Looks at a counter (a few microseconds) before a waiting thread offers its core to others."""

_RUNNERS: dict[bool, Any] = {}


def _runner(parallel: bool) -> Any:
    if parallel not in _RUNNERS:
        begin = time.perf_counter()
        with cached() as kept:
            if parallel:
                made = njit("void(i8[:, ::1], i8)", parallel=True, cache=kept, nogil=True)(_run_threads)
            else:
                made = njit("void(i8[:, ::1])", cache=kept, nogil=True)(_run_alone)
        _RUNNERS[parallel] = made
        if not made.stats.cache_hits:
            for heard in _LISTENERS:
                heard("run", time.perf_counter() - begin)
    return _RUNNERS[parallel]


@functools.cache
def _threads_exist() -> bool:
    """Load OpenMP or TBB; where there is neither, say so once and work on one thread."""
    # Threads that wait in a busy loop take the processor from whoever else needs it; a short one is enough here.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    numba.config.THREADING_LAYER = "threadsafe"  # omp or tbb; workqueue aborts when two threads enter
    try:
        numba.set_num_threads(numba.get_num_threads())
    except ValueError:
        warnings.warn("Neither OpenMP nor TBB was found: tsumiki works on one thread.", RuntimeWarning, stacklevel=3)
        return False
    return True


def run(tape: np.ndarray, threads: int = 1) -> None:
    """Run every row of the tape in order, each row's units on `threads` threads."""
    if threads == 1 or not _threads_exist():
        _runner(False)(tape)
        return
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        _runner(True)(tape, threads)
    finally:
        numba.set_num_threads(before)


def timed(tape: np.ndarray, threads: int, seconds: float) -> np.ndarray:
    """Run the tape row by row for about so many seconds (five times at least); return the seconds of each row.

    It is the lower quartile of its times, which leaves out what other programs add. What it costs to begin a row alone
    is measured with a tape without rows, and taken off.
    """
    rows = [tape[i : i + 1] for i in range(len(tape))]
    rounds: list[list[int]] = []
    end = time.perf_counter() + seconds
    clock, nothing = time.perf_counter_ns, tape[:0]
    while len(rounds) < 5 or time.perf_counter() < end:
        found = []
        for row in (nothing, *rows):
            begin = clock()
            run(row, threads)
            found.append(clock() - begin)
        rounds.append(found)
    quartile = np.quantile(np.array(rounds, np.float64), 0.25, axis=0) / 1e9
    return np.maximum(quartile[1:] - quartile[0], 0.0)
