"""Samples as a source gives them: arrays in memory (or mapped), or files read when they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from schemas.say import say

from .facts import Kind, Shape
from .files import available
from .finding import BadData, Faults, Finding
from .images import NOTES, decode_file
from .labels import Labels

BLOCK = 1 << 24
"""Bytes looked at in one go when a whole array is scanned."""


class Samples(Protocol):
    """The inputs of one source, before preprocessing."""

    shape: Shape | None
    """Of one sample; None where sizes differ."""
    streamed: bool
    """Whether samples are read from files when they are asked for."""

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """Return float32 (n, *shape), or a list of (C, H, W) where sizes differ. Raises BadData."""
        ...

    def where(self, index: int) -> str: ...

    def digests(self) -> list[bytes]:
        """Return a hash of each sample's content, 16 bytes."""
        ...

    def take(self, indices: np.ndarray) -> Samples:
        """Return these samples only, in this order."""
        ...


@dataclass
class Raw:
    """One source, read: its samples, their labels and what is known of them."""

    samples: Samples
    labels: Labels
    names: tuple[str, ...] | None = None
    """Class names, where labels are indices into them."""
    text: bool = False
    value_range: tuple[float, float] | None = None
    """Smallest and largest value that the format can hold, e.g. 0 to 255."""
    columns: tuple[str, ...] = ()
    faults: Faults = field(default_factory=Faults)
    findings: list[Finding] = field(default_factory=list)
    kind: Kind | None = None


class ArraySamples:
    """Samples that lie in one array, of any number type, first axis the samples."""

    streamed = False

    def __init__(self, values: np.ndarray, where: Callable[[int], str], rows: np.ndarray | None = None) -> None:
        self.values, self._where = values, where
        self._rows = rows
        self.shape: Shape | None = tuple(values.shape[1:])

    def __len__(self) -> int:
        return len(self.values) if self._rows is None else len(self._rows)

    def read(self, indices: np.ndarray) -> np.ndarray:
        rows = indices if self._rows is None else self._rows[indices]
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, which the scan reports
            return np.ascontiguousarray(self.values[rows], dtype=np.float32)

    def where(self, index: int) -> str:
        return self._where(int(index if self._rows is None else self._rows[index]))

    def digests(self) -> list[bytes]:
        rows = range(len(self.values)) if self._rows is None else self._rows
        plain = self.values.dtype.newbyteorder("<")
        return [blake2b(np.ascontiguousarray(self.values[i], plain).data, digest_size=16).digest() for i in rows]

    def take(self, indices: np.ndarray) -> ArraySamples:
        return ArraySamples(self.values, self._where, indices if self._rows is None else self._rows[indices])

    def unusable(self) -> np.ndarray:
        """Return which samples hold NaN, infinity, or a number too large for float32: bool (n,)."""
        found = np.zeros(len(self), dtype=bool)
        if self.values.dtype.kind != "f":
            return found
        step = max(1, BLOCK // max(1, self.values[:1].nbytes))
        for start in range(0, len(self), step):
            block = self.read(np.arange(start, min(start + step, len(self))))
            found[start : start + step] = ~np.isfinite(block).reshape(len(block), -1).all(axis=1)
        return found


@dataclass(frozen=True)
class Entry:
    """One file, after it has been read once: enough to find it again and to know that it is what it was."""

    path: Path
    where: str
    shape: Shape
    depth: str
    digest: bytes


class FileSamples:
    """Samples of one file each, decoded when asked for; what fits in the cache is kept.

    The cache takes files until it is full and then keeps them: an epoch reads every file once in a new order, so
    throwing old ones out would only mean to read more.
    """

    streamed = True

    def __init__(self, entries: Sequence[Entry], channels: int | None, cache: Cache | None = None) -> None:
        self.entries, self.channels = list(entries), channels
        self._cache = cache if cache is not None else Cache(min(1 << 28, available() // 8))
        shapes = {entry.shape for entry in entries}
        self.shape: Shape | None = next(iter(shapes)) if len(shapes) == 1 else None

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Smallest and largest value that all files can hold; None where their depths differ."""
        depths = {entry.depth for entry in self.entries}
        return {"8": (0.0, 255.0), "16": (0.0, 65535.0)}.get(depths.pop()) if len(depths) == 1 else None

    def __len__(self) -> int:
        return len(self.entries)

    def read(self, indices: np.ndarray) -> np.ndarray | list[np.ndarray]:
        arrays = [self._load(self.entries[i]) for i in indices]
        if self.shape is None:
            return [a.astype(np.float32) for a in arrays]
        out = np.empty((len(arrays), *self.shape), dtype=np.float32)
        for row, array in zip(out, arrays, strict=True):
            row[...] = array
        return out

    def _load(self, entry: Entry) -> np.ndarray:
        kept = self._cache.get(entry.path)
        if kept is not None:
            return kept
        found = decode_file(entry.path, self.channels)
        if found.values.shape != entry.shape or found.digest != entry.digest:
            raise BadData([Finding("error", "changed", say("The file has changed since training began."), entry.where)])
        self._cache.put(entry.path, found.values)
        return found.values

    def where(self, index: int) -> str:
        return self.entries[index].where

    def digests(self) -> list[bytes]:
        return [entry.digest for entry in self.entries]

    def take(self, indices: np.ndarray) -> FileSamples:
        return FileSamples([self.entries[i] for i in indices], self.channels, self._cache)


class Cache:
    """Decoded files up to a number of bytes; safe to use from several threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._kept: dict[Path, np.ndarray] = {}
        self._lock = Lock()

    def get(self, path: Path) -> np.ndarray | None:
        return self._kept.get(path)

    def put(self, path: Path, values: np.ndarray) -> None:
        with self._lock:
            if path not in self._kept and self._used + values.nbytes <= self._limit:
                self._kept[path] = values
                self._used += values.nbytes


def scan(
    paths: Sequence[Path | BadData], places: Sequence[str], channels: int | None, faults: Faults
) -> tuple[FileSamples, np.ndarray, list[Finding]]:
    """Read every file once, and return the good ones, their positions in `paths`, and what was remarkable.

    `places` says where each path was named, e.g. "table.csv, line 3". Broken files go to `faults`.
    """
    cache = Cache(min(1 << 28, available() // 8))

    def look(job: tuple[Path | BadData, str]) -> tuple[Entry, tuple[str, ...]] | BadData:
        path, place = job
        if isinstance(path, BadData):
            return path
        try:
            found = decode_file(path, channels)
        except BadData as error:
            return error
        cache.put(path, found.values)
        return Entry(path, place, tuple(found.values.shape), found.depth, found.digest), found.notes

    entries, kept = [], []
    remarks: dict[str, list[str]] = {}
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for position, result in enumerate(pool.map(look, zip(paths, places, strict=True))):
            if isinstance(result, BadData):
                faults.extend(
                    Finding(
                        f.severity,
                        f.code,
                        f.what,
                        f.where if places[position] in f.where else f"{places[position]} ({f.where})",
                        f.why,
                        f.fix,
                    )
                    for f in result.findings
                )
                continue
            entry, notes = result
            entries.append(entry)
            kept.append(position)
            for note in notes:
                remarks.setdefault(note, []).append(entry.where)
    findings = [Finding("info", note, NOTES[note](len(wheres)), wheres[0]) for note, wheres in sorted(remarks.items())]
    return FileSamples(entries, channels, cache), np.array(kept, dtype=np.int64), findings
