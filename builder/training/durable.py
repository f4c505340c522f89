"""Files that survive a kill, a power cut and a full disk: written aside, fsynced, renamed, their folder fsynced.

Every write of the run folder goes through here, and every failure leaves the file as it was.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from schemas.errors import TrainingError
from schemas.say import reason, say

Content = Iterable[bytes | memoryview]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PIECE = 1 << 24
"""Bytes per os.write: Linux takes at most 2 GiB at once, and a signal is answered between two pieces."""


def replace(files: Sequence[tuple[Path, Content]]) -> None:
    """Write files of one folder so that each is either the old or the new one, whenever the process dies.

    All are written and fsynced under temporary names first and renamed together, so that a reader hardly ever meets
    the new one beside the old other one. Raises TrainingError; after it the old files are still there.
    """
    temporaries: list[Path] = []
    try:
        for path, content in files:
            temporary = path.with_name(f".{path.name}.tmp")
            temporaries.append(temporary)
            _write(temporary, content)
        for (path, _), temporary in zip(files, temporaries, strict=True):
            os.replace(temporary, path)
        sync_folder(files[0][0].parent)
    except OSError as error:
        raise failure(error, files[0][0]) from error
    finally:
        for temporary in temporaries:
            with suppress(OSError):
                os.unlink(temporary)


def append(path: Path, text: bytes, at: int) -> int:
    """Cut the file to `at` bytes, write `text` there, fsync, and return the new length in bytes."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            os.ftruncate(descriptor, at)
            os.lseek(descriptor, at, os.SEEK_SET)
            try:
                _write_all(descriptor, text)
                os.fsync(descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, at)
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise failure(error, path) from error
    return at + len(text)


def sweep(*folders: Path) -> None:
    """Remove what a killed process left half written."""
    for folder in folders:
        for temporary in folder.glob(".*.tmp"):
            with suppress(OSError):
                temporary.unlink()


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder durable. Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require(folder: Path, needed: int, purpose: str, *, begun: bool = True) -> None:
    """Raise TrainingError when fewer than `needed` bytes are free where `folder` lies (or will lie).

    Where no run has `begun`, there is none to go on with.
    """
    while not folder.exists() and folder.parent != folder:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainingError(
            say(
                "The disk is too full: {purpose} needs {needed} and {free} are free in {folder}. Nothing was changed "
                "there. Make {missing} of room, {resume}or use another folder (out=).",
                purpose=purpose,
                needed=size(needed),
                free=size(free),
                folder=folder,
                missing=size(needed - free),
                resume=say("then go on with `tsumiki resume`, ") if begun else "",
            )
        )


def failure(error: OSError, path: Path, *, begun: bool = True) -> TrainingError:
    """Say in words why a file could not be written; where no run has `begun`, there is none to go on with."""
    why = reason(error)
    if error.errno in _FULL:
        with suppress(OSError):
            why = say("{reason}, {free} are free", reason=why, free=size(shutil.disk_usage(path.parent).free))
        remedy = say("Make room there")
    else:
        remedy = say("Look after the disk and its permissions")
    if not begun:
        return TrainingError(
            say(
                "Could not begin a run in {path}: {reason}. Nothing was left there. {remedy}, or use another folder "
                "(out=).",
                path=path,
                reason=why,
                remedy=remedy,
            )
        )
    return TrainingError(
        say(
            "Could not write {path}: {reason}. What was saved before is unchanged. {remedy}, then go on with "
            "`tsumiki resume`.",
            path=path,
            reason=why,
            remedy=remedy,
        )
    )


def size(count: int) -> str:
    """Write a number of bytes for people: 1536 -> '1.5 kB'."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _write(path: Path, content: Content) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o644)
    try:
        for piece in content:
            _write_all(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, piece: bytes | memoryview) -> None:
    rest = memoryview(piece).cast("B")
    while rest:
        rest = rest[os.write(descriptor, rest[:_PIECE]) :]
