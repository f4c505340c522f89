"""The loops that run a tape, and the threads that help.

Helpers are Python threads that wait for a lock and then run compiled code without the interpreter's lock; no other
library is needed. A run opens a gate, works through the tape itself, shuts the gate and waits until all helpers have
left. A helper that comes too late finds the gate shut, so a busy core holds nobody up. There is one gate and one crew
in a process: a run that finds them taken works alone, so that runs at once do not ask for more threads than there are.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from typing import Any

import numpy as np

from .jit import carray, njit
from .machine import DONE, FUNCTION, NEXT, SLOTS, UNITS, address, kernel
from .simd import call, change, fetch_add, give_way, integers, load_acquire

OPEN, INSIDE, TAPE, ROWS, GATE = 0, 8, 16, 17, 24
"""Slots of the gate: whether it is open, how many are inside (each in a cache line of its own), the tape, its rows."""

PATIENCE = 2000
"""Looks at a counter (a few microseconds) before a waiting thread offers its core to others."""


@njit
def _wait(place, least):  # type: ignore[no-untyped-def]  # Numba
    """Wait until the counter at the address is at least so large."""
    waited = 0
    while load_acquire(place) < least:
        waited += 1
        if waited > PATIENCE:
            give_way()


@njit
def _work(tape, rows):  # type: ignore[no-untyped-def]  # Numba
    """Take units of each row until there is none, then wait until all are done: not until all threads have come."""
    for i in range(rows):
        row = tape + i * SLOTS * 8
        slots = carray(integers(row), SLOTS)
        function, units, next_unit, done = slots[FUNCTION], slots[UNITS], row + 8 * NEXT, row + 8 * DONE
        u = fetch_add(next_unit)
        while u < units:
            call(function, row, u)
            fetch_add(done)
            u = fetch_add(next_unit)
        _wait(done, units)


@kernel
def run_alone(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Run the tape at address `row`, of `unit` rows, on this thread."""
    for i in range(unit):
        here = row + i * SLOTS * 8
        slots = carray(integers(here), SLOTS)
        for u in range(slots[UNITS]):
            call(slots[FUNCTION], here, u)


@kernel
def run_together(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Run the tape that the gate at address `row` names, with whoever comes to help."""
    gate = carray(integers(row), GATE)
    tape, rows = gate[TAPE], gate[ROWS]
    for i in range(rows):
        slots = carray(integers(tape + i * SLOTS * 8), SLOTS)
        slots[NEXT] = 0
        slots[DONE] = 0
    change(row + 8 * OPEN, 1)
    _work(tape, rows)
    change(row + 8 * OPEN, -1)
    waited = 0
    while change(row + 8 * INSIDE, 0) > 0:
        waited += 1
        if waited > PATIENCE:
            give_way()


@kernel
def run_help(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Help with the tape that the gate at address `row` names, if it is open."""
    change(row + 8 * INSIDE, 1)
    if change(row + 8 * OPEN, 0) > 0:
        gate = carray(integers(row), GATE)
        _work(gate[TAPE], gate[ROWS])
    change(row + 8 * INSIDE, -1)


@functools.cache
def _function(name: str) -> Any:
    """Return a loop as a function that gives up the interpreter's lock while it runs."""
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address(name, np.float32))


class Crew:
    """The gate and the helpers of this process."""

    def __init__(self) -> None:
        self._raw = np.zeros(GATE + 8, np.int64)
        skip = -self._raw.ctypes.data % 64 // 8
        self._gate = self._raw[skip : skip + GATE]
        self._at = int(self._gate.ctypes.data)
        self._bells: list[threading.Semaphore] = []
        self._taken = threading.Lock()

    def run(self, tape: int, rows: int, threads: int) -> None:
        """Run a tape on so many threads, or alone where another run has the helpers."""
        if not self._taken.acquire(blocking=False):
            _function("run_alone")(tape, rows, None)
            return
        try:
            together = _function("run_together")
            while len(self._bells) < threads - 1:
                self._hire()
            self._gate[TAPE], self._gate[ROWS] = tape, rows
            for bell in self._bells[: threads - 1]:
                bell.release()
            together(self._at, 0, None)
        finally:
            self._taken.release()

    def _hire(self) -> None:
        bell, at = threading.Semaphore(0), self._at
        work = _function("run_help")

        def help_out() -> None:
            while True:
                bell.acquire()
                work(at, 0, None)

        threading.Thread(target=help_out, name="tsumiki-helper", daemon=True).start()
        self._bells.append(bell)


CREW = Crew()


def _after_fork() -> None:
    global CREW
    CREW = Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run(tape: np.ndarray, threads: int) -> None:
    """Run every row of the tape in order, each row's units on `threads` threads."""
    if threads == 1:
        _function("run_alone")(tape.ctypes.data, len(tape), None)
    else:
        CREW.run(int(tape.ctypes.data), len(tape), threads)
