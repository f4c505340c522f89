"""One trainer per run folder. The operating system holds the lock, so it ends with the process, however that dies."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from schemas.errors import TrainingError
from schemas.say import reason, say

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far behind the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """Hold the file `lock` of a folder; a file left by a dead process is taken over.

    Raises TrainingError that names process, host and start of the holder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> Lock:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise TrainingError(
                say("Cannot write to {parent}: {reason}.", parent=self.path.parent, reason=reason(error))
            ) from error
        try:
            _take(descriptor)
        except OSError as error:
            try:
                raise self._refusal(descriptor, error) from error
            finally:
                os.close(descriptor)
        self._descriptor = descriptor
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.strftime("%Y-%m-%d %H:%M:%S")}
        with suppress(OSError):  # a full disk: the lock holds all the same, only its holder stays unnamed
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps(holder).encode())
        return self

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Lock:
        return self if self._descriptor is not None else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _refusal(self, descriptor: int, error: OSError) -> TrainingError:
        folder = self.path.parent
        if not isinstance(error, BlockingIOError | PermissionError):
            return TrainingError(
                say(
                    "The file system of {folder} cannot lock files ({strerror}); use another folder.",
                    folder=folder,
                    strerror=reason(error),
                )
            )
        with suppress(OSError, ValueError, KeyError, TypeError):
            os.lseek(descriptor, 0, os.SEEK_SET)
            holder = json.loads(os.read(descriptor, 4096))
            who = f"process {holder['pid']} on {holder['host']}, started {holder['started']}"
            return TrainingError(
                say(
                    "{folder} is being trained already, by {who}. Wait for it or stop it first.", folder=folder, who=who
                )
            )
        return TrainingError(
            say("{folder} is being trained already, by another process. Wait for it or stop it first.", folder=folder)
        )
