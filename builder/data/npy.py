"""NumPy's array format, read without pickle and without believing its header."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import IO

import numpy as np

from .files import need_memory
from .finding import bad

CHUNK = 1 << 20


def header(file: IO[bytes], path: Path, what: str = "The array") -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return (shape, is column-major, dtype) and leave the file at the first value. Raises BadData."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"unknown version {version}")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # "read with the fix_imports of Python 2": its headers are read all the same
            if version == (1, 0):
                shape, fortran, dtype = npy.read_array_header_1_0(file)
            else:
                shape, fortran, dtype = npy.read_array_header_2_0(file)
    except (ValueError, TypeError, SyntaxError, EOFError, OSError, RecursionError, MemoryError) as error:
        text = " ".join(str(error).split())[:150]
        raise bad("corrupt_array", f"{what} has no readable header ({text}).", path) from None
    if dtype.hasobject:
        raise bad(
            "object_array",
            f"{what} holds Python objects, and is refused.",
            path,
            "Reading them needs pickle, which can run any code that a stranger put into the file.",
            "Save plain numbers instead: np.savez(file, x=x.astype('float32'), y=y).",
        )
    if dtype.kind not in "buifUS" or dtype.subdtype is not None:
        raise bad("array_type", f"{what} holds {dtype}, but numbers (or text labels) are needed.", path)
    if any(not isinstance(n, int) or n < 0 for n in shape) or len(shape) > 8:
        raise bad("corrupt_array", f"{what} has an impossible shape.", path)
    return shape, fortran, dtype


def read_npy(file: IO[bytes], size: int, path: Path, what: str = "The array") -> np.ndarray:
    """Return an array whose file (header included) has `size` bytes. Raises BadData."""
    shape, fortran, dtype = header(file, path, what)
    count = math.prod(shape)
    expected = count * dtype.itemsize
    left = size - file.tell()
    if expected != left:
        raise bad(
            "truncated_array" if expected > left else "corrupt_array",
            f"{what} claims {expected:,} bytes {shape}, but {max(left, 0):,} are there.",
            path,
        )
    need_memory(expected, path, what)
    if count == 0:
        return np.empty(shape, dtype)
    content = np.empty(expected, np.uint8)
    at = 0
    while at < expected:
        part = file.read(min(CHUNK, expected - at))
        if not part:
            raise bad("truncated_array", f"{what} ends after {at:,} of {expected:,} bytes.", path)
        content[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    values = content.view(dtype)
    return values.reshape(shape, order="F" if fortran else "C")
