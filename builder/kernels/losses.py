"""Softmax and the losses. Rows are pixels (or samples) of C values; each unit keeps its share of the loss in float64.

dx is the gradient of the mean loss: GAIN holds 1 / rows (times 1 / outputs where the loss is a mean over outputs too);
WEIGHT is the address of one weight per sample. Targets: one class number per row, or C values per row.

A row whose class number is negative is left out. Where rows may be left out GAIN is divided by COUNTED, the rows that
are not. Where two samples were mixed (MIXED), each row has a second class number with a weight of its own, and its loss
is the sum of both: weight * loss(class) + other weight * loss(other class).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import njit
from .machine import arguments, array, kernel, slots
from .memory import floats, ints

(
    X, X0, X1, X2, Y, Y0, Y1, Y2, DY, DY0, DY1, DY2, DX, DX0, DX1, DX2,
    D0, D1, D2, C, SLICES,
    LABEL, TARGET, WEIGHT,             # classes (int64), target values (real), sample weights (real)
    PART, GAIN, TOTAL,                 # per unit partial loss, float64; factor; where the loss goes
    SMOOTH, ADD,                       # address of label smoothing; whether the loss is added to what is there
    OTHER, SHARES, MIXED, COUNTED,     # second classes, both weights, whether there are any; rows (0: all of them)
) = slots(33)  # fmt: skip


@njit
def _row(d, real, base, r):  # type: ignore[no-untyped-def]  # Numba
    i, j, k = r // (d[D1] * d[D2]), r // d[D2] % d[D1], r % d[D2]
    return array(real, d[base] + i * d[base + 1] + j * d[base + 2] + k * d[base + 3], d[C])


@njit
def _weight(d, real, r):  # type: ignore[no-untyped-def]  # Numba
    return float(array(real, d[WEIGHT], d[D0])[r // (d[D1] * d[D2])])


@njit
def _pair(d, real, r, labels, others, mixed):  # type: ignore[no-untyped-def]  # Numba
    """Return (weight, class, other weight, other class) of a row; what is left out has weight 0 and class 0."""
    weight, label, more, other = _weight(d, real, r), labels[r], 0.0, labels[r]
    if mixed:
        shares, i = array(real, d[SHARES], 2 * d[D0]), r // (d[D1] * d[D2])
        weight, more, other = float(shares[i]), float(shares[d[D0] + i]), others[r]
    if label < 0:
        weight, label = 0.0, 0 * label
    if other < 0:
        more, other = 0.0, 0 * other
    return weight, label, more, other


@njit
def _gain(d):  # type: ignore[no-untyped-def]  # Numba
    gain = floats(d[GAIN])[0]
    if d[COUNTED]:
        counted = floats(d[COUNTED])[0]
        return gain / counted if counted > 0 else 0.0
    return gain


@njit
def _share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    rows = d[D0] * d[D1] * d[D2]
    return unit * rows // d[SLICES], (unit + 1) * rows // d[SLICES]


@njit
def _softmax(x, y, c):  # type: ignore[no-untyped-def]  # Numba
    """y = softmax(x); returns (largest x, sum of exponentials)."""
    top = x[0]
    for k in range(1, c):
        top = x[k] if x[k] > top or x[k] != x[k] else top
    total = 0.0
    for k in range(c):
        e = math.exp(x[k] - top)
        y[k] = e
        total += e
    for k in range(c):
        y[k] /= total
    return top, total


@kernel
def softmax_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = exp(x) / sum(exp(x))."""
    d = arguments(row)
    first, last = _share(d, unit)
    for r in range(first, last):
        _softmax(_row(d, real, X, r), _row(d, real, Y, r), d[C])


@kernel
def softmax_backward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """dx = y * (dy - sum(dy * y))."""
    d = arguments(row)
    first, last = _share(d, unit)
    for r in range(first, last):
        y, dy, dx = _row(d, real, Y, r), _row(d, real, DY, r), _row(d, real, DX, r)
        total = 0.0
        for k in range(d[C]):
            total += y[k] * dy[k]
        for k in range(d[C]):
            dx[k] = y[k] * (dy[k] - total)


