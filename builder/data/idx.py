"""IDX files of the MNIST family: a header of sizes, then the values, big-endian; gzipped or not.

Magic number: two zero bytes, the type of the values, the number of axes (LeCun, Cortes and Burges, the MNIST page).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from schemas.data import Idx
from schemas.say import say

from .facts import Peek, Shape
from .files import need_memory, regular, unpacked
from .finding import BadData, bad
from .npz import natural_range
from .samples import ArraySamples, Raw

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CHUNK = 1 << 20


def _open(path: Path) -> tuple[IO[bytes], bool]:
    """Open a file for the caller to close, and say whether it is gzipped."""
    regular(path)
    with open(path, "rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    if packed:
        return cast(IO[bytes], gzip.open(path, "rb")), True  # the caller closes it
    return open(path, "rb"), False  # the caller closes it


def header(file: IO[bytes], path: Path) -> tuple[Shape, np.dtype]:
    """Return (shape, dtype) and leave the file at the first value. Raises BadData."""
    magic = file.read(4)
    if len(magic) < 4:
        raise bad("truncated_idx", say("The file ends within its header."), path)
    if magic[:2] != b"\x00\x00" or magic[2] not in TYPES or not 1 <= magic[3] <= 8:
        raise bad("not_idx", say("The file begins with {bytes}, which is no IDX header.", bytes=magic.hex(" ")), path)
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise bad("truncated_idx", say("The file ends within its header."), path)
    return struct.unpack(f">{magic[3]}I", sizes), np.dtype(TYPES[magic[2]])


def _check_size(expected: int, there: int, shape: Shape, path: Path) -> None:
    if expected != there:
        code = "truncated_idx" if expected > there else "corrupt_idx"
        raise bad(
            code,
            say(
                "The header claims {shape}, {expected:,} bytes, but {there:,} bytes follow.",
                shape=shape,
                expected=expected,
                there=there,
            ),
            path,
        )


def load(path: Path) -> np.ndarray:
    """Return the array of an IDX file; files that are not gzipped are mapped, not read. Raises BadData."""
    try:
        file, packed = _open(path)
        with file:
            shape, dtype = header(file, path)
            expected = math.prod(shape) * dtype.itemsize
            if expected == 0:
                raise bad("empty_file", say("The header claims {shape}, so there is no value.", shape=shape), path)
            start = 4 + 4 * len(shape)
            size = regular(path)
            if not packed:
                _check_size(expected, size - start, shape, path)
                return np.memmap(path, dtype, "r", start, shape)
            if expected > 1100 * size:  # deflate cannot shrink below 1/1032
                raise bad(
                    "truncated_idx",
                    say(
                        "The header claims {expected:,} bytes, more than {size:,} can hold.",
                        expected=expected,
                        size=size,
                    ),
                    path,
                )
            unpacked(size, expected, path)
            need_memory(expected, path, say("The array"))
            content = bytearray()
            while len(content) <= expected:
                part = file.read(min(CHUNK, expected + 1 - len(content)))
                if not part:
                    break
                content += part
    except BadData:
        raise
    except (OSError, EOFError, zlib.error) as error:
        cut = isinstance(error, EOFError)
        raise bad(
            "truncated_idx" if cut else "corrupt_idx",
            say("The gzip file is cut off ({reason}).", reason=str(error))
            if cut
            else say("The gzip file is damaged ({reason}).", reason=str(error)),
            path,
        ) from None
    _check_size(expected, len(content), shape, path)
    return np.frombuffer(content, dtype).reshape(shape)


def arrange(shape: Shape, path: Path) -> Shape:
    if len(shape) not in (2, 3, 4):
        raise bad(
            "array_shape",
            say("Inputs have shape {shape}; (N, F), (N, H, W) or (N, C, H, W) is needed.", shape=shape),
            path,
        )
    return (1, *shape[1:]) if len(shape) == 3 else tuple(shape[1:])


def _labels(path: Path) -> np.ndarray:
    labels = load(path)
    if labels.ndim not in (1, 2):
        raise bad(
            "array_shape",
            say("Labels have shape {shape}; (N,) is needed.", shape=labels.shape),
            path,
            "",
            say("Swap images and labels?"),
        )
    return np.asarray(labels)


def peek(source: Idx, base: Path) -> Peek:
    path, names = base / source.images, base / source.labels
    try:
        file, packed = _open(path)
        with file:
            shape, dtype = header(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise bad("corrupt_idx", say("The file cannot be read ({reason}).", reason=str(error)), path) from None
    if not packed:
        size = regular(path) - 4 - 4 * len(shape)
        _check_size(math.prod(shape) * dtype.itemsize, size, shape, path)
    labels = _labels(names) if regular(names) < 1 << 24 else None
    if labels is not None and len(labels) != shape[0]:
        raise bad(
            "counts_differ",
            say("There are {count:,} inputs, but {other:,} labels.", count=shape[0], other=len(labels)),
            names,
        )
    return Peek(arrange(shape, path), shape[0], labels)


def read(source: Idx, base: Path) -> Raw:
    path = base / source.images
    x, y = load(path), _labels(base / source.labels)
    if len(x) != len(y):
        raise bad(
            "counts_differ",
            say("There are {count:,} inputs, but {other:,} labels.", count=len(x), other=len(y)),
            base / source.labels,
        )
    shape = arrange(x.shape, path)
    samples = ArraySamples(x.reshape(len(x), *shape), lambda i: f"{path}, sample {i}")
    return Raw(samples, y, value_range=natural_range(x.dtype) if len(shape) == 3 else None)


__all__ = ["header", "load", "peek", "read"]
