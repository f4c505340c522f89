"""y = f(x) and its derivative, value by value. ReLU, Sigmoid and Tanh have loops of their own; every other function is
a small stack program (see compile/expression.py) on blocks of values, so no new activation waits for a compiler.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .codes import (
    ABS,
    ADD,
    CONSTANT,
    COS,
    DIVIDE,
    ERF,
    EXP,
    GREATER,
    GREATER_EQUAL,
    KINDS as KINDS,
    LESS,
    LESS_EQUAL,
    LOAD_X,
    LOAD_Y,
    LOG,
    LOG1P,
    MAXIMUM,
    MINIMUM,
    MULTIPLY,
    NEGATE,
    POWER,
    PROGRAM,
    RELU,
    SIGMOID,
    SIGMOID_OF,
    SIGN,
    SIN,
    SQRT,
    SUBTRACT,
    TANH,
    TANH_OF,
    WHERE,
)
from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, ints

(
    X, X0, X1, X2, Y, Y0, Y1, Y2, DY, DY0, DY1, DY2, DX, DX0, DX1, DX2,
    D0, D1, D2, L, SLICES, KIND,
    CODE, NCODE, CONSTANTS, DEPTH,   # program: (operation, argument) pairs, their number, constants, stack depth
) = slots(26)  # fmt: skip

BLOCK = 128


@njit
def _at(d, real, base, r):  # type: ignore[no-untyped-def]  # Numba
    i, j, k = r // (d[D1] * d[D2]), r // d[D2] % d[D1], r % d[D2]
    return array(real, d[base] + i * d[base + 1] + j * d[base + 2] + k * d[base + 3], d[L])


@njit
def _sigmoid(v):  # type: ignore[no-untyped-def]  # Numba
    e = math.exp(-abs(v))
    return 1 / (1 + e) if v >= 0 else e / (1 + e)


@njit
def _binary(op, a, b, n):  # type: ignore[no-untyped-def]  # Numba
    """a = a op b."""
    for i in range(n):
        u, v = a[i], b[i]
        if op == ADD:
            u = u + v
        elif op == SUBTRACT:
            u = u - v
        elif op == MULTIPLY:
            u = u * v
        elif op == DIVIDE:
            u = u / v
        elif op == POWER:
            u = u**v
        elif op == MINIMUM:
            u = v if v < u or v != v else u
        elif op == MAXIMUM:
            u = v if v > u or v != v else u
        elif op == GREATER:
            u = u > v
        elif op == GREATER_EQUAL:
            u = u >= v
        elif op == LESS:
            u = u < v
        else:
            u = u <= v
        a[i] = u


@njit
def _unary(op, a, n):  # type: ignore[no-untyped-def]  # Numba
    """a = op a."""
    for i in range(n):
        u = a[i]
        if op == NEGATE:
            u = -u
        elif op == EXP:
            u = math.exp(u)
        elif op == LOG:
            u = np.log(u)
        elif op == LOG1P:
            u = np.log1p(u)
        elif op == SQRT:
            u = np.sqrt(u)
        elif op == ABS:
            u = abs(u)
        elif op == SIGN:
            u = np.sign(u)
        elif op == TANH_OF:
            u = math.tanh(u)
        elif op == SIGMOID_OF:
            u = _sigmoid(u)
        elif op == ERF:
            u = math.erf(u)
        elif op == SIN:
            u = math.sin(u)
        else:
            u = math.cos(u)
        a[i] = u


@njit
def evaluate(code, steps, constants, x, y, stack, n):  # type: ignore[no-untyped-def]  # Numba
    """Run the program of so many steps on n values; the result is stack[0, :n]."""
    top = 0
    for c in range(steps):
        op, k = code[2 * c], code[2 * c + 1]
        if op <= LOAD_Y:
            for i in range(n):
                stack[top, i] = constants[k] if op == CONSTANT else (x[i] if op == LOAD_X else y[i])
            top += 1
        elif op < WHERE:
            _binary(op, stack[top - 2], stack[top - 1], n)
            top -= 1
        elif op == WHERE:
            for i in range(n):
                stack[top - 3, i] = stack[top - 2, i] if stack[top - 3, i] != 0 else stack[top - 1, i]
            top -= 2
        else:
            _unary(op, stack[top - 1], n)


@kernel
def pointwise_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = f(x). Units: slices of rows."""
    d = arguments(row)
    rows, n, kind = d[D0] * d[D1] * d[D2], d[L], d[KIND]
    stack = np.empty((d[DEPTH], BLOCK if kind == PROGRAM else 0))
    code, constants = ints(d[CODE]), floats(d[CONSTANTS])
    for r in range(unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]):
        x, y = _at(d, real, X, r), _at(d, real, Y, r)
        if kind == RELU:
            for i in range(n):
                v = x[i]
                y[i] = v if v > 0 or v != v else y.dtype.type(0)
        elif kind == SIGMOID:
            for i in range(n):
                y[i] = _sigmoid(x[i])
        elif kind == TANH:
            for i in range(n):
                y[i] = math.tanh(x[i])
        else:
            for i in range(0, n, BLOCK):
                m = min(BLOCK, n - i)
                evaluate(code, d[NCODE], constants, x[i : i + m], x[i : i + m], stack, m)
                for j in range(m):
                    y[i + j] = stack[0, j]


