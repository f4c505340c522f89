"""Ctrl-C and SIGTERM: save within one step, then leave with 130 or 143."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from schemas.errors import TsumikiError


class Interrupted(TsumikiError):
    """A signal ended the command. `exit_code` is the shell's: 128 + number of the signal."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.signal = number
        self.exit_code = 128 + number


class Interrupts:
    """Catch the two signals while entered (in the main thread only; elsewhere the caller passes `stop`).

    Until `deferred` is set there is nothing to save, and Interrupted is raised at once. Later a signal is only noted,
    for the loop to find between two steps; a second Ctrl-C does not wait for that.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def interrupted(self, message: str) -> Interrupted:
        """Return the exception for the noted signal."""
        return Interrupted(self.number or signal.SIGINT, message)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again = self.number == number == signal.SIGINT
        self.number = number
        if again:
            raise Interrupted(number, "Stopped at once. The last checkpoint is whole; go on with `tsumiki resume`.")
        if not self.deferred:
            raise Interrupted(number, "Stopped before the first step; nothing was written.")


Stop = Callable[[], bool]
"""Asked after every step; True saves and ends the training."""
