"""A record of the document as widgets, made from its model: an optimizer's settings, a step of the preprocessing.

Every field has its label, help and default from the schema, so a new setting needs no line here. What is typed is taken
only where the model takes it; otherwise the field says what it wants and the document stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel, ValidationError

from builder.ui.agreed import chosen, showing
from builder.ui.pages.bound import at, change
from builder.ui.pages.common import plain
from builder.ui.state import store
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said
from schemas.words import Schema, branches, describe, schema_of, show

WRONG = "records:wrong"
"""In the session: what each field refused, by its key."""


def record(pointer: str, model: type[BaseModel], fields: Sequence[str] | None = None, columns: int = 2) -> None:
    """Draw the fields of the record at a JSON pointer; all but its type when `fields` is left out."""
    properties = schema_of(model)["properties"]
    names = [name for name in (fields or properties) if name in properties and name != "type"]
    places = st.columns(columns) if columns > 1 and len(names) > 1 else None
    for number, name in enumerate(names):
        if places is None:
            _field(pointer, model, name)
        else:
            with places[number % columns]:
                _field(pointer, model, name)


def label(name: str) -> str:
    """Return a field's name for people."""
    for key in (f"setting.{name}", f"build.field.{name}"):
        if key in texts():
            return text(key)
    return name.replace("_", " ").capitalize()


def _field(pointer: str, model: type[BaseModel], name: str) -> None:
    root = schema_of(model)
    schema = root["properties"][name]
    default = schema.get("default")
    present = at(store().document, pointer)
    value = present.get(name, default) if isinstance(present, Mapping) else default
    place = f"bound:{pointer}/{name}"
    choices = _choices(schema, root)
    told = _help(schema, root, name)
    args = (place, pointer, model, name)
    if choices is not None and (value in choices or value is None):
        offered = choices if default is not None or name in root.get("required", ()) else [None, *choices]
        key = showing(place, value)
        st.selectbox(
            label(name), offered, key=key, help=told, format_func=_choice, on_change=_take, args=(key, *args, _same),
            placeholder=text("setting.default"),
        )  # fmt: skip
    elif isinstance(default, bool) and isinstance(value, bool):
        key = showing(place, value)
        st.toggle(label(name), key=key, help=told, on_change=_take, args=(key, *args, _same))
    else:
        wrong = st.session_state.get(WRONG, {}).get(place)
        key = showing(place, wrong if wrong is not None else written(value))
        st.text_input(
            label(name), key=key, help=told, placeholder=written(default), on_change=_take, args=(key, *args, meant)
        )
        if wrong is not None:
            st.caption(f":red[{plain(text('setting.wanted', wanted=said(describe(schema, root))))}]")


def _choices(schema: Schema, root: Schema) -> list[Any] | None:
    """Return the values of a field that has a few of them; None for others."""
    found: list[Any] = []
    for part in branches(schema, root):
        if "enum" in part:
            found += part["enum"]
        elif "const" in part:
            found.append(part["const"])
        else:
            return None
    return found


def _choice(value: Any) -> str:
    if value is None:
        return text("setting.default")
    key = f"setting.choice.{value}"
    return text(key) if key in texts() else repr(value)[1:-1] if isinstance(value, str) else str(value)


def _help(schema: Schema, root: Schema, name: str) -> str:
    lines = [plain(said(str(schema.get("description", ""))))]
    if schema.get("default") is not None:
        lines.append(plain(text("build.default", value=show(schema["default"]))))
    return "\n\n".join(line for line in lines if line) + f"\n\n`{name}`"


def written(value: Any) -> str:
    """Write a value as people do: numbers short, lists without brackets.

    >>> written([2, 2]), written(1e-08), written(None), written("a")
    ('2, 2', '1e-08', '', 'a')
    """
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(written(part) for part in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def meant(typed: str) -> Any:
    """Return what was typed: a number, a list of them, a text; None for nothing.

    >>> meant("0,5"), meant("2, 3"), meant("[0, 1]"), meant(" "), meant("a b"), meant("1e-3")
    (0.5, [2, 3], [0, 1], None, 'a b', 0.001)
    """
    words = typed.strip()
    if not words:
        return None
    for way in (words, words.replace(",", ".") if words.count(",") == 1 and ", " not in words else words, f"[{words}]"):
        try:
            return json.loads(way)
        except (ValueError, RecursionError):
            continue
    if "," in words:
        return [part.strip() for part in words.split(",") if part.strip()]
    return words


def _same(value: Any) -> Any:
    return value


def _take(key: str, place: str, pointer: str, model: type[BaseModel], name: str, convert: Any) -> None:
    """Take over what was chosen, where the model takes it; what is the default needs no place in the document."""
    typed = chosen(key)
    value = convert(typed)
    present = at(store().document, pointer)
    made = dict(present) if isinstance(present, Mapping) else _new(model)
    made.pop(name, None)
    wrong = st.session_state.setdefault(WRONG, {})
    wrong.pop(place, None)
    required = name in schema_of(model).get("required", ())
    if value is not None and (required or not _is_default(model, name, value)):
        taken = _taken(model, {**made, name: value}, name)
        if taken is None:
            wrong[place] = typed
            return
        made[name] = taken
    elif required:
        wrong[place] = typed
        return
    if made != present:
        change(pointer, made)


def _new(model: type[BaseModel]) -> dict[str, Any]:
    """Return a record that says nothing but its type."""
    kind = model.model_fields.get("type")
    return {"type": kind.default} if kind is not None else {}


def _is_default(model: type[BaseModel], name: str, value: Any) -> bool:
    default = schema_of(model)["properties"][name].get("default")
    return type(value) is type(default) and value == default


def _taken(model: type[BaseModel], made: dict[str, Any], name: str) -> Any:
    """Return the field's value where the model takes it, perhaps as the other kind of number; else None.

    Other fields may be wrong already: what is asked is whether this one is.
    """
    for value in (made[name], *_other_kind(made[name])):
        try:
            model.model_validate({**made, name: value})
        except ValidationError as error:
            if any(not problem["loc"] or problem["loc"][0] == name for problem in error.errors()):
                continue
        return value
    return None


def _other_kind(value: Any) -> list[Any]:
    """Return what may be meant where a strict model refuses a number: 3 for 3.0, [0.0, 1.0] for [0, 1], [x] for x."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [float(value), str(value)]
    if isinstance(value, float):
        return [int(value)] if value.is_integer() else []
    if isinstance(value, list) and all(isinstance(part, int | float) for part in value):
        return [[float(part) for part in value]]
    return [[value]] if isinstance(value, str) else []