@kernel
def pointwise_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = dy * f'(x). Units: slices of rows."""
    d = arguments(row)
    rows, n, kind = d[D0] * d[D1] * d[D2], d[L], d[KIND]
    stack = np.empty((d[DEPTH], BLOCK if kind == PROGRAM else 0))
    code, constants = ints(d[CODE]), floats(d[CONSTANTS])
    for r in range(unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]):
        x, y, dy, dx = _at(d, real, X, r), _at(d, real, Y, r), _at(d, real, DY, r), _at(d, real, DX, r)
        if kind == RELU:
            for i in range(n):
                dx[i] = dy[i] if y[i] > 0 else dy[i] * y[i]
        elif kind == SIGMOID:
            for i in range(n):
                dx[i] = dy[i] * (y[i] * (1 - y[i]))
        elif kind == TANH:
            for i in range(n):
                dx[i] = dy[i] * (1 - y[i] * y[i])
        else:
            for i in range(0, n, BLOCK):
                m = min(BLOCK, n - i)
                evaluate(code, d[NCODE], constants, x[i : i + m], y[i : i + m], stack, m)
                for j in range(m):
                    dx[i + j] = dy[i + j] * stack[0, j]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def twin_relu_forward(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def twin_relu_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dy where x > 0, else 0."""
    return np.where(x > 0, dy, 0.0)


def twin_sigmoid_forward(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), with an exponential that cannot overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def twin_sigmoid_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dy * y * (1 - y)."""
    y = twin_sigmoid_forward(x)
    return dy * y * (1 - y)


def twin_tanh_forward(x: np.ndarray) -> np.ndarray:
    """Return tanh(x)."""
    return np.tanh(x)


def twin_tanh_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dy * (1 - y * y)."""
    return dy * (1 - np.tanh(x) ** 2)


_TWINS: dict[int, tuple[int, Callable[..., Any]]] = {
    ADD: (2, np.add), SUBTRACT: (2, np.subtract), MULTIPLY: (2, np.multiply), DIVIDE: (2, np.divide),
    POWER: (2, np.power), MINIMUM: (2, np.minimum), MAXIMUM: (2, np.maximum), GREATER: (2, np.greater),
    GREATER_EQUAL: (2, np.greater_equal), LESS: (2, np.less), LESS_EQUAL: (2, np.less_equal),
    WHERE: (3, lambda condition, a, b: np.where(condition != 0, a, b)),
    NEGATE: (1, np.negative), EXP: (1, np.exp), LOG: (1, np.log), LOG1P: (1, np.log1p), SQRT: (1, np.sqrt),
    ABS: (1, np.abs), SIGN: (1, np.sign), TANH_OF: (1, np.tanh), SIGMOID_OF: (1, twin_sigmoid_forward),
    ERF: (1, np.vectorize(math.erf, otypes=[float])), SIN: (1, np.sin), COS: (1, np.cos),
}  # fmt: skip
"""Operation -> how many values it takes from the stack, and what it puts there."""


def twin_program_forward(
    code: list[int], constants: list[float], x: np.ndarray, y: np.ndarray | None = None
) -> np.ndarray:
    """Return the value of a stack program; overflow gives inf and an undefined value NaN, as in the kernel."""
    stack: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        for op, argument in zip(code[::2], code[1::2], strict=True):
            if op == CONSTANT:
                stack.append(np.full(x.shape, constants[argument]))
            elif op == LOAD_X:
                stack.append(x)
            elif op == LOAD_Y:
                stack.append(x if y is None else y)
            else:
                count, function = _TWINS[op]
                operands = stack[-count:]
                del stack[-count:]
                stack.append(np.asarray(function(*operands), dtype=np.float64))
    return stack[0]


def twin_program_backward(
    code: list[int], constants: list[float], x: np.ndarray, y: np.ndarray, dy: np.ndarray
) -> np.ndarray:
    """Return dy times the derivative that the program computes from x and y."""
    return dy * twin_program_forward(code, constants, x, y)
