"""Maximum and average over windows. Tensors are NHWC; a stride is in bytes; the border around an image is not read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots

(
    X, XN, XH, XW, Y, YN, YH, YW,      # input and output of the forward pass: address, byte strides
    DX, DXN, DXH, DXW, DY, DYN, DYH, DYW,
    C, IH, IW, OH, OW,
    KH, KW, SH, SW, TOP, LEFT,
    BOTTOM, RIGHT, PADDED,             # padding after; 1: padded zeros count in the divisor, 2: the divisor is 1
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
    if d[PADDED] == 2:
        return 1
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


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


Pair = tuple[int, int]
Window = tuple[slice, slice]


def _windows(
    x: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair]
) -> Iterator[tuple[int, int, Window, Pair]]:
    """Yield (row, column, the window's pixels inside the image, its height and width inside the padded image)."""
    (top, bottom), (left, right) = padding
    for i in range(size[0]):
        for j in range(size[1]):
            h, w = i * stride[0] - top, j * stride[1] - left
            inside = (slice(max(h, 0), h + kernel[0]), slice(max(w, 0), w + kernel[1]))
            high, wide = min(h + kernel[0], x.shape[2] + bottom) - h, min(w + kernel[1], x.shape[3] + right) - w
            yield i, j, inside, (high, wide)


def twin_max_pool_forward(
    x: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair]
) -> np.ndarray:
    """Return the largest value of each window; `size` is the output's height and width (ceil mode has more windows)."""
    y = np.zeros((*x.shape[:2], *size))
    for i, j, (h, w), _ in _windows(x, size, kernel, stride, padding):
        y[:, :, i, j] = x[:, :, h, w].max((2, 3))
    return y


def twin_max_pool_backward(
    x: np.ndarray, dy: np.ndarray, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair]
) -> np.ndarray:
    """Return dx: each dy goes to the first largest value of its window, in row order."""
    dx = np.zeros(x.shape)
    for i, j, (h, w), _ in _windows(x, (dy.shape[2], dy.shape[3]), kernel, stride, padding):
        window = x[:, :, h, w]
        winner = window.reshape(*x.shape[:2], -1).argmax(2)
        for n in range(x.shape[0]):
            for c in range(x.shape[1]):
                row, column = divmod(int(winner[n, c]), window.shape[3])
                dx[n, c, h.start + row, w.start + column] += dy[n, c, i, j]
    return dx


def twin_average_pool_forward(
    x: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair], include_padding: bool
) -> np.ndarray:
    """Return the mean of each window; with `include_padding`, padded zeros count in the divisor."""
    y = np.zeros((*x.shape[:2], *size))
    for i, j, (h, w), (high, wide) in _windows(x, size, kernel, stride, padding):
        window = x[:, :, h, w]
        count = high * wide if include_padding else window.shape[2] * window.shape[3]
        y[:, :, i, j] = window.sum((2, 3)) / count
    return y


def twin_average_pool_backward(
    x: np.ndarray, dy: np.ndarray, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair], include_padding: bool
) -> np.ndarray:
    """Return dx: each dy is shared out evenly over its window."""
    dx = np.zeros(x.shape)
    for i, j, (h, w), (high, wide) in _windows(x, (dy.shape[2], dy.shape[3]), kernel, stride, padding):
        window = dx[:, :, h, w]
        count = high * wide if include_padding else window.shape[2] * window.shape[3]
        window += dy[:, :, i, j][:, :, None, None] / count
    return dx


def twin_sum_pool_forward(
    x: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair]
) -> np.ndarray:
    """Return the sum of each window."""
    y = np.zeros((*x.shape[:2], *size))
    for i, j, (h, w), _ in _windows(x, size, kernel, stride, padding):
        y[:, :, i, j] = x[:, :, h, w].sum((2, 3))
    return y


def twin_sum_pool_backward(
    x: np.ndarray, dy: np.ndarray, kernel: Pair, stride: Pair, padding: tuple[Pair, Pair]
) -> np.ndarray:
    """Return dx: each dy goes to every pixel of its window."""
    dx = np.zeros(x.shape)
    for i, j, (h, w), _ in _windows(x, (dy.shape[2], dy.shape[3]), kernel, stride, padding):
        dx[:, :, h, w] += dy[:, :, i, j][:, :, None, None]
    return dx


def twin_global_average_pool_forward(x: np.ndarray) -> np.ndarray:
    """Return the mean of each channel over all pixels, (N, C, 1, 1)."""
    return x.mean((2, 3), keepdims=True)


def twin_global_average_pool_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return dx: dy shared out evenly over all pixels."""
    return np.broadcast_to(dy / (x.shape[2] * x.shape[3]), x.shape).copy()
