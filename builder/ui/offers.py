"""What a component in the browser asks for by itself, without a run of the page's script.

    address = offer(look)       each request for it is answered with what `look()` returns then, as JSON
    withdraw(address)
    possible()                  whether Streamlit is built as it is known here

Streamlit's own way of serving pictures serves it ("media/<id>"), so there is no server or route of ours: the same
host check, the same origin rules, the same folder behind a proxy. An id here is 160 random bits that only the session
gets that it is made for. Where Streamlit is built otherwise than it is known here, `offer` returns None, and the page
has to be drawn anew for every number.
"""

from __future__ import annotations

import json
import logging
import os.path
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

KEPT = 3600.0
"""Seconds after which an offer that nobody asks for is forgotten: its page was closed, or sleeps."""

_LOG = logging.getLogger(__name__)

Look = Callable[[], Mapping[str, Any]]


@dataclass
class _Offer:
    look: Look
    asked: float = field(default_factory=time.monotonic)


_OFFERS: dict[str, _Offer] = {}
_MUTEX = threading.Lock()


def offer(look: Look) -> str | None:
    """Return an address, relative to the application's; `look` is called by the server's own thread: it must be quick.

    None where Streamlit does not run, or has no place for this.
    """
    if not possible():
        return None
    token = secrets.token_hex(20)
    with _MUTEX:
        _forget()
        _OFFERS[token] = _Offer(look)
    return f"media/{token}.json"


def withdraw(address: str | None) -> None:
    """Answer requests for an address no more."""
    with _MUTEX:
        _OFFERS.pop(_token(address or ""), None)


def living(address: str | None) -> bool:
    """Say whether requests for an address are answered."""
    with _MUTEX:
        return _token(address or "") in _OFFERS


def _token(path: str) -> str:
    return os.path.splitext(path.rpartition("/")[2])[0]


def _forget() -> None:
    old = time.monotonic() - KEPT
    for token in [token for token, one in _OFFERS.items() if one.asked < old]:
        del _OFFERS[token]


def possible() -> bool:
    """Say so. Teaches the running server's storage of pictures to answer for the offers too, once."""
    from streamlit import runtime

    if not runtime.exists():
        return False
    try:
        from streamlit.runtime.media_file_storage import MediaFileKind
        from streamlit.runtime.memory_media_file_storage import MemoryFile, MemoryMediaFileStorage

        storage = runtime.get_instance().media_file_mgr._storage
    except (ImportError, AttributeError):
        return False
    if not isinstance(storage, MemoryMediaFileStorage):  # another one serves its files by itself
        return False
    real = storage.get_file
    if hasattr(real, "__wrapped__"):
        return True

    @wraps(real)
    def get_file(filename: str) -> MemoryFile:
        said = _answer(filename)
        return real(filename) if said is None else MemoryFile(said, "application/json", MediaFileKind.MEDIA, None)

    storage.get_file = get_file  # type: ignore[method-assign]  # wrapped
    return True


def _answer(filename: str) -> bytes | None:
    """Return what an offer's `look` finds now as JSON; None where the file is no offer."""
    with _MUTEX:
        found = _OFFERS.get(_token(filename))
        if found is None:
            return None
        found.asked = time.monotonic()
    try:
        return json.dumps(found.look(), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except Exception:  # it runs in the server's thread, where nobody else tells of it
        _LOG.exception("What the page shows of a training could not be made")
        return b"{}"
