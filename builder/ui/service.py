"""One registry and one shelf per workspace, shared by all sessions of the server."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from .registry import Registry
from .shelf import Shelf

_MUTEX = threading.Lock()


def registry(workspace: Path) -> Registry:
    """Return the workspace's registry; its queue moves in the background from the first call on."""
    with _MUTEX:  # two sessions that open at once must not get one each
        return _registry(workspace.resolve())


def shelf(workspace: Path) -> Shelf:
    """Return the workspace's list of runs."""
    with _MUTEX:
        return _shelf(workspace.resolve())


@cache
def _registry(workspace: Path) -> Registry:
    made = Registry(workspace)
    made.watch()
    return made


@cache
def _shelf(workspace: Path) -> Shelf:
    return Shelf(workspace)
