"""Between the user's (N, C, H, W) and the engine's NHWC, and the border of zeros around an image."""

from __future__ import annotations

import numpy as np

from .machine import arguments, array, kernel, slots

FLAT, X, XN, XH, XW, C, H, W, TOP, BOTTOM, LEFT, RIGHT, FROM = slots(13)


@kernel
def from_nchw(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """x[n, h, w, c] = flat[n, c, h, w]. Units: samples."""
    d = arguments(row)
    c, h, w = d[C], d[H], d[W]
    flat = array(real, d[FLAT], (unit + 1) * c * h * w)[unit * c * h * w :]
    if c == 1:
        for i in range(h):
            x = array(real, d[X] + unit * d[XN] + i * d[XH], w)
            for j in range(w):
                x[j] = flat[i * w + j]
        return
    if h * w == 1:
        x = array(real, d[X] + unit * d[XN], c)
        for k in range(c):
            x[k] = flat[k]
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


@kernel
def zero_border(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Zero the border around image `unit`. X is the address of pixel (0, 0) of image 0; the pixels of one row, border
    included, are dense. Units: images."""
    d = arguments(row)
    c, h, w = d[C], d[H], d[W]
    full = (w + d[LEFT] + d[RIGHT]) * c
    size = array(real, d[X], 1).itemsize
    base = d[X] + unit * d[XN] - d[LEFT] * c * size
    for i in range(-d[TOP], h + d[BOTTOM]):
        line = array(real, base + i * d[XH], full)
        if i < 0 or i >= h:
            for k in range(full):
                line[k] = 0
        else:
            for k in range(d[LEFT] * c):
                line[k] = 0
            for k in range((w + d[LEFT]) * c, full):
                line[k] = 0


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def twin_from_nchw(x: np.ndarray) -> np.ndarray:
    """Return (N, C, H, W) as (N, H, W, C)."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def twin_to_nchw(x: np.ndarray) -> np.ndarray:
    """Return (N, H, W, C) as (N, C, H, W)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