@kernel
def softmax_cross_entropy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = softmax(x), loss = -log y[class], dx = (y - onehot) * weight / rows.

    With smoothing s the target is (1 - s) * onehot + s / classes.
    """
    d = arguments(row)
    first, last = _share(d, unit)
    labels, others, mixed = ints(d[LABEL]), ints(d[OTHER]), ints(d[MIXED])[0]
    gain, smooth, loss = _gain(d), floats(d[SMOOTH])[0], 0.0
    for r in range(first, last):
        x, y = _row(d, real, X, r), _row(d, real, Y, r)
        top, total = _softmax(x, y, d[C])
        weight, label, more, other = _pair(d, real, r, labels, others, mixed)
        both = weight + more
        if labels[r] < 0 and not more:  # left out: not 0 times what may be infinite
            if d[DX]:
                dx = _row(d, real, DX, r)
                for k in range(d[C]):
                    dx[k] = 0
            continue
        if smooth:
            spread = 0.0
            for k in range(d[C]):
                spread += x[k] - top
            loss += weight * (math.log(total) - (1 - smooth) * (x[label] - top) - smooth / d[C] * spread)
            if more:
                loss += more * (math.log(total) - (1 - smooth) * (x[other] - top) - smooth / d[C] * spread)
        else:
            loss += weight * (math.log(total) - (x[label] - top))
            if more:
                loss += more * (math.log(total) - (x[other] - top))
        if d[DX]:
            dx = _row(d, real, DX, r)
            for k in range(d[C]):
                dx[k] = (y[k] - smooth / d[C]) * (both * gain)
            dx[label] -= (1 - smooth) * (weight * gain)
            if more:
                dx[other] -= (1 - smooth) * (more * gain)
    floats(d[PART])[unit] = loss


@kernel
def cross_entropy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """loss = -log x[class] for probabilities x; dx = -weight / (rows * x[class]). x below 1e-12 counts as 1e-12."""
    d = arguments(row)
    first, last = _share(d, unit)
    labels, others, mixed = ints(d[LABEL]), ints(d[OTHER]), ints(d[MIXED])[0]
    gain, smooth, loss = _gain(d), floats(d[SMOOTH])[0], 0.0
    for r in range(first, last):
        x = _row(d, real, X, r)
        weight, label, more, other = _pair(d, real, r, labels, others, mixed)
        if d[DX]:
            dx = _row(d, real, DX, r)
            for k in range(d[C]):
                dx[k] = 0
        if labels[r] < 0 and not more:
            continue
        for turn in range(2 if more else 1):
            w, k = (more, other) if turn else (weight, label)
            p = float(x[k])
            p = 1e-12 if p < 1e-12 else p
            loss -= w * (1 - smooth) * math.log(p)
            if d[DX]:
                _row(d, real, DX, r)[k] -= w * gain * (1 - smooth) / p
        if smooth:
            both = weight + more
            for k in range(d[C]):
                q = float(x[k])
                q = 1e-12 if q < 1e-12 else q
                loss -= both * smooth / d[C] * math.log(q)
                if d[DX]:
                    _row(d, real, DX, r)[k] -= both * gain * smooth / d[C] / q
    floats(d[PART])[unit] = loss


@kernel
def sigmoid_binary_cross_entropy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = sigmoid(x), loss = -(t log y + (1 - t) log(1 - y)), dx = (y - t) * weight / values; stable for any x."""
    d = arguments(row)
    first, last = _share(d, unit)
    gain, loss, c = floats(d[GAIN])[0], 0.0, d[C]
    targets = array(real, d[TARGET], d[D0] * d[D1] * d[D2] * c)
    for r in range(first, last):
        x, y, weight = _row(d, real, X, r), _row(d, real, Y, r), _weight(d, real, r)
        for k in range(c):
            v, t = float(x[k]), float(targets[r * c + k])
            e = math.exp(-abs(v))
            p = 1 / (1 + e) if v >= 0 else e / (1 + e)
            loss += weight * (max(v, 0.0) - v * t + math.log1p(e) if v == v else v)
            y[k] = p
            if d[DX]:
                _row(d, real, DX, r)[k] = (p - t) * weight * gain
    floats(d[PART])[unit] = loss


@kernel
def binary_cross_entropy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """loss = -(t log x + (1 - t) log(1 - x)) for probabilities x, each kept 1e-12 away from 0 and 1."""
    d = arguments(row)
    first, last = _share(d, unit)
    gain, loss, c = floats(d[GAIN])[0], 0.0, d[C]
    targets = array(real, d[TARGET], d[D0] * d[D1] * d[D2] * c)
    for r in range(first, last):
        x, weight = _row(d, real, X, r), _weight(d, real, r)
        for k in range(c):
            p, t = float(x[k]), float(targets[r * c + k])
            p = 1e-12 if p < 1e-12 else (1 - 1e-12 if p > 1 - 1e-12 else p)
            loss -= weight * (t * math.log(p) + (1 - t) * math.log(1 - p))
            if d[DX]:
                _row(d, real, DX, r)[k] = weight * gain * (p - t) / (p * (1 - p))
    floats(d[PART])[unit] = loss


