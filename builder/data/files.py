"""Opening files that strangers made: regular files only, inside their folder, never more than fits in memory."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from schemas.say import say

from .finding import bad

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
SAMPLES = IMAGES | {".npy", ".csv"}
"""Endings of files that hold one sample."""

SAMPLE_BYTES = 1 << 29
"""Largest file of one sample, in bytes."""

RATIO = 250
SMALL = 1 << 26
"""An archive may unpack to RATIO times its size; up to SMALL bytes (64 MiB) to any size. Real data stay far below:
Fashion-MNIST 1.8, the MNIST digits 4.7; an archive made to exhaust memory is near 1000."""


def regular(path: Path) -> int:
    """Return the size of a regular file in bytes, or raise BadData (missing, not_a_file, unreadable)."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise bad("missing_file", say("There is no such file."), path) from None
    except (OSError, ValueError) as error:  # too long a name, a loop of links, a NUL byte
        raise bad("unreadable_file", say("The file cannot be opened ({reason}).", reason=str(error)), path) from None
    if not stat.S_ISREG(status.st_mode):
        kind = say("a folder") if stat.S_ISDIR(status.st_mode) else say("no regular file")
        raise bad("not_a_file", say("This is {kind}, but a file is needed.", kind=kind), path)
    return status.st_size


def read_bytes(path: Path, limit: int = SAMPLE_BYTES) -> bytes:
    """Return the content of one sample's file, or raise BadData."""
    size = regular(path)
    if size == 0:
        raise bad("empty_file", say("The file is empty."), path)
    if size > limit:
        raise bad(
            "file_too_large",
            say("The file has {size:,} bytes; one sample may have {limit:,}.", size=size, limit=limit),
            path,
        )
    try:
        with open(path, "rb") as file:
            return file.read(size)  # not read(limit): Python allocates what is asked for, before it reads
    except OSError as error:
        raise bad("unreadable_file", say("The file cannot be read ({reason}).", reason=error.strerror), path) from None


def available() -> int:
    """Return how many bytes of memory can be used without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def need_memory(size: int, path: Path, what: str) -> None:
    """Raise BadData where `size` bytes would fill more than half of the free memory."""
    if size > SMALL and size > available() // 2:
        raise bad(
            "too_large",
            say(
                "{what} would take {size:,.1f} GiB of memory, and {available:,.1f} GiB are free.",
                what=what,
                size=size / 2**30,
                available=available() / 2**30,
            ),
            path,
            say("Half of the free memory is left to the network and the system."),
            say("Use fewer samples, or images in a folder, which are read batch by batch."),
        )


def unpacked(packed: int, claimed: int, path: Path) -> None:
    """Raise BadData where an archive claims to hold far more than real data of its size would."""
    if claimed > SMALL and claimed > RATIO * max(packed, 1):
        raise bad(
            "zip_bomb",
            say("{packed:,} bytes claim to unpack to {claimed:,} bytes.", packed=packed, claimed=claimed),
            path,
            say(
                "Real data seldom shrink to less than a {ratio}th; such a file is made to fill the memory.", ratio=RATIO
            ),
            say("If it is meant, store the file uncompressed."),
        )


class Locator:
    """Finds the files that a table's cells name, relative to the table's own folder.

    Backslashes separate folders too, as NNC writes them. Names in the other Unicode form (as macOS writes Japanese
    ones) are found. Whether the file exists is not checked.
    """

    def __init__(self, root: Path, outside: bool) -> None:
        self.root, self.outside = root, outside
        self._home = os.path.realpath(root)
        self._real: dict[str, str] = {}
        """Folder -> where it really is; resolving every cell anew would take 40 µs each."""

    def __call__(self, cell: str, where: str) -> Path:
        """Return the path, or raise BadData where it leaves the folder."""
        text = cell.strip().replace("\\", "/")
        if "\x00" in text:
            raise bad("nul_byte", say("A path holds a NUL byte."), where)
        if len(text) > 4096:
            raise bad("path_too_long", say("A path has {count:,} characters.", count=len(text)), where)
        path = os.path.join(self.root, text)
        if not self.outside:
            self._stay(path, cell, where)
        if not os.path.lexists(path):
            for other in (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)):
                if os.path.lexists(os.path.join(self.root, other)):
                    return self(other, where)
        return Path(path)

    def _stay(self, path: str, cell: str, where: str) -> None:
        folder, name = os.path.split(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        target = os.path.join(self._real[folder], name)
        if name in ("", ".", "..") or os.path.islink(target):  # a link must not lead outside either
            target = os.path.realpath(target)
        if os.path.commonpath([self._home, target]) != self._home:  # by folders: /data-old is not inside /data
            raise bad(
                "outside_folder",
                say("The path {cell!r} leaves the folder {root}.", cell=cell[:200], root=self.root),
                where,
                say("A table from elsewhere could otherwise read any file of yours."),
                say('If it is meant, set "outside": true in the source.'),
            )
