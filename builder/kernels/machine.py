"""The tape machine: a step is an int64 table, one row per operation, run by one call without Python or the GIL.

An operation is a function `(row, unit, real)` compiled to machine code that is kept in a file of its own; `row` is the
address of its table row, `real` a pointer whose type says float32 or float64. A row holds the callback's address, so a
new network never waits for a compiler. Each operation is split into units; the split depends on shapes only, never on
the number of threads, and partial sums are combined in a fixed order: the same bits for any number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .jit import carray, cfunc, njit, types
from .memory import exchange, ints, reals

FUNCTION, UNITS, ARGUMENTS, NEXT, DONE, SLOTS = 0, 1, 2, 56, 57, 64
"""Slots of a row: callback, number of units, first argument; atomic counters of units begun and done, which have a
cache line of their own, since every thread writes them while the others read the arguments."""

LOOPS = ("run_alone", "run_together", "run_help")
"""What runs a tape (crew.py); loaded with whatever kernel comes first."""

KERNELS: dict[str, Callable[..., None]] = {}
_LOADED: dict[tuple[str, str], int] = {}
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
def listening(heard: Callable[[str, float], None]) -> Iterator[None]:
    """Call heard(kernel name, seconds) after each kernel that had to be compiled rather than loaded."""
    _LISTENERS.append(heard)
    try:
        yield
    finally:
        _LISTENERS.remove(heard)


def address(name: str, dtype: type) -> int:
    """Return the kernel's address, loading it at its first use; see `load`."""
    key = (name, np.dtype(dtype).name)
    if key not in _LOADED:
        load([name], dtype)
    return _LOADED[key]


def load(names: Iterable[str], dtype: type) -> None:
    """Load kernels; those that this machine has not compiled yet are compiled first, by processes of their own."""
    from . import crew, objects  # noqa: F401  # crew registers the loops

    pairs = [(name, np.dtype(dtype).name) for name in names] + [(name, "float32") for name in LOOPS]
    wanted = [pair for pair in dict.fromkeys(pairs) if pair not in _LOADED]
    _compile([pair for pair in wanted if not objects.file(*pair).exists()])
    for pair in wanted:
        found = objects.load(objects.file(*pair))
        if found is None:  # cut short by a full disk, or removed meanwhile
            objects.file(*pair).unlink(missing_ok=True)
            _compile([pair])
            found = objects.load(objects.file(*pair))
        if found is None:
            raise RuntimeError(f"The compiled kernel {pair[0]} cannot be kept in {objects.folder()}: is the disk full?")
        _LOADED[pair] = found


def _compile(missing: list[tuple[str, str]]) -> None:
    """Compile kernels that are needed now; the others follow in the background."""
    if not missing:
        return
    from . import ahead
    from .compiling import compile_missing

    def heard(name: str, seconds: float) -> None:
        for listener in _LISTENERS:
            listener(name, seconds)

    compile_missing(missing, heard)
    ahead.start()


def build(name: str, dtype: str, path: Path) -> None:
    """Compile a kernel with Numba and write its machine code; for compiling.py."""
    from . import objects

    real = types.float64 if dtype == "float64" else types.float32
    signature = types.void(types.int64, types.int64, types.CPointer(real))
    made = cfunc(signature, nopython=True, error_model="numpy")(KERNELS[name])
    library = made._library
    code, final = library.machine_code(), library._final_module
    outside = [symbol.name for symbol in (*final.functions, *final.global_variables) if symbol.is_declaration]
    needs = [symbol for symbol in outside if not symbol.startswith("llvm.")]
    objects.write(path, made._wrapper_name, needs, code)


arguments = ints
"""(row) -> its slots."""


@njit
def array(real, address, count):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return `count` values of real's type at the address."""
    return carray(reals(real, address), count)


@njit
def turned(unit, slices, back):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return the number of this unit's slice: the last comes first where `back` is 1, see Emitter.turn."""
    return slices - 1 - unit if back else unit


@njit
def claim(flags, pieces):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Return the number of a free piece of memory, which the unit releases when it is done.

    One thread always gets the first, which stays in its cache.
    """
    while True:
        for i in range(pieces):
            if exchange(flags + 64 * i, 1) == 0:
                return i


@njit
def release(flags, piece):  # type: ignore[no-untyped-def]  # compiled by Numba
    """Give back a piece of memory that was claimed."""
    exchange(flags + 64 * piece, 0)


def run(tape: np.ndarray, threads: int = 1) -> None:
    """Run every row of the tape in order, each row's units on `threads` threads."""
    from . import crew

    crew.run(tape, threads)


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
