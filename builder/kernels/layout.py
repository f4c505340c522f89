"""Between the user's (N, C, H, W) and the engine's NHWC."""

from __future__ import annotations

import numpy as np

from .machine import arguments, array, kernel, slots
from .memory import size_of

FLAT, X, XN, XH, XW, C, H, W = slots(8)


FEW = 4
"""Channels that are copied one after the other, a row of an image at a time."""


@kernel
def from_nchw(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """x[n, h, w, c] = flat[n, c, h, w]. Units: samples."""
    d = arguments(row)
    c, h, w = d[C], d[H], d[W]
    flat = array(real, d[FLAT], (unit + 1) * c * h * w)[unit * c * h * w :]
    if c == 1:
        rows, length = (1, h * w) if d[XH] == w * size_of(real) else (h, w)
        for i in range(rows):
            x = array(real, d[X] + unit * d[XN] + i * d[XH], length)
            for j in range(length):
                x[j] = flat[i * length + j]
        return
    if h * w == 1:
        x = array(real, d[X] + unit * d[XN], c)
        for k in range(c):
            x[k] = flat[k]
        return
    if c <= FEW and d[XW] == c * size_of(real):
        for i in range(h):
            x = array(real, d[X] + unit * d[XN] + i * d[XH], w * c)
            for k in range(c):
                for j in range(w):
                    x[j * c + k] = flat[(k * h + i) * w + j]
        return
    for i in range(h):
        for j in range(w):
            x = array(real, d[X] + unit * d[XN] + i * d[XH] + j * d[XW], c)
            for k in range(c):
                x[k] = flat[(k * h + i) * w + j]


@kernel
def to_nchw(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """flat[n, c, h, w] = x[n, h, w, c]. Units: samples."""
    d = arguments(row)
    c, h, w = d[C], d[H], d[W]
    flat = array(real, d[FLAT], (unit + 1) * c * h * w)[unit * c * h * w :]
    for i in range(h):
        for j in range(w):
            x = array(real, d[X] + unit * d[XN] + i * d[XH] + j * d[XW], c)
            for k in range(c):
                flat[(k * h + i) * w + j] = x[k]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def twin_from_nchw(x: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) as (N, H, W, C)."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def twin_to_nchw(x: np.ndarray) -> np.ndarray:
    """Return (N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
