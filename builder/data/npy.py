"""NumPy's array format, read without pickle and without believing its header."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import IO

import numpy as np

from schemas.say import say

from .facts import Shape
from .files import need_memory
from .finding import bad

CHUNK = 1 << 20
THE_ARRAY = say("The array")
LONGEST = 1 << 16
"""Most bytes of a header; NumPy writes about 118."""
FIELDS = re.compile(
    r"\{\s*'descr':\s*('[<>|=]?[a-zA-Z]\d{0,9}'|\[.*\]),\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([\dL, ]{0,200})\),?\s*\}\s*$"
)


def _fields(file: IO[bytes]) -> tuple[Shape, bool, np.dtype]:
    """Parse a header of format 1 to 3 (numpy.lib.format's docstring). Raises ValueError or TypeError.

    NumPy's own reader evaluates the text as a Python literal; the fields are three and their form is fixed, so a
    regular expression reads them without a parser that a stranger could feed.
    """
    start = file.read(8)
    if len(start) < 8 or start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ValueError(f"it begins with {start.hex(' ')}")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    text = file.read(min(length, LONGEST + 1))
    if len(text) != length:
        raise ValueError("the header is cut off or too long")
    found = FIELDS.match(text.decode("latin-1" if start[6] < 3 else "utf-8"))
    if found is None:
        raise ValueError("it does not say descr, fortran_order and shape")
    if found[1].startswith("["):
        raise TypeError("records of several fields")
    shape = tuple(int(n.rstrip("L")) for n in found[3].replace(" ", "").split(",") if n)  # Python 2 wrote 3L
    return shape, found[2] == "True", np.dtype(found[1].strip("'"))


def header(file: IO[bytes], path: Path, what: str = THE_ARRAY) -> tuple[Shape, bool, np.dtype]:
    """Return (shape, is column-major, dtype) and leave the file at the first value. Raises BadData."""
    try:
        shape, fortran, dtype = _fields(file)
    except (ValueError, TypeError) as error:
        text = " ".join(str(error).split())[:150]
        raise bad("corrupt_array", say("{what} has no readable header ({text}).", what=what, text=text), path) from None
    if dtype.hasobject:
        raise bad(
            "object_array",
            say("{what} holds Python objects, and is refused.", what=what),
            path,
            say("Reading them needs pickle, which can run any code that a stranger put into the file."),
            say("Save plain numbers instead: np.savez(file, x=x.astype('float32'), y=y)."),
        )
    if dtype.kind not in "buifUS" or dtype.subdtype is not None:
        raise bad(
            "array_type",
            say("{what} holds {dtype}, but numbers (or text labels) are needed.", what=what, dtype=dtype),
            path,
        )
    if len(shape) > 8:
        raise bad("array_shape", say("{what} has {count} axes.", what=what, count=len(shape)), path)
    return shape, fortran, dtype


def read_npy(file: IO[bytes], size: int, path: Path, what: str = THE_ARRAY) -> np.ndarray:
    """Return an array whose file (header included) has `size` bytes. Raises BadData."""
    shape, fortran, dtype = header(file, path, what)
    count = math.prod(shape)
    expected = count * dtype.itemsize
    left = size - file.tell()
    if expected != left:
        raise bad(
            "truncated_array" if expected > left else "corrupt_array",
            say(
                "{what} claims {expected:,} bytes {shape}, but {left:,} are there.",
                what=what,
                expected=expected,
                shape=shape,
                left=max(left, 0),
            ),
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
            raise bad(
                "truncated_array",
                say("{what} ends after {at:,} of {expected:,} bytes.", what=what, at=at, expected=expected),
                path,
            )
        content[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    values = content.view(dtype)
    return values.reshape(shape, order="F" if fortran else "C")