@kernel
def squared_error(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """loss = (x - t)^2; dx = 2 (x - t) * weight / values."""
    d = arguments(row)
    first, last = _share(d, unit)
    gain, loss, c = floats(d[GAIN])[0], 0.0, d[C]
    targets = array(real, d[TARGET], d[D0] * d[D1] * d[D2] * c)
    for r in range(first, last):
        x, weight = _row(d, real, X, r), _weight(d, real, r)
        for k in range(c):
            v = float(x[k]) - float(targets[r * c + k])
            loss += weight * v * v
            if d[DX]:
                _row(d, real, DX, r)[k] = 2 * v * weight * gain
    floats(d[PART])[unit] = loss


@kernel
def loss_total(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """total = sum of the units' losses, in order, times GAIN. One unit."""
    d = arguments(row)
    part, total = floats(d[PART]), 0.0
    for i in range(d[SLICES]):
        total += part[i]
    before = floats(d[TOTAL])[0] if d[ADD] else 0.0
    floats(d[TOTAL])[0] = before + total * _gain(d)


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def _rows_of(t: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Turn class numbers (N, pixels...) into one-hot rows of the shape (N, C, pixels...) of `like`."""
    kinds = np.arange(like.shape[1]).reshape(1, -1, *[1] * (like.ndim - 2))
    return (t.reshape(len(like), 1, *like.shape[2:]) == kinds).astype(np.float64)


def _weights(weights: np.ndarray | None, like: np.ndarray) -> np.ndarray:
    given = np.ones(len(like)) if weights is None else weights
    return given.reshape(-1, *[1] * (like.ndim - 1))


def twin_softmax_forward(x: np.ndarray) -> np.ndarray:
    """Return exp(x) / sum(exp(x)) over the channels."""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def twin_softmax_backward(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return y * (dy - sum(dy * y))."""
    y = twin_softmax_forward(x)
    return y * (dy - (dy * y).sum(1, keepdims=True))


def twin_cross_entropy_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean of -weight * log x[class] over samples and pixels."""
    chosen = np.where(_rows_of(t, x) == 1, x, 0).sum(1, keepdims=True)
    return float((-_weights(weights, x) * np.log(np.maximum(chosen, 1e-12))).mean())


def twin_cross_entropy_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return -weight / (rows * x[class]) at the class, else 0."""
    rows = x.size // x.shape[1]
    return -_weights(weights, x) * _rows_of(t, x) / np.maximum(x, 1e-12) / rows


def twin_softmax_cross_entropy_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the cross entropy of softmax(x), from the logarithm of the sum so that no logit is too large."""
    top = x.max(1, keepdims=True)
    log_sum = np.log(np.exp(x - top).sum(1, keepdims=True)) + top
    picked = np.where(_rows_of(t, x) != 0, x, 0).sum(1, keepdims=True)  # 0 times another class's infinity is NaN
    return float((_weights(weights, x) * (log_sum - picked)).mean())


def twin_softmax_cross_entropy_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return (softmax(x) - onehot) * weight / rows."""
    rows = x.size // x.shape[1]
    return (twin_softmax_forward(x) - _rows_of(t, x)) * _weights(weights, x) / rows


def twin_binary_cross_entropy_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean of -weight * (t log x + (1 - t) log(1 - x))."""
    p = np.clip(x, 1e-12, 1 - 1e-12)
    return float((-_weights(weights, x) * (t * np.log(p) + (1 - t) * np.log(1 - p))).mean())


def twin_binary_cross_entropy_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return weight * (x - t) / (x (1 - x)) / values."""
    p = np.clip(x, 1e-12, 1 - 1e-12)
    return _weights(weights, x) * (p - t) / (p * (1 - p)) / x.size


def twin_sigmoid_binary_cross_entropy_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the binary cross entropy of sigmoid(x), without forming the sigmoid."""
    return float((_weights(weights, x) * (np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))))).mean())


def twin_sigmoid_binary_cross_entropy_backward(
    x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return (sigmoid(x) - t) * weight / values."""
    e = np.exp(-np.abs(x))
    return (np.where(x >= 0, 1 / (1 + e), e / (1 + e)) - t) * _weights(weights, x) / x.size


def twin_squared_error_forward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean of weight * (x - t)^2 over samples and outputs."""
    return float((_weights(weights, x) * (x - t) ** 2).mean())


def twin_squared_error_backward(x: np.ndarray, t: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return 2 (x - t) * weight / values."""
    return 2 * (x - t) * _weights(weights, x) / x.size
