"""Keys of widgets whose value others change too: an old value out of a browser must not come back as a choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st

from builder.ui.agreed import chosen, showing


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", kept)
    yield kept


def test_a_choice_keeps_the_widget(session: dict[str, Any]) -> None:
    key = showing("a", 1)
    session[key] = 2
    assert 2 == chosen(key)
    assert ("a", "a") == (key, showing("a", 2))


def test_a_value_of_others_gets_a_widget_of_its_own(session: dict[str, Any]) -> None:
    keys = [showing("a", value) for value in (1, 2, 2, 1)]
    assert ["a", "a@1", "a@1", "a@2"] == keys
    assert (1, 2, 1) == (session["a"], session["a@1"], session["a@2"])


def test_a_choice_that_was_refused_gets_one_too(session: dict[str, Any]) -> None:
    key = showing("a", 1)
    session[key] = 2
    chosen(key)
    assert "a@1" == showing("a", 1)


def test_a_choice_in_a_widget_that_has_gone_still_counts_but_agrees_on_nothing(session: dict[str, Any]) -> None:
    old = showing("a", 1)
    new = showing("a", 2)
    session[old] = 3
    assert 3 == chosen(old)
    assert new == showing("a", 2)


def test_names_with_the_sign(session: dict[str, Any]) -> None:
    assert "a@b" == showing("a@b", 1)
    session["a@b"] = 2
    assert 2 == chosen("a@b")
    assert "a@b" == showing("a@b", 2)
