"""Normalisation within one sample: layer, group, instance, L2 and RMS normalisation differ in what they normalise over.

    y = (x - mean) / sqrt(spread + epsilon) * gamma + beta

`spread` is the mean of the squared deviations over the set, or their sum (L2); without centring the mean is taken as 0.
The set is a group of channels over all pixels (`group_...`) or all channels of one pixel (`pixel_...`). Sums are taken
in float64, each by one unit: the bits do not depend on threads.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, size_of

(
    X, XN, XH, XW, Y, YN, YH, YW, DY, DYN, DYH, DYW, DX, DXN, DXH, DXW,  # DX 0: not wanted
    N, H, W, C, GROUPS, SLICES,
    CENTER, TOTAL, EPSILON,        # subtract the mean; sum instead of mean; address of epsilon in float64
    GAMMA, BETA, FULL,             # parameters or 0; FULL: one per value of a sample, in the order (h, w, c)
    STAT,                          # per sample and group: mean and 1 / root, in float64; per pixel in the kernel's type
    PART,                          # per sample (slice): two rows of C sums in float64
    PARTS, DGAMMA, DBETA,          # number of those; gradients or 0
) = slots(33)  # fmt: skip


@njit
def _pixel(d, real, base, n, h, w):  # type: ignore[no-untyped-def]  # Numba
    return array(real, d[base] + n * d[base + 1] + h * d[base + 2] + w * d[base + 3], d[C])


@njit
def _factors(d, real, base, h, w):  # type: ignore[no-untyped-def]  # Numba
    """Return gamma or beta of a pixel: its own, or the channels'."""
    size = size_of(real)
    return array(real, d[base] + (h * d[W] + w) * d[C] * size * d[FULL], d[C])


