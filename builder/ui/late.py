"""Requests that come too late: a part of a page that was left asks to be drawn again.

A menu that closes because one presses on the navigation, or the last stroke of a drawing, sends its request after that
for the new page. Streamlit (1.67) answers it for the page that was left, and the browser then empties the page that it
shows: nothing is seen until the next reload. Such a request means nothing any more, so it is dropped.
"""

from __future__ import annotations

import functools
import time
from typing import Any

PATIENCE = 10.0
"""Seconds in which a page that was asked for begins to be drawn; after them no request is dropped on its account."""


def drop_late_requests() -> None:
    """Teach Streamlit's sessions to drop them; once, and only where Streamlit is built as it is known here."""
    from streamlit.runtime.app_session import AppSession

    real = getattr(AppSession, "request_rerun", None)
    if real is None or hasattr(real, "__wrapped__"):
        return

    @functools.wraps(real)
    def request_rerun(session: Any, client_state: Any) -> None:
        if not _late(session, client_state):
            real(session, client_state)

    AppSession.request_rerun = request_rerun  # type: ignore[assignment]  # wrapped


def _late(session: Any, client_state: Any) -> bool:
    """Say whether a request is a part's of another page than the one that was asked for last; remember that one."""
    said = getattr(client_state, "page_script_hash", "")
    if not said:
        return False
    drawn = getattr(getattr(session, "_client_state", None), "page_script_hash", "")
    if drawn == getattr(getattr(session, "_pages_manager", None), "main_script_hash", None):
        drawn = ""  # the first drawing of all, which is known by the application's name until it has ended
    wanted, when = getattr(session, "tsumiki_wanted", ("", 0.0))
    if wanted == drawn or time.monotonic() - when > PATIENCE:
        wanted = ""  # it is there, or never comes
    whole = not getattr(client_state, "fragment_id", "")
    if whole:
        wanted, when = "" if said == drawn else said, time.monotonic()
    session.tsumiki_wanted = wanted, when
    if whole:
        return False
    return bool(wanted or drawn) and said != (wanted or drawn)
