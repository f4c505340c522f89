"""Which requests of a left page's parts are dropped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from builder.ui import late


def asks(page: str, part: str = "") -> Any:
    return SimpleNamespace(page_script_hash=page, fragment_id=part)


@pytest.fixture
def session() -> Any:
    return SimpleNamespace(_client_state=SimpleNamespace(page_script_hash="build"))


def test_a_part_of_the_shown_page_is_heard(session: Any) -> None:
    assert not late._late(session, asks("build", "menu"))
    assert not late._late(session, asks("build"))
    assert not late._late(session, asks("build", "menu"))


def test_a_part_of_a_left_page_is_not(session: Any) -> None:
    assert not late._late(session, asks("data"))
    assert late._late(session, asks("build", "menu")), "before the new page has begun"
    session._client_state.page_script_hash = "data"
    assert late._late(session, asks("build", "menu")), "and after"
    assert not late._late(session, asks("data", "grid"))


def test_a_page_that_the_server_went_to_by_itself(session: Any) -> None:
    late._late(session, asks("build"))
    session._client_state.page_script_hash = "understand"
    assert not late._late(session, asks("understand", "pad"))
    assert late._late(session, asks("build", "menu"))


def test_a_press_during_the_first_drawing_is_heard(session: Any) -> None:
    """Until it has ended, Streamlit knows the page by the hash of the application, not by its own."""
    session._pages_manager = SimpleNamespace(main_script_hash="app")
    session._client_state.page_script_hash = "app"
    assert not late._late(session, asks("build", "editor"))
    assert not late._late(session, asks("data"))
    assert late._late(session, asks("build", "editor")), "that page was left since"


def test_a_page_that_never_begins_hinders_nobody(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    late._late(session, asks("nowhere"))
    now = late.time.monotonic()
    monkeypatch.setattr(late.time, "monotonic", lambda: now + late.PATIENCE + 1)
    assert not late._late(session, asks("build", "menu"))


def test_what_is_unknown_is_heard() -> None:
    assert not late._late(SimpleNamespace(), None)
    assert not late._late(SimpleNamespace(), asks("", "menu"))
    assert not late._late(SimpleNamespace(), asks("build", "menu"))


def test_streamlit_is_taught_once() -> None:
    from streamlit.runtime.app_session import AppSession

    late.drop_late_requests()
    once = AppSession.request_rerun
    late.drop_late_requests()
    assert once is AppSession.request_rerun and hasattr(once, "__wrapped__")
