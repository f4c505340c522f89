"""The loops that run a tape, and the threads that help.

Helpers are Python threads that run compiled code without the interpreter's lock; no other library is needed. A run
opens a gate, works through the tape itself, shuts the gate and waits until all helpers have left. A helper that comes
too late finds the gate shut, so a busy core holds nobody up. Between runs a helper looks at the gate for a while: the
steps of a training follow each other within microseconds, and waking a thread takes longer than that. Then it sleeps
until it is rung for. There is one gate and one crew in a process: a run that finds them taken works alone, so that runs
at once do not ask for more threads than there are.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from typing import Any

import numpy as np

from .jit import njit
from .machine import DONE, FUNCTION, NEXT, SLOTS, UNITS, address, kernel
from .memory import call, change, exchange, give_way, ints, load_acquire, relax

OPEN, TURN, TAPE, ROWS, INSIDE, GATE = 0, 1, 2, 3, 8, 16
"""Slots of the gate: how many helpers may come in (0: shut), the number of this run, its tape and rows; how many are
inside, in a cache line of its own."""

ASLEEP, NUMBER, SEEN, LINE = 0, 1, 2, 8
"""Slots of a helper's own cache line: whether it must be rung for, its number, the run it has last seen."""

PATIENCE = 200
"""Looks at a counter (a few microseconds) before a waiting thread offers its core to others at each look."""

STAY = 1000
"""Looks at the gate (some tenths of a millisecond) before a helper goes to sleep."""


GRABS = 64
"""About how often the threads take units of a row: several at a time where there are more. A counter that two cores
change takes a tenth of a microsecond each time, as long as some units."""


@njit
def _pass(waited):  # type: ignore[no-untyped-def]  # Numba
    """Let a moment pass between two looks at memory; return how many have passed."""
    if waited < PATIENCE:
        relax()
    else:
        give_way()
    return waited + 1


@njit
def _work(tape, rows):  # type: ignore[no-untyped-def]  # Numba
    """Take units of each row until there is none, then wait until all are done: not until all threads have come."""
    for i in range(rows):
        row = tape + i * SLOTS * 8
        slots = ints(row)
        function, units, next_unit, done = slots[FUNCTION], slots[UNITS], row + 8 * NEXT, row + 8 * DONE
        some = 1 + units // GRABS
        first = change(next_unit, some)
        while first < units:
            last = min(first + some, units)
            for u in range(first, last):
                call(function, row, u)
            change(done, last - first)
            first = change(next_unit, some)
        waited = 0
        while load_acquire(done) < units:
            waited = _pass(waited)


@kernel
def run_alone(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Run the tape at address `row`, of `unit` rows, on this thread."""
    for i in range(unit):
        here = row + i * SLOTS * 8
        slots = ints(here)
        for u in range(slots[UNITS]):
            call(slots[FUNCTION], here, u)


@kernel
def run_together(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Run the tape that the gate at address `row` names, with up to `unit` helpers."""
    gate = ints(row)
    tape, rows = gate[TAPE], gate[ROWS]
    for i in range(rows):
        slots = ints(tape + i * SLOTS * 8)
        slots[NEXT] = 0
        slots[DONE] = 0
    change(row + 8 * TURN, 1)
    change(row + 8 * OPEN, unit)
    _work(tape, rows)
    change(row + 8 * OPEN, -unit)
    waited = 0
    while change(row + 8 * INSIDE, 0) > 0:
        waited = _pass(waited)


@njit
def _wanted(gate, number, seen):  # type: ignore[no-untyped-def]  # Numba
    return load_acquire(gate + 8 * OPEN) > number and load_acquire(gate + 8 * TURN) != seen


@kernel
def run_help(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Help with what the gate at address `row` names as often as it opens, until it has been shut for a while.

    `unit` is the address of this helper's own line.
    """
    own = ints(unit)
    number, waited = own[NUMBER], 0
    while True:
        if _wanted(row, number, own[SEEN]):
            change(row + 8 * INSIDE, 1)
            if change(row + 8 * OPEN, 0) > number:  # it cannot be shut behind us any more
                gate = ints(row)
                own[SEEN] = gate[TURN]
                _work(gate[TAPE], gate[ROWS])
                waited = 0
            change(row + 8 * INSIDE, -1)
        elif waited < STAY:
            waited = _pass(waited)
        else:
            exchange(unit + 8 * ASLEEP, 1)
            if not _wanted(row, number, own[SEEN]):
                return
            exchange(unit + 8 * ASLEEP, 0)


@functools.cache
def _function(name: str) -> Any:
    """Return a loop as a function that gives up the interpreter's lock while it runs."""
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address(name, np.float32))


def _lines(count: int, slots: int) -> tuple[np.ndarray, int]:
    """Return zeros that begin at a cache line, and their address."""
    raw = np.zeros(count * slots + LINE, np.int64)
    skip = -raw.ctypes.data % 64 // 8
    made = raw[skip : skip + count * slots]
    return made, int(made.ctypes.data)


class Helper:
    """A thread that helps, and what it is woken with."""

    def __init__(self, gate: int, number: int) -> None:
        self._own, place = _lines(1, LINE)
        self._own[NUMBER] = number
        self._bell = threading.Lock()
        self._bell.acquire()
        work, bell = _function("run_help"), self._bell

        def help_out() -> None:
            while True:
                work(gate, place, None)
                bell.acquire()

        threading.Thread(target=help_out, name="tsumiki-helper", daemon=True).start()

    def call(self) -> None:
        """Wake it if it sleeps. One that goes to sleep at this moment misses a run."""
        if self._own[ASLEEP] and self._bell.locked():
            self._own[ASLEEP] = 0
            self._bell.release()


class Crew:
    """The gate and the helpers of this process."""

    def __init__(self) -> None:
        self._gate, self._at = _lines(1, GATE)
        self._helpers: list[Helper] = []
        self._taken = threading.Lock()

    def run(self, tape: int, rows: int, threads: int) -> None:
        """Run a tape on so many threads, or alone where another run has the helpers."""
        if not self._taken.acquire(blocking=False):
            _function("run_alone")(tape, rows, None)
            return
        try:
            together = _function("run_together")
            while len(self._helpers) < threads - 1:
                self._helpers.append(Helper(self._at, len(self._helpers)))
            self._gate[TAPE], self._gate[ROWS] = tape, rows
            for helper in self._helpers[: threads - 1]:
                helper.call()
            together(self._at, threads - 1, None)
        finally:
            self._taken.release()


CREW = Crew()


def _after_fork() -> None:
    global CREW
    CREW = Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run(tape: np.ndarray, threads: int) -> None:
    """Run every row of the tape in order, each row's units on `threads` threads."""
    run_at(int(tape.ctypes.data), len(tape), threads)


def run_at(tape: int, rows: int, threads: int) -> None:
    """Run the tape of so many rows at an address: to ask for that takes as long as a small network."""
    if threads == 1:
        _function("run_alone")(tape, rows, None)
    else:
        CREW.run(tape, rows, threads)