@kernel
def group_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y of one sample, and its statistics. Units: samples."""
    d = arguments(row)
    c, groups, epsilon = d[C], d[GROUPS], floats(d[EPSILON])[0]
    each, sums = c // groups, np.zeros(c)
    count = each * d[H] * d[W]
    stat = floats(d[STAT] + 16 * groups * unit)
    one = array(real, d[X], 1)
    mean, scale = np.zeros(c, one.dtype), np.empty(c, one.dtype)
    if d[CENTER]:
        for h in range(d[H]):
            for w in range(d[W]):
                x = _pixel(d, real, X, unit, h, w)
                for k in range(c):
                    sums[k] += x[k]
        for g in range(groups):
            total = 0.0
            for k in range(g * each, (g + 1) * each):
                total += sums[k]
            for k in range(g * each, (g + 1) * each):
                mean[k] = total / count
                sums[k] = 0
    for h in range(d[H]):
        for w in range(d[W]):
            x = _pixel(d, real, X, unit, h, w)
            for k in range(c):
                v = np.float64(x[k] - mean[k])
                sums[k] += v * v
    for g in range(groups):
        total = 0.0
        for k in range(g * each, (g + 1) * each):
            total += sums[k]
        stat[2 * g] = mean[g * each]
        stat[2 * g + 1] = 1.0 / math.sqrt(total / (1 if d[TOTAL] else count) + epsilon)
        for k in range(g * each, (g + 1) * each):
            scale[k] = stat[2 * g + 1]
    for h in range(d[H]):
        for w in range(d[W]):
            x, y = _pixel(d, real, X, unit, h, w), _pixel(d, real, Y, unit, h, w)
            for k in range(c):
                y[k] = (x[k] - mean[k]) * scale[k]
            if d[GAMMA]:
                gamma = _factors(d, real, GAMMA, h, w)
                for k in range(c):
                    y[k] *= gamma[k]
            if d[BETA]:
                beta = _factors(d, real, BETA, h, w)
                for k in range(c):
                    y[k] += beta[k]


@njit
def _spread(d, real, stat, mean, scale):  # type: ignore[no-untyped-def]  # Numba
    """Write each channel's mean and 1 / root."""
    each = d[C] // d[GROUPS]
    for k in range(d[C]):
        mean[k] = stat[2 * (k // each)]
        scale[k] = stat[2 * (k // each) + 1]


@kernel
def group_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx of one sample, and its sums of dy and dy * xhat by channel for gamma and beta. Units: samples."""
    d = arguments(row)
    c, groups = d[C], d[GROUPS]
    each = c // groups
    count = each * d[H] * d[W]
    one = array(real, d[X], 1)
    mean, scale = np.empty(c, one.dtype), np.empty(c, one.dtype)
    work, hat = np.empty(c, one.dtype), np.empty(c, one.dtype)
    _spread(d, real, floats(d[STAT] + 16 * groups * unit), mean, scale)
    plain, scaled = floats(d[PART] + 16 * c * unit), floats(d[PART] + 16 * c * unit + 8 * c)
    for k in range(c):
        plain[k] = 0
        scaled[k] = 0
    for h in range(d[H]):
        for w in range(d[W]):
            x, dy = _pixel(d, real, X, unit, h, w), _pixel(d, real, DY, unit, h, w)
            if d[FULL]:  # in steps of few operands each: more than five arrays in one loop are not vectorised
                gamma = _factors(d, real, GAMMA, h, w)
                for k in range(c):
                    work[k] = dy[k] * gamma[k]
                for k in range(c):
                    hat[k] = (x[k] - mean[k]) * scale[k]
                for k in range(c):
                    plain[k] += np.float64(work[k])
                for k in range(c):
                    scaled[k] += np.float64(work[k]) * hat[k]
            else:
                for k in range(c):
                    v = np.float64(dy[k])
                    plain[k] += v
                    scaled[k] += v * ((x[k] - mean[k]) * scale[k])
    if d[DX] == 0:
        return
    shift, slope = np.zeros(c, one.dtype), np.empty(c, one.dtype)
    channels = d[GAMMA] != 0 and d[FULL] == 0
    gamma = array(real, d[GAMMA] if channels else d[X], c)
    for g in range(groups):
        first, second = 0.0, 0.0
        for k in range(g * each, (g + 1) * each):
            factor = np.float64(gamma[k]) if channels else 1.0
            first += factor * plain[k]
            second += factor * scaled[k]
        for k in range(g * each, (g + 1) * each):
            if d[CENTER]:
                shift[k] = first / count
            slope[k] = second / (1 if d[TOTAL] else count)
    for h in range(d[H]):
        for w in range(d[W]):
            x, dy, dx = _pixel(d, real, X, unit, h, w), _pixel(d, real, DY, unit, h, w), _pixel(d, real, DX, unit, h, w)
            if d[GAMMA]:
                gamma = _factors(d, real, GAMMA, h, w)
                for k in range(c):
                    dx[k] = scale[k] * (dy[k] * gamma[k] - shift[k] - (x[k] - mean[k]) * scale[k] * slope[k])
            else:
                for k in range(c):
                    dx[k] = scale[k] * (dy[k] - shift[k] - (x[k] - mean[k]) * scale[k] * slope[k])


@kernel
def full_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dgamma = sum of dy * xhat over the batch, dbeta = sum of dy, for each value of a sample. Units: rows h.

    Where every value has factors of its own, a sample is one set: there is one mean and one root.
    """
    d = arguments(row)
    c = d[C]
    one = array(real, d[X], 1)
    stat = floats(d[STAT])
    for w in range(d[W]):
        dgamma = array(real, d[DGAMMA] + (unit * d[W] + w) * c * size_of(real), c)
        dbeta = array(real, (d[DBETA] if d[DBETA] else d[DGAMMA]) + (unit * d[W] + w) * c * size_of(real), c)
        for k in range(c):
            dgamma[k] = 0
        if d[DBETA]:
            for k in range(c):
                dbeta[k] = 0
        for n in range(d[N]):
            mean, scale = one.dtype.type(stat[2 * n]), one.dtype.type(stat[2 * n + 1])
            x, dy = _pixel(d, real, X, n, unit, w), _pixel(d, real, DY, n, unit, w)
            for k in range(c):
                dgamma[k] += dy[k] * ((x[k] - mean) * scale)
            if d[DBETA]:
                for k in range(c):
                    dbeta[k] += dy[k]


@kernel
def channel_gradient(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dgamma and dbeta by channel: the partial sums in order. One unit."""
    d = arguments(row)
    c = d[C]
    part = floats(d[PART])
    dgamma, dbeta = array(real, d[DGAMMA], c), array(real, d[DBETA] if d[DBETA] else d[DGAMMA], c)
    for k in range(c):
        first, second = 0.0, 0.0
        for p in range(d[PARTS]):
            first += part[2 * c * p + k]
            second += part[2 * c * p + c + k]
        dgamma[k] = second
        if d[DBETA]:
            dbeta[k] = first


RUN = 16
"""Sums taken side by side, so that a sum over channels fills the vectors too."""

BLOCK = 32
"""Pixels whose sums by channel are taken in the kernel's own type, before they are added up in float64."""


@njit
def _total(values, sums):  # type: ignore[no-untyped-def]  # Numba
    """Return the sum of the values; `sums` is memory for RUN partial sums, which are added up in float64."""
    whole = len(values) // RUN
    for i in range(RUN):
        sums[i] = 0
    for j in range(whole):
        here = values[j * RUN : (j + 1) * RUN]
        for i in range(RUN):
            sums[i] += here[i]
    total = 0.0
    for i in range(RUN):
        total += sums[i]
    for i in range(whole * RUN, len(values)):
        total += values[i]
    return total


@njit
def _next(d, h, w):  # type: ignore[no-untyped-def]  # Numba
    """Return the steps (image, row, column) to the next pixel: a division for each would take as long as the pixel."""
    if w + 1 < d[W]:
        return 0, 0, 1
    if h + 1 < d[H]:
        return 0, 1, -w
    return 1, -h, -w


@kernel
def pixel_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y, pixel by pixel, and each pixel's mean and 1 / root. Units: slices of pixels."""
    d = arguments(row)
    pixels, c, epsilon = d[N] * d[H] * d[W], d[C], floats(d[EPSILON])[0]
    one = array(real, d[X], 1)
    square, sums = np.empty(c, one.dtype), np.empty(RUN, one.dtype)
    stat = array(real, d[STAT], 2 * pixels)
    first = unit * pixels // d[SLICES]
    n, h, w = first // (d[H] * d[W]), first // d[W] % d[H], first % d[W]
    for r in range(first, (unit + 1) * pixels // d[SLICES]):
        x, y = _pixel(d, real, X, n, h, w), _pixel(d, real, Y, n, h, w)
        mean = one.dtype.type(_total(x, sums) / c if d[CENTER] else 0.0)
        for k in range(c):
            v = x[k] - mean
            square[k] = v * v
        root = one.dtype.type(1.0 / math.sqrt(_total(square, sums) / (1 if d[TOTAL] else c) + epsilon))
        stat[2 * r] = mean
        stat[2 * r + 1] = root
        if d[GAMMA] and d[BETA]:
            gamma, beta = array(real, d[GAMMA], c), array(real, d[BETA], c)
            for k in range(c):
                y[k] = (x[k] - mean) * root * gamma[k] + beta[k]
        elif d[GAMMA]:
            gamma = array(real, d[GAMMA], c)
            for k in range(c):
                y[k] = (x[k] - mean) * root * gamma[k]
        else:
            for k in range(c):
                y[k] = (x[k] - mean) * root
            if d[BETA]:
                beta = array(real, d[BETA], c)
                for k in range(c):
                    y[k] += beta[k]
        step = _next(d, h, w)
        n, h, w = n + step[0], h + step[1], w + step[2]


@kernel
def pixel_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx, pixel by pixel, and the slice's sums of dy and dy * xhat by channel. Units: slices of pixels."""
    d = arguments(row)
    pixels, c = d[N] * d[H] * d[W], d[C]
    one = array(real, d[X], 1)
    hat, work, product, sums = (
        np.empty(c, one.dtype),
        np.empty(c, one.dtype),
        np.empty(c, one.dtype),
        np.empty(RUN, one.dtype),
    )
    near_plain, near_scaled = np.zeros(c, one.dtype), np.zeros(c, one.dtype)
    gamma = np.ones(c, one.dtype)
    if d[GAMMA]:
        given = array(real, d[GAMMA], c)
        for k in range(c):
            gamma[k] = given[k]
    plain, scaled = floats(d[PART] + 16 * c * unit), floats(d[PART] + 16 * c * unit + 8 * c)
    for k in range(c):
        plain[k] = 0
        scaled[k] = 0
    stat = array(real, d[STAT], 2 * pixels)
    first, last = unit * pixels // d[SLICES], (unit + 1) * pixels // d[SLICES]
    n, h, w = first // (d[H] * d[W]), first // d[W] % d[H], first % d[W]
    for r in range(first, last):
        x, dy = _pixel(d, real, X, n, h, w), _pixel(d, real, DY, n, h, w)
        mean, root = stat[2 * r], stat[2 * r + 1]
        for k in range(c):
            hat[k] = (x[k] - mean) * root
        for k in range(c):
            near_plain[k] += dy[k]
        for k in range(c):
            near_scaled[k] += dy[k] * hat[k]
        if (r - first) % BLOCK == BLOCK - 1 or r == last - 1:
            for k in range(c):
                plain[k] += near_plain[k]
                scaled[k] += near_scaled[k]
                near_plain[k] = 0
                near_scaled[k] = 0
        if d[DX]:
            for k in range(c):
                work[k] = dy[k] * gamma[k]
            for k in range(c):
                product[k] = work[k] * hat[k]
            shift = one.dtype.type(_total(work, sums) / c if d[CENTER] else 0.0)
            slope = one.dtype.type(_total(product, sums) / (1 if d[TOTAL] else c))
            dx = _pixel(d, real, DX, n, h, w)
            for k in range(c):
                dx[k] = root * (work[k] - shift - hat[k] * slope)
        step = _next(d, h, w)
        n, h, w = n + step[0], h + step[1], w + step[2]


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, ...) and float64 ---


def _sets(x: np.ndarray, groups: int | None) -> np.ndarray:
    """Return a view in which the last axis runs over a set: groups of channels with all pixels, or one pixel (None)."""
    n, c = x.shape[:2]
    if groups is None:
        return np.moveaxis(x.reshape(n, c, -1), 1, 2)
    return x.reshape(n, groups, -1)


def _back(sets: np.ndarray, like: np.ndarray, groups: int | None) -> np.ndarray:
    return (np.moveaxis(sets, 2, 1) if groups is None else sets).reshape(like.shape)


def _broad(factors: np.ndarray | None, x: np.ndarray, otherwise: float) -> np.ndarray:
    """Return gamma or beta with the axes of x: one per channel, or one per value of a sample."""
    if factors is None:
        return np.full(x.shape[1:], otherwise)
    full = factors.shape == x.shape[1:]
    return np.broadcast_to(factors if full else factors.reshape(-1, *[1] * (x.ndim - 2)), x.shape[1:])


def _hat(x: np.ndarray, groups: int | None, center: bool, total: bool, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (xhat, 1 / root), both as sets."""
    s = _sets(x, groups)
    v = s - s.mean(-1, keepdims=True) if center else s
    spread = (v**2).sum(-1, keepdims=True) if total else (v**2).mean(-1, keepdims=True)
    root = 1 / np.sqrt(spread + epsilon)
    return v * root, root


def twin_normalize_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    groups: int | None,
    center: bool,
    total: bool,
    epsilon: float,
) -> np.ndarray:
    """Return y; `groups` None: over the channels of each pixel."""
    hat = _back(_hat(x, groups, center, total, epsilon)[0], x, groups)
    return hat * _broad(gamma, x, 1.0) + _broad(beta, x, 0.0)


def twin_normalize_backward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    dy: np.ndarray,
    groups: int | None,
    center: bool,
    total: bool,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dx, dgamma, dbeta), the latter two in gamma's shape, or one per channel where there is none."""
    hat, root = _hat(x, groups, center, total, epsilon)
    g = _sets(dy * _broad(gamma, x, 1.0), groups)
    shift = g.mean(-1, keepdims=True) if center else 0.0
    slope = (g * hat).sum(-1, keepdims=True) if total else (g * hat).mean(-1, keepdims=True)
    dx = _back(root * (g - shift - hat * slope), x, groups)
    full = gamma is not None and gamma.shape == x.shape[1:]
    axes = (0,) if full else (0, *range(2, x.ndim))
    return dx, (dy * _back(hat, x, groups)).sum(axes), dy.sum(axes)
