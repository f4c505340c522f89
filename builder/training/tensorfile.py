"""Arrays and texts in one safetensors file, with a content hash that every reader verifies.

The format is the public one (header length, JSON header, data), so any safetensors reader opens the file. It is written
piece by piece, without a second copy in memory. `sha256` among the texts covers everything else in the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from schemas.errors import DataError
from schemas.say import reason, say

from .durable import Content

_TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U64": "<u8", "U32": "<u4", "U8": "|u1"}
_TYPES["BOOL"] = "|b1"
_NAMES = {np.dtype(text): name for name, text in _TYPES.items()}
NETWORK = "tsumiki-network-1"
"""Text `format` of a file that holds a whole network: its parameters by their keys, and its `document` as JSON."""

_HEADER_LIMIT = 1 << 26
"""Bytes of header that are read at most; 64 MiB describe half a million tensors."""


def encode(tensors: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> tuple[Content, int, str]:
    """Return the pieces of the file, its size in bytes and its hash. float32, float64, integers and booleans."""
    header: dict[str, Any] = {"__metadata__": dict(texts)}
    arrays, offset = [], 0
    for key in sorted(tensors, key=lambda key: (-tensors[key].dtype.itemsize, key)):  # wide types first: aligned
        kind = tensors[key].dtype.newbyteorder("<")
        array = np.ascontiguousarray(tensors[key], dtype=kind).reshape(tensors[key].shape)
        end = offset + array.nbytes
        header[key] = {"dtype": _NAMES[kind], "shape": list(array.shape), "data_offsets": [offset, end]}
        arrays.append(array)
        offset = end
    digest = hashlib.sha256(_dump(header))
    for array in arrays:
        digest.update(_bytes(array))
    header["__metadata__"]["sha256"] = digest.hexdigest()
    text = _dump(header)
    text += b" " * (-len(text) % 8)
    pieces: list[bytes | memoryview] = [len(text).to_bytes(8, "little"), text, *(_bytes(array) for array in arrays)]
    return pieces, 8 + len(text) + offset, digest.hexdigest()


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return arrays and texts of a file. Raises DataError when it is missing, cut off or changed in any bit."""
    try:
        with path.open("rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise DataError(say("Cannot read {path}: {reason}.", path=path, reason=reason(error))) from error
    except _Broken as error:
        raise DataError(
            say(
                "{path} is damaged: {error}. It was cut off or changed after it was written; restore it from a copy.",
                path=path,
                error=error,
            )
        ) from error


def outline(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Return the shapes and texts of a file from its header alone; the hash is not verified. Raises DataError."""
    try:
        with path.open("rb") as file:
            header, texts = _header(file, os.fstat(file.fileno()).st_size)
            return {key: _span(key, entry)[3] for key, entry in header.items()}, texts
    except OSError as error:
        raise DataError(say("Cannot read {path}: {reason}.", path=path, reason=reason(error))) from error
    except _Broken as error:
        raise DataError(say("{path} is damaged, or no safetensors file: {error}.", path=path, error=error)) from error


class _Broken(Exception):
    """What is wrong with the file."""


def _read(file: BinaryIO, length: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    header, texts = _header(file, length)
    begin = file.tell()
    spans = []
    for key, entry in header.items():
        spans.append((*_span(key, entry), key))
    spans.sort()
    expected = 0
    for first, last, _, _, key in spans:
        if first != expected:
            raise _Broken(f"the data of {key!r} do not follow the one before")
        expected = last
    if begin + expected != length:
        raise _Broken(f"it has {length} bytes where its header speaks of {begin + expected}")
    stored = texts.pop("sha256", None)
    digest = hashlib.sha256(_dump({"__metadata__": texts, **header}))
    tensors: dict[str, np.ndarray] = {}
    for _, _, kind, shape, key in spans:
        array = np.empty(shape, kind)
        if file.readinto(_bytes(array)) != array.nbytes:  # type: ignore[attr-defined]  # open("rb") is buffered
            raise _Broken("its data end early")
        digest.update(_bytes(array))
        tensors[key] = array
    if stored != digest.hexdigest():
        raise _Broken("its content does not match its hash")
    return tensors, texts


def _header(file: BinaryIO, length: int) -> tuple[dict[str, Any], dict[str, str]]:
    size = int.from_bytes(file.read(8), "little")
    if length < 8 or size > min(length - 8, _HEADER_LIMIT):
        raise _Broken("its header is cut off or is none")
    try:
        header = json.loads(file.read(size))
    except (ValueError, RecursionError) as error:
        raise _Broken("its header is not JSON") from error
    if not isinstance(header, dict):
        raise _Broken("its header is not an object")
    texts = header.pop("__metadata__", {})
    if not isinstance(texts, dict) or not all(isinstance(value, str) for value in texts.values()):
        raise _Broken("its texts are no texts")
    return header, texts


def _span(key: str, entry: Any) -> tuple[int, int, np.dtype[Any], tuple[int, ...]]:
    wrong = _Broken(f"the header's entry {key!r} is wrong")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise wrong
    name, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(name, str) or name not in _TYPES or not isinstance(shape, list) or not isinstance(offsets, list):
        raise wrong
    if len(offsets) != 2 or len(shape) > 32 or not all(type(n) is int and 0 <= n < 1 << 62 for n in shape + offsets):
        raise wrong
    kind = np.dtype(_TYPES[name])
    if math.prod(max(n, 1) for n in shape) * kind.itemsize >= 1 << 62:  # NumPy refuses it even beside an axis of 0
        raise wrong
    if offsets[1] - offsets[0] != math.prod(shape) * kind.itemsize:
        raise _Broken(f"the size of {key!r} does not fit its shape")
    return offsets[0], offsets[1], kind, tuple(shape)


def _bytes(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _dump(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
