"""NumPy's .npz: named arrays in a zip file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from schemas.data import Npz
from schemas.say import commas, say

from .facts import Peek, Shape
from .files import regular, unpacked
from .finding import BadData, Finding, bad
from .npy import header, read_npy
from .samples import ArraySamples, Raw

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
"""What zipfile raises for damaged, encrypted or unknown content."""


def names(path: Path) -> dict[str, int]:
    """Return the arrays' names and unpacked sizes in bytes. Raises BadData."""
    regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {i.filename.removesuffix(".npy"): i.file_size for i in archive.infolist()}
    except BROKEN as error:
        raise bad("corrupt_npz", say("The file is no readable .npz ({reason}).", reason=str(error)), path) from None


@contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open one array; yields the stream and its unpacked size."""
    present = names(path)
    if name not in present:
        raise bad(
            "missing_array",
            say(
                "There is no array {name!r}; there are {names}.",
                name=name,
                names=commas(map(repr, sorted(present)[:20])) or say("none"),
            ),
            path,
            "",
            say("Set x and y of the source to the names of the arrays."),
        )
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {i.filename: i for i in archive.infolist()}
            info = stored.get(name + ".npy") or stored[name]
            unpacked(info.compress_size, info.file_size, path)
            with archive.open(info) as file:
                yield file, info.file_size
    except BadData:
        raise
    except BROKEN as error:
        raise bad(
            "corrupt_npz", say("Array {name!r} is damaged ({reason}).", name=name, reason=str(error)), path
        ) from None


def load(path: Path, name: str) -> np.ndarray:
    """Return one array. Raises BadData where it is missing, damaged, made of objects, or too large."""
    with _member(path, name) as (file, size):
        values = read_npy(file, size, path, say("Array {name!r}", name=name))
        file.read(1)  # the end of the stream is where zipfile compares the checksum
        return values


def shape(path: Path, name: str) -> Shape:
    """Return an array's shape from its header. Raises BadData."""
    with _member(path, name) as (file, _):
        return header(file, path, say("Array {name!r}", name=name))[0]


def arrange(source: Npz, axes: Shape, path: Path) -> Shape:
    """Return a sample's public shape for an array of this shape; raises BadData where it has none."""
    if len(axes) not in (2, 3, 4) or 0 in axes:
        raise bad(
            "array_shape",
            say(
                "Array {x!r} has shape {axes}; (N, F), (N, H, W) or (N, C, H, W) without a 0 is needed.",
                x=source.x,
                axes=axes,
            ),
            path,
        )
    if len(axes) == 3:
        return (1, *axes[1:])
    if len(axes) == 4 and source.layout == "NHWC":
        return (axes[3], axes[1], axes[2])
    return tuple(axes[1:])


def arrange_map(source: Npz, axes: Shape) -> Shape:
    """Return the public shape of one target that is an image."""
    return (axes[2], axes[0], axes[1]) if len(axes) == 3 and source.layout == "NHWC" else tuple(axes)


def peek(source: Npz, base: Path) -> Peek:
    path = base / source.path
    claimed = shape(path, source.x)
    with _member(path, source.y) as (_, size):
        small = size < 1 << 24
    labels = load(path, source.y) if small else None
    form = arrange(source, claimed, path)
    axes = shape(path, source.y)
    target = arrange_map(source, axes[1:]) if len(axes) in (3, 4) else None
    return Peek(form, claimed[0], None if labels is None else _labels(labels, source, path), target=target)


def _labels(values: np.ndarray, source: Npz, path: Path) -> list[str] | np.ndarray:
    if values.ndim not in (1, 2, 3, 4) or (values.ndim > 2 and 0 in values.shape):
        needed = say("(N,), (N, outputs), (N, H, W) or (N, C, H, W) is needed")
        raise bad(
            "array_shape",
            say("Array {y!r} has shape {shape}; {needed}.", y=source.y, shape=values.shape, needed=needed),
            path,
        )
    if values.dtype.kind in "US":
        if values.ndim > 1:
            raise bad(
                "array_shape", say("Array {y!r} holds rows of text; one label per sample is needed.", y=source.y), path
            )
        return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.tolist()]
    return values.transpose(0, 3, 1, 2) if values.ndim == 4 and source.layout == "NHWC" else values


def read(source: Npz, base: Path) -> Raw:
    path = base / source.path
    x = load(path, source.x)
    y = load(path, source.y)
    if x.dtype.kind in "US":
        raise bad("array_type", say("Array {x!r} holds text, but inputs are numbers.", x=source.x), path)
    form = arrange(source, x.shape, path)
    labels = _labels(y, source, path)
    if len(x) != len(labels):
        raise bad(
            "counts_differ",
            say(
                "{x!r} has {count:,} samples, {y!r} has {other:,}.",
                x=source.x,
                count=len(x),
                y=source.y,
                other=len(labels),
            ),
            path,
        )
    if x.ndim == 4 and source.layout == "NHWC":
        x = x.transpose(0, 3, 1, 2)
    samples = ArraySamples(x.reshape(len(x), *form), lambda i: f"{path}, sample {i}")
    raw = Raw(samples, labels, value_range=natural_range(x.dtype) if len(form) == 3 else None)
    if len(form) == 3 and source.layout == "NCHW" and x.ndim == 4 and form[2] in (1, 3, 4) and form[0] > 4:
        raw.findings.append(
            Finding(
                "warning",
                "layout",
                say(
                    "Inputs are read as {channels} channels of {height} × {width} pixels.",
                    channels=form[0],
                    height=form[1],
                    width=form[2],
                ),
                str(path),
                say("The last axis looks like channels."),
                say("Set layout to 'NHWC' in the source."),
            )
        )
    return raw


def natural_range(dtype: np.dtype) -> tuple[float, float] | None:
    """Return the values that 8- and 16-bit images span; other types say nothing about their values."""
    return {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0), "bool": (0.0, 1.0)}.get(dtype.name)
