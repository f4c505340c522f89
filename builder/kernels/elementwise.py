"""Value by value: sums, products, copies, Dropout. Operands are D0 x D1 x D2 rows of L neighbouring values each."""

from __future__ import annotations

import numpy as np

from .jit import njit, uint64
from .machine import arguments, array, kernel, slots, turned
from .memory import floats, ints

(
    A, A0, A1, A2, B, B0, B1, B2, Y, Y0, Y1, Y2,   # address and byte strides of the outer axes
    D0, D1, D2, L, SLICES, BACK,                   # BACK is 1 where the last slice comes first
    KEY, STREAM, THRESHOLD,                        # Dropout: address of [seed, step], the layer's number, p * 2**32
) = slots(21)  # fmt: skip


@njit
def at(d, real, base, r):  # type: ignore[no-untyped-def]  # Numba
    """Return row r of the operand whose address is in slot `base`."""
    i, j, k = r // (d[D1] * d[D2]), r // d[D2] % d[D1], r % d[D2]
    return array(real, d[base] + i * d[base + 1] + j * d[base + 2] + k * d[base + 3], d[L])


@njit
def share(d, unit):  # type: ignore[no-untyped-def]  # Numba
    """Return the first row of this unit and the one behind its last."""
    rows, s = d[D0] * d[D1] * d[D2], turned(unit, d[SLICES], d[BACK])
    return s * rows // d[SLICES], (s + 1) * rows // d[SLICES]


