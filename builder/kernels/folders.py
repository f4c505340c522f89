"""Where tsumiki keeps what it finds out about this machine: a folder of this user alone. Loads nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def private(folder: Path) -> bool:
    """Create the folder for this user alone; False where somebody else could put code into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
    except OSError:
        return False
    if hasattr(os, "getuid") and info.st_uid != os.getuid():
        return False
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        folder.chmod(0o700)
    return os.access(folder, os.W_OK)


def user_folder() -> Path | None:
    """Return this user's private folder for what is kept about the machine, or None where none can be had."""
    named = os.environ.get("TSUMIKI_CACHE_DIR")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tsumiki"
    return base if private(base) else None
