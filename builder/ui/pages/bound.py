"""Widgets that show one value of the document and change it: what they show is always what the document says.

The document is the only memory. Before each widget is drawn its value is taken from the document, so that undo, a fix
or another page shows at once; when a person changes it, one Set action goes to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from builder.ui.agreed import chosen, showing
from builder.ui.state import Set, store


def at(document: Any, pointer: str, default: Any = None) -> Any:
    """Return the value at a JSON pointer of plain names and numbers, `default` where there is none.

    >>> at({"training": {"epochs": 3}}, "/training/epochs"), at({}, "/training/epochs", 20), at({"a": [5]}, "/a/0")
    (3, 20, 5)
    """
    value = document
    for step in pointer.split("/")[1:]:
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, Mapping) and step in value:
            value = value[step]
        else:
            return default
    return value


def change(pointer: str, value: Any, remove: bool = False) -> None:
    """Set a value of the document, or remove it."""
    store().dispatch(Set(pointer=pointer, value=value, remove=remove))


def _said(key: str, pointer: str, convert: Callable[[Any], Any], default: Any) -> None:
    """Take over what a person has just chosen; what is the default needs no place in the document."""
    value = convert(chosen(key))
    present = at(store().document, pointer)
    if value == present:
        return
    if value is None or (present is None and value == default):
        change(pointer, None, remove=True)
    else:
        change(pointer, value)


def _shown(pointer: str, value: Any) -> str:
    """Put the document's value into the widget and return the widget's key."""
    return showing(f"bound:{pointer}", value)


def whole(label: str, pointer: str, default: int, least: int, most: int, step: int = 1, **options: Any) -> None:
    """Draw a field for a whole number."""
    value = at(store().document, pointer, default)
    sound = value if type(value) is int and least <= value <= most else default
    key = _shown(pointer, sound)
    st.number_input(
        label, least, most, step=step, key=key, on_change=_said, args=(key, pointer, int, default), **options
    )


def real(
    label: str,
    pointer: str,
    default: float,
    least: float,
    most: float,
    record: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """Draw a field for a real number, written as people write it: 0.001, 1e-4.

    `record` is what the object around it is when the document has none yet.
    """
    value = at(store().document, pointer, default)
    sound = float(value) if isinstance(value, int | float) and least <= value <= most else default
    key = _shown(pointer, f"{sound:g}")

    def take(text: str) -> float:
        try:
            said = float(text.strip().replace(",", "."))
        except ValueError:
            return sound
        return said if least <= said <= most else sound

    def said() -> None:
        parent, _, name = pointer.rpartition("/")
        if record is not None and at(store().document, parent) is None:
            change(parent, {**record, name: take(chosen(key))})
        else:
            _said(key, pointer, take, default)

    st.text_input(label, key=key, on_change=said, **options)


def choice(
    label: str, pointer: str, default: Any, values: Sequence[Any], show: Callable[[Any], str] = str, **options: Any
) -> None:
    """Draw a menu; a value that is not in it is added, so that the document is never changed by showing it."""
    value = at(store().document, pointer, default)
    offered = list(values) if value in values else [*values, value]
    key = _shown(pointer, value)
    st.selectbox(
        label, offered, key=key, format_func=show, on_change=_said, args=(key, pointer, _same, default), **options
    )


def kind(label: str, pointer: str, default: str, values: Sequence[str], **options: Any) -> None:
    """Draw a menu of record types: choosing one sets {"type": it}, with the type's own defaults."""
    value = at(store().document, f"{pointer}/type", default)
    offered = list(values) if value in values else [*values, value]
    key = _shown(pointer, value)
    st.selectbox(label, offered, key=key, on_change=_said, args=(key, pointer, _record, None), **options)


def switch(label: str, pointer: str, on: Any, **options: Any) -> bool:
    """Draw a switch between "as `on` says" and "left out"; return whether the document has a value there."""
    there = at(store().document, pointer) is not None
    key = _shown(pointer + ":on", there)
    st.toggle(
        label, key=key, on_change=_said, args=(key, pointer, lambda wanted: on if wanted else None, None), **options
    )
    return there


def _same(value: Any) -> Any:
    return value


def _record(value: str) -> dict[str, Any]:
    return {"type": value}
