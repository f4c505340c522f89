"""Maximum and average over windows. Tensors are NHWC; a stride is in bytes; the border around an image is not read."""

from __future__ import annotations

import numpy as np
from numba import njit

from .machine import arguments, array, kernel, slots

(
    X, XN, XH, XW, Y, YN, YH, YW,      # input and output of the forward pass: address, byte strides
    DX, DXN, DXH, DXW, DY, DYN, DYH, DYW,
    C, IH, IW, OH, OW,
    KH, KW, SH, SW, TOP, LEFT,
    BOTTOM, RIGHT, PADDED,             # padding after; 1: padded zeros count in the divisor
) = slots(30)  # fmt: skip


@kernel
def max_pool_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = largest value of each window; NaN wins. Units: output rows."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    h0 = oh * d[SH] - d[TOP]
    for ow in range(d[OW]):
        w0 = ow * d[SW] - d[LEFT]
        y = array(real, d[Y] + n * d[YN] + oh * d[YH] + ow * d[YW], c)
        first = True
        for h in range(max(h0, 0), min(h0 + d[KH], d[IH])):
            for w in range(max(w0, 0), min(w0 + d[KW], d[IW])):
                x = array(real, d[X] + n * d[XN] + h * d[XH] + w * d[XW], c)
                if first:
                    for k in range(c):
                        y[k] = x[k]
                    first = False
                else:
                    for k in range(c):
                        v = x[k]
                        y[k] = v if v > y[k] or v != v else y[k]


@njit
def _clear(d, real, n, row):  # type: ignore[no-untyped-def]  # Numba
    for w in range(d[IW]):
        dx = array(real, d[DX] + n * d[DXN] + row * d[DXH] + w * d[DXW], d[C])
        for k in range(d[C]):
            dx[k] = 0


@kernel
def max_pool_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = dy at each window's first largest value (in row order), else 0. Units: images."""
    d = arguments(row)
    n, c = unit, d[C]
    free = np.empty(c, np.bool_)
    for h in range(d[IH]):
        _clear(d, real, n, h)
    for oh in range(d[OH]):
        h0 = oh * d[SH] - d[TOP]
        for ow in range(d[OW]):
            w0 = ow * d[SW] - d[LEFT]
            y = array(real, d[Y] + n * d[YN] + oh * d[YH] + ow * d[YW], c)
            dy = array(real, d[DY] + n * d[DYN] + oh * d[DYH] + ow * d[DYW], c)
            for k in range(c):
                free[k] = True
            for h in range(max(h0, 0), min(h0 + d[KH], d[IH])):
                for w in range(max(w0, 0), min(w0 + d[KW], d[IW])):
                    x = array(real, d[X] + n * d[XN] + h * d[XH] + w * d[XW], c)
                    dx = array(real, d[DX] + n * d[DXN] + h * d[DXH] + w * d[DXW], c)
                    for k in range(c):
                        hit = free[k] and (x[k] == y[k] or x[k] != x[k])
                        dx[k] += dy[k] if hit else 0
                        free[k] = free[k] and not hit


@njit
def _count(d, h0, w0):  # type: ignore[no-untyped-def]  # Numba
    """Divisor of the window that starts at (h0, w0)."""
    if d[PADDED]:
        return (min(h0 + d[KH], d[IH] + d[BOTTOM]) - h0) * (min(w0 + d[KW], d[IW] + d[RIGHT]) - w0)
    return (min(h0 + d[KH], d[IH]) - max(h0, 0)) * (min(w0 + d[KW], d[IW]) - max(w0, 0))


@kernel
def average_pool_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = mean of each window. Units: output rows."""
    d = arguments(row)
    n, oh, c = unit // d[OH], unit % d[OH], d[C]
    h0 = oh * d[SH] - d[TOP]
    for ow in range(d[OW]):
        w0 = ow * d[SW] - d[LEFT]
        y = array(real, d[Y] + n * d[YN] + oh * d[YH] + ow * d[YW], c)
        for k in range(c):
            y[k] = 0
        for h in range(max(h0, 0), min(h0 + d[KH], d[IH])):
            for w in range(max(w0, 0), min(w0 + d[KW], d[IW])):
                x = array(real, d[X] + n * d[XN] + h * d[XH] + w * d[XW], c)
                for k in range(c):
                    y[k] += x[k]
        count = y.dtype.type(_count(d, h0, w0))
        for k in range(c):
            y[k] /= count


@kernel
def average_pool_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx += dy / count over each window. Units: images."""
    d = arguments(row)
    n, c = unit, d[C]
    for h in range(d[IH]):
        _clear(d, real, n, h)
    for oh in range(d[OH]):
        h0 = oh * d[SH] - d[TOP]
        for ow in range(d[OW]):
            w0 = ow * d[SW] - d[LEFT]
            dy = array(real, d[DY] + n * d[DYN] + oh * d[DYH] + ow * d[DYW], c)
            count = dy.dtype.type(_count(d, h0, w0))
            for h in range(max(h0, 0), min(h0 + d[KH], d[IH])):
                for w in range(max(w0, 0), min(w0 + d[KW], d[IW])):
                    dx = array(real, d[DX] + n * d[DXN] + h * d[DXH] + w * d[DXW], c)
                    for k in range(c):
                        dx[k] += dy[k] / count
