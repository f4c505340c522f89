"""Keys of widgets that show a value which others change too: undo, a fix, the canvas, another field.

    key = showing("in:b3:inputs", present)          in the script, before the widget is drawn with this key
    value = chosen(key)                             in its callback

A browser sends the values of all its widgets with every message, and Streamlit takes one that differs from what Python
has put there for a person's choice. So an edit that is sent before the browser has drawn the last one's answer would
bring old values back: a block moved twice by keys was wired as it had been before. A widget whose value was changed by
others therefore gets another key, and what comes for the old one is nobody's choice any more. One that a person has
changed keeps its key, and with it the focus.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

_AGREED = "agreed"
"""Of the session: name -> how often others have changed its value, and the value that widget and document agree on."""


def showing(name: str, value: Any) -> str:
    """Put a value into the widget and return its key: `name`, or another one if nobody chose the value there."""
    agreed = st.session_state.setdefault(_AGREED, {})
    turn, known = agreed.get(name, (0, value))
    if known != value:
        turn += 1
    agreed[name] = turn, value
    key = _key(name, turn)
    st.session_state[key] = value
    return key


def chosen(key: str) -> Any:
    """Return what a person has chosen in the widget with this key."""
    value = st.session_state[key]
    agreed = st.session_state.setdefault(_AGREED, {})
    name = key.rpartition("@")[0]
    name = name if name in agreed else key
    turn, _ = agreed.get(name, (0, value))
    if key == _key(name, turn):  # else the widget has gone; what was chosen in it still counts
        agreed[name] = turn, value
    return value


def _key(name: str, turn: int) -> str:
    return f"{name}@{turn}" if turn else name
