"""y = f(a, b), value by value, and its derivatives: differences, quotients, and every other formula of two values.

The function is a stack program (see pointwise.py) that knows a as x and b as y.
"""

from __future__ import annotations

import numpy as np

from .elementwise import at, share
from .machine import arguments, kernel, slots
from .memory import floats, ints
from .pointwise import BLOCK, evaluate

(
    A, A0, A1, A2, B, B0, B1, B2, Y, Y0, Y1, Y2,   # as in elementwise.py, whose helpers read these slots
    D0, D1, D2, L, SLICES, BACK,
    DY, DY0, DY1, DY2,
    CODE, NCODE, CONSTANTS, DEPTH,
) = slots(26)  # fmt: skip


@kernel
def binary_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = f(a, b). Units: slices of rows."""
    d = arguments(row)
    first, last = share(d, unit)
    n, stack = d[L], np.empty((d[DEPTH], BLOCK))
    code, constants = ints(d[CODE]), floats(d[CONSTANTS])
    for r in range(first, last):
        a, b, y = at(d, real, A, r), at(d, real, B, r), at(d, real, Y, r)
        for i in range(0, n, BLOCK):
            m = min(BLOCK, n - i)
            evaluate(code, d[NCODE], constants, a[i : i + m], b[i : i + m], stack, m)
            for j in range(m):
                y[i + j] = stack[0, j]


@kernel
def binary_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = dy * f'(a, b), f' one of the two derivatives. Units: slices of rows."""
    d = arguments(row)
    first, last = share(d, unit)
    n, stack = d[L], np.empty((d[DEPTH], BLOCK))
    code, constants = ints(d[CODE]), floats(d[CONSTANTS])
    for r in range(first, last):
        a, b, y, dy = at(d, real, A, r), at(d, real, B, r), at(d, real, Y, r), at(d, real, DY, r)
        for i in range(0, n, BLOCK):
            m = min(BLOCK, n - i)
            evaluate(code, d[NCODE], constants, a[i : i + m], b[i : i + m], stack, m)
            for j in range(m):
                y[i + j] = dy[i + j] * stack[0, j]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def twin_subtract_forward(a: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return a minus all others."""
    return a - np.sum(others, axis=0)


def twin_subtract_backward(dy: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the gradient of each input."""
    return [dy, *[-dy] * (count - 1)]


def twin_divide_forward(a: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return a divided by all others."""
    return a / np.prod(others, axis=0)


def twin_divide_backward(dy: np.ndarray, a: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Return the gradient of each input."""
    y = twin_divide_forward(a, *others)
    return [dy / np.prod(others, axis=0), *(-dy * y / b for b in others)]