@kernel
def add(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = a + b; y may be a."""
    d = arguments(row)
    first, last = share(d, unit)
    for r in range(first, last):
        a, b, y = at(d, real, A, r), at(d, real, B, r), at(d, real, Y, r)
        for k in range(d[L]):
            y[k] = a[k] + b[k]


@kernel
def multiply(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = a * b; y may be a."""
    d = arguments(row)
    first, last = share(d, unit)
    for r in range(first, last):
        a, b, y = at(d, real, A, r), at(d, real, B, r), at(d, real, Y, r)
        for k in range(d[L]):
            y[k] = a[k] * b[k]


@kernel
def copy(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = a."""
    d = arguments(row)
    first, last = share(d, unit)
    for r in range(first, last):
        a, y = at(d, real, A, r), at(d, real, Y, r)
        for k in range(d[L]):
            y[k] = a[k]


@kernel
def clear(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = 0."""
    d = arguments(row)
    first, last = share(d, unit)
    for r in range(first, last):
        y = at(d, real, Y, r)
        for k in range(d[L]):
            y[k] = 0


@njit
def mixed(z):  # type: ignore[no-untyped-def]  # Numba
    """SplitMix64's output function (Steele, Lea and Flood 2014): a counter becomes a random number."""
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@kernel
def dropout(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = a / (1 - p) where kept, else 0. Who is kept depends on seed, step, layer and position alone, so the
    backward pass is the same kernel on the gradient. p is rounded to 32 bits."""
    d = arguments(row)
    first, last = share(d, unit)
    key = ints(d[KEY])
    golden = uint64(0x9E3779B97F4A7C15)
    start = mixed(mixed(mixed(uint64(key[0]) + golden) + uint64(key[1])) + uint64(d[STREAM]) * golden)
    threshold, n = uint64(d[THRESHOLD]), uint64(d[L])
    for r in range(first, last):
        a, y = at(d, real, A, r), at(d, real, Y, r)
        scale = a.dtype.type(4294967296.0 / (4294967296.0 - np.float64(d[THRESHOLD])))
        for k in range(d[L]):
            z = mixed(start + (uint64(r) * n + uint64(k)) * golden) >> uint64(32)
            y[k] = a[k] * scale if z >= threshold else a.dtype.type(0)


@kernel
def dropout_channels(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """As dropout, but a channel of a sample is kept or dropped as a whole. D0 counts samples."""
    d = arguments(row)
    first, last = share(d, unit)
    key = ints(d[KEY])
    golden = uint64(0x9E3779B97F4A7C15)
    start = mixed(mixed(mixed(uint64(key[0]) + golden) + uint64(key[1])) + uint64(d[STREAM]) * golden)
    threshold, n = uint64(d[THRESHOLD]), uint64(d[L])
    for r in range(first, last):
        a, y = at(d, real, A, r), at(d, real, Y, r)
        scale = a.dtype.type(4294967296.0 / (4294967296.0 - np.float64(d[THRESHOLD])))
        sample = uint64(r // (d[D1] * d[D2]))
        for k in range(d[L]):
            z = mixed(start + (sample * n + uint64(k)) * golden) >> uint64(32)
            y[k] = a[k] * scale if z >= threshold else a.dtype.type(0)


@kernel
def gaussian_noise(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """y = a + std * a normal number (Box and Muller 1958) of seed, step, layer and position. B: address of std."""
    d = arguments(row)
    first, last = share(d, unit)
    key, std = ints(d[KEY]), floats(d[B])[0]
    golden = uint64(0x9E3779B97F4A7C15)
    start = mixed(mixed(mixed(uint64(key[0]) + golden) + uint64(key[1])) + uint64(d[STREAM]) * golden)
    n = uint64(d[L])
    for r in range(first, last):
        a, y = at(d, real, A, r), at(d, real, Y, r)
        for k in range(d[L]):
            number = uint64(2) * (uint64(r) * n + uint64(k))
            one = np.float64(mixed(start + number * golden) >> uint64(11)) + 1.0
            two = np.float64(mixed(start + (number + uint64(1)) * golden) >> uint64(11))
            radius = np.sqrt(-2.0 * np.log(one * 1.1102230246251565e-16))
            y[k] = a[k] + std * radius * np.cos(6.283185307179586 * two * 1.1102230246251565e-16)


# --- NumPy twins: what the kernels above compute, in the user's layout (N, C, H, W) and float64 ---


def twin_add_forward(*inputs: np.ndarray) -> np.ndarray:
    """Return the sum of all inputs."""
    y = inputs[0].copy()
    for x in inputs[1:]:
        y += x
    return y


def twin_add_backward(dy: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the gradient of each of the `count` inputs: dy."""
    return [dy] * count


def twin_multiply_forward(*inputs: np.ndarray) -> np.ndarray:
    """Return the product of all inputs."""
    y = inputs[0].copy()
    for x in inputs[1:]:
        y *= x
    return y


def twin_multiply_backward(dy: np.ndarray, *inputs: np.ndarray) -> list[np.ndarray]:
    """Return the gradient of each input: dy times the product of the others."""
    return [twin_multiply_forward(dy, *inputs[:i], *inputs[i + 1 :]) for i in range(len(inputs))]


def twin_concatenate_forward(axis: int, *inputs: np.ndarray) -> np.ndarray:
    """Return the inputs one behind the other along `axis` of the sample."""
    return np.concatenate(inputs, axis + 1)


def twin_concatenate_backward(axis: int, dy: np.ndarray, *inputs: np.ndarray) -> list[np.ndarray]:
    """Return each input's share of dy."""
    shares, at = [], 0
    for x in inputs:
        size = x.shape[axis + 1]
        shares.append(np.take(dy, range(at, at + size), axis + 1))
        at += size
    return shares


def _mixed_exactly(z: int) -> int:
    """SplitMix64 in Python's integers, cut to 64 bits by hand."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def twin_dropout_forward(x: np.ndarray, p: float, seed: int, step: int, stream: int) -> np.ndarray:
    """Return x / (1 - p) where kept, else 0; values are numbered in the order (N, H, W, C)."""
    golden, threshold = 0x9E3779B97F4A7C15, min(round(p * 2**32), 2**32 - 1)
    first = _mixed_exactly((seed + golden) % 2**64)
    start = _mixed_exactly((_mixed_exactly((first + step) % 2**64) + stream * golden) % 2**64)
    pixels = np.moveaxis(x, 1, -1)
    y = np.zeros(pixels.shape)
    for number, place in enumerate(np.ndindex(pixels.shape)):
        if _mixed_exactly((start + number * golden) % 2**64) >> 32 >= threshold:
            y[place] = pixels[place] * (2**32 / (2**32 - threshold))
    return np.moveaxis(y, -1, 1)


def _start(seed: int, step: int, stream: int) -> int:
    first = _mixed_exactly((seed + 0x9E3779B97F4A7C15) % 2**64)
    return _mixed_exactly((_mixed_exactly((first + step) % 2**64) + stream * 0x9E3779B97F4A7C15) % 2**64)


def twin_dropout_channels_forward(x: np.ndarray, p: float, seed: int, step: int, stream: int) -> np.ndarray:
    """Return x / (1 - p) in the channels that are kept, else 0; channels are numbered in the order (N, C)."""
    golden, threshold, start = 0x9E3779B97F4A7C15, min(round(p * 2**32), 2**32 - 1), _start(seed, step, stream)
    y = np.zeros(x.shape)
    for number, place in enumerate(np.ndindex(x.shape[:2])):
        if _mixed_exactly((start + number * golden) % 2**64) >> 32 >= threshold:
            y[place] = x[place] * (2**32 / (2**32 - threshold))
    return y


def twin_gaussian_noise_forward(x: np.ndarray, std: float, seed: int, step: int, stream: int) -> np.ndarray:
    """Return x + std * z; values are numbered in the order (N, H, W, C), each has two random numbers."""
    golden, start = 0x9E3779B97F4A7C15, _start(seed, step, stream)
    pixels = np.moveaxis(x, 1, -1)
    y = np.empty(pixels.shape)
    for number, place in enumerate(np.ndindex(pixels.shape)):
        one, two = (_mixed_exactly((start + (2 * number + k) * golden) % 2**64) >> 11 for k in (0, 1))
        z = np.sqrt(-2 * np.log((one + 1) * 2.0**-53)) * np.cos(2 * np.pi * two * 2.0**-53)
        y[place] = pixels[place] + std * z
    return np.moveaxis(y, -1, 1)


def twin_dropout_backward(dy: np.ndarray, p: float, seed: int, step: int, stream: int) -> np.ndarray:
    """Return dx: dy through the same mask."""
    return twin_dropout_forward(dy, p, seed, step, stream)
