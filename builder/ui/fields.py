"""One field of a block as a widget, chosen by its schema; JSON text where no widget can show the value.

What a widget shows is always what the document says: its value is put there before each drawing, so undo, a fix or
another page shows at once. What a person changes is one Field action.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st

from builder.ui.agreed import chosen, showing
from builder.ui.pages.common import plain
from builder.ui.state import Field, Store
from builder.ui.state.view import Shown
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said
from builder.ui.typed import Box, typed
from schemas.layer import REGISTRY
from schemas.model import Repeat, RepeatHead, Unit
from schemas.words import Schema, branches, schema_of, show


def schema_for(block: Shown) -> Schema:
    if block.type in REGISTRY:
        return schema_of(REGISTRY[block.type].cls)
    return schema_of(RepeatHead) if block.type == "Repeat" else schema_of(Unit) if block.type == "Unit" else {}


def sentence(kind: str) -> str:
    """Return what a layer, Repeat or Unit does: the first line of its docstring, in the session's language."""
    others = {"Repeat": Repeat.__doc__, "Unit": Unit.__doc__}
    told = REGISTRY[kind].cls.__doc__ if kind in REGISTRY else others.get(kind)
    return said((told or "").strip().partition("\n")[0])


def field(s: Store, block: Shown, name: str, root: Schema) -> None:
    """Draw a field, with the way back to its default and what is wrong with it."""
    schema = root["properties"][name]
    value = block.entry.get(name, schema.get("default"))
    draw = _widget(schema, root, value)
    if draw is None:
        raw(s, block, name, schema)
        return
    if draw in (_number, _pair) or back(block, name, root) is None:
        draw(s, block, name, schema, root, value)
    else:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            with st.container():
                draw(s, block, name, schema, root, value)
            st.button(
                "",
                icon=":material/undo:",
                key=f"in:{block.id}:{name}:default",
                help=back(block, name, root),
                on_click=lambda: s.act(Field(id=block.id, field=name, remove=True)),
                type="tertiary",
            )
    if draw not in (_number, _pair):
        wrong = problem_at(block, name)
        if wrong is not None:
            st.caption(f":{'red' if wrong[0] == 'error' else 'orange'}[{plain(wrong[1])}]")


def back(block: Shown, name: str, root: Schema) -> str | None:
    """Return how the way back to a field's default is called; None where there is none to go."""
    if name not in block.entry or name in root.get("required", ()):
        return None
    return text("build.to_default", value=show(root.get("properties", {}).get(name, {}).get("default")))


def problem_at(block: Shown, name: str) -> tuple[str, str] | None:
    """Return severity and text of what is wrong with a field, errors first."""
    here = f"{block.pointer}/{name}"
    found = [one for one in block.problems if one.pointer == here or one.pointer.startswith(here + "/")]
    found.sort(key=lambda one: one.severity != "error")
    return (found[0].severity, "\n".join(said(one.what) for one in found)) if found else None


def _write(s: Store, block: Shown, name: str, convert: Callable[[list[str]], Any]) -> Callable[[list[str], str], None]:
    """Return what takes over a field's typed texts; none of them is the way back to the default."""

    def write(texts: list[str], typing: str) -> None:
        value = convert(texts) if texts else None
        s.dispatch(Field(id=block.id, field=name, value=value, remove=value is None, typing=typing))

    return write


def undone(s: Store) -> Callable[[bool], None]:
    return lambda redo: s.act({"op": "redo" if redo else "undo"})


Draw = Callable[[Store, Shown, str, Schema, Schema, Any], None]


def _widget(schema: Schema, root: Schema, value: Any) -> Draw | None:
    """Return what draws a field of this kind with this value; None where only text can show it."""
    parts = list(branches(schema, root))
    kinds = {str(part.get("type")) for part in parts}
    if any("prefixItems" in part for part in parts):
        return _pair if _as_pair(value, parts) is not None else None
    if len(parts) == 1 and kinds == {"boolean"} and isinstance(value, bool):
        return _truth
    if len(parts) == 1 and kinds <= {"integer", "number"} and _fits(value, parts[0]):
        return _number
    if len(parts) == 1 and value in parts[0].get("enum", ()):
        return _one_of
    if len(parts) > 1 and all("type" in part.get("properties", {}) for part in parts) and _typed(value, parts):
        return _choice
    return None


def _fits(value: Any, schema: Schema) -> bool:
    whole = schema.get("type") == "integer"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    return (low is None or value >= low) and (high is None or value <= high) and abs(value) < 2**53


def label(name: str) -> str:
    key = f"build.field.{name}"
    return text(key) if key in texts() else name.replace("_", " ").capitalize()


def described(block: Shown, name: str, schema: Schema, root: Schema, typed: bool = False) -> str:
    """Return the field's meaning, its range and its default: as Markdown, for a typed field as it is."""
    words = said(str(schema.get("description", "")))
    limits = [_range(part) for part in branches(schema, root)]
    default = text("build.default", value=show(schema["default"])) if schema.get("default") is not None else ""
    ranges = dict.fromkeys(limit for limit in limits if limit)
    if typed:
        return "\n".join(line for line in (words, *ranges, default, name) if line)
    return "\n\n".join(line for line in (plain(words), *ranges, plain(default), f"`{name}`") if line)


def _range(schema: Schema) -> str:
    if "prefixItems" in schema:
        schema = schema["prefixItems"][0]
    if schema.get("type") not in ("integer", "number"):
        return ""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    signs = "≤" if "minimum" in schema else "<", "≤" if "maximum" in schema else "<"
    left = f"{low:g} {signs[0]} " if low is not None else ""
    right = f" {signs[1]} {high:,}" if high is not None else ""
    return f"{left}x{right}" if left or right else ""


def take_over(s: Store, block: Shown, name: str, key: str, convert: Callable[[Any], Any], drawn: Any) -> None:
    """Take over what a person chose in a widget that was drawn with the value `drawn`.

    Streamlit calls this too when a widget has gone while a request was under way: its value then counts as new. What
    is as it was drawn is nobody's choice, and writing it would put a default into the document and a step into undo.
    """
    value = chosen(key)
    if value != drawn:
        s.dispatch(Field(id=block.id, field=name, value=convert(value)))


def _number(s: Store, block: Shown, name: str, schema: Schema, root: Schema, value: Any) -> None:
    one = next(iter(branches(schema, root)))
    kind = int if one["type"] == "integer" else float
    typed(
        f"in:{block.id}:{name}",
        [_box(label(name), value, one)],
        on_typed=_write(s, block, name, lambda texts: kind(texts[0])),
        on_undo=undone(s),
        help=described(block, name, schema, root, typed=True),
        problem=problem_at(block, name),
        reset=back(block, name, root),
    )


def _box(words: str, value: Any, schema: Schema) -> Box:
    """Return the input for a number with its schema's limits."""
    whole = schema["type"] == "integer"
    low, high = (schema.get(f"{end}imum", schema.get(f"exclusive{end.capitalize()}imum")) for end in ("min", "max"))
    return Box(
        words,
        "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value),
        "integer" if whole else "number",
        low=low,
        high=high,
        open=("minimum" not in schema, "maximum" not in schema),
        range=_range(schema),
        step=1 if whole else _step(value),
    )


def _step(value: Any) -> float:
    return 0.05 if isinstance(value, int | float) and 0.01 <= abs(value) <= 1 else 0.00001


def _truth(s: Store, block: Shown, name: str, schema: Schema, root: Schema, value: Any) -> None:
    key = showing(f"in:{block.id}:{name}", value)
    st.toggle(
        label(name), key=key, help=described(block, name, schema, root),
        on_change=take_over, args=(s, block, name, key, bool, value),
    )  # fmt: skip


def _one_of(s: Store, block: Shown, name: str, schema: Schema, root: Schema, value: Any) -> None:
    """Draw one of several words."""
    key = showing(f"in:{block.id}:{name}", value)
    st.selectbox(
        label(name), next(iter(branches(schema, root)))["enum"], key=key, help=described(block, name, schema, root),
        on_change=take_over, args=(s, block, name, key, str, value),
    )  # fmt: skip


def _as_pair(value: Any, parts: list[Schema]) -> tuple[int, int] | str | None:
    """Return height and width, "same" or "" (left out); None for what is neither."""
    if value is None:
        return ""
    if value == "same" and any(part.get("const") == "same" for part in parts):
        return "same"
    one = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    both = [one, one] if isinstance(one, int) and not isinstance(one, bool) else value
    limits = next(part["prefixItems"][0] for part in parts if "prefixItems" in part)
    if isinstance(both, list | tuple) and len(both) == 2 and all(_fits(part, limits) for part in both):
        return int(both[0]), int(both[1])
    return None


def _pair(s: Store, block: Shown, name: str, schema: Schema, root: Schema, value: Any) -> None:
    """Draw height and width, or one number for a row (channels, length); and "same" where the field knows it."""
    parts = list(branches(schema, root))
    one = next(part["prefixItems"][0] for part in parts if "prefixItems" in part)
    pair = _as_pair(value, parts)
    key = f"in:{block.id}:{name}"
    shown = pair if isinstance(pair, tuple) else _otherwise(block, name)
    row = any(shape is not None and len(shape) == 2 for shape in block.inputs)
    words = [label(name)] if row else [f"{label(name)} · {text('build.height')}", text("build.width")]
    sizes = shown[1:] if row else shown

    def meant_by(texts: list[str]) -> Any:
        typed_sizes = [int(one) for one in texts]
        return typed_sizes[0] if len(set(typed_sizes)) == 1 else typed_sizes

    typed(
        key,
        [_box(said_of, size, one) for said_of, size in zip(words, sizes, strict=True)],
        on_typed=_write(s, block, name, meant_by),
        on_undo=undone(s),
        help=described(block, name, schema, root, typed=True),
        problem=problem_at(block, name),
        reset=back(block, name, root),
        disabled=pair == "same",
    )
    if any(part.get("const") == "same" for part in parts):
        same = showing(f"{key}:same", pair == "same")
        st.toggle(
            text("build.same"), key=same, help=text("build.same_help"), on_change=take_over,
            args=(s, block, name, same, lambda on: "same" if on else 0, pair == "same"),
        )  # fmt: skip


def _otherwise(block: Shown, name: str) -> tuple[int, int]:
    """Return what a pair that says nothing means: the padding that 'same' gives, or the window as stride."""
    layer = block.info.layer if block.info is not None else None
    kernel = getattr(layer, "kernel_size", (1, 1))
    return (0, 0) if name == "padding" else kernel


def _typed(value: Any, parts: list[Schema]) -> bool:
    kinds = [part["properties"]["type"].get("const") for part in parts]
    kind = value if isinstance(value, str) else value.get("type") if isinstance(value, dict) else None
    return kind in kinds


def _choice(s: Store, block: Shown, name: str, schema: Schema, root: Schema, value: Any) -> None:
    """Draw one of several records, told apart by their type: an initialiser."""
    parts = {part["properties"]["type"]["const"]: part for part in branches(schema, root)}
    record = {"type": value} if isinstance(value, str) else dict(value)
    place = f"in:{block.id}:{name}"
    key = showing(place, record["type"])
    st.selectbox(
        label(name),
        list(parts),
        key=key,
        help=described(block, name, schema, root),
        on_change=take_over,
        args=(s, block, name, key, lambda kind: {"type": kind}, record["type"]),
    )
    for inner, part in parts[record["type"]]["properties"].items():
        if inner == "type" or part.get("type") != "number":
            continue
        present = record.get(inner, part.get("default"))

        def value_of(texts: list[str], inner: str = inner) -> Any:
            return {**record, inner: float(texts[0])}

        typed(
            f"{place}:{inner}",
            [_box(f"{label(name)} · {inner}", present if isinstance(present, int | float) else 0.0, part)],
            on_typed=_write(s, block, name, value_of),
            on_undo=undone(s),
            help=said(str(part.get("description", ""))),
        )


def meant(said_so: str) -> Any:
    """Return the JSON value that was typed; what is none is a text."""
    try:
        return json.loads(said_so)
    except (ValueError, RecursionError):
        return said_so


def raw(s: Store, block: Shown, name: str, schema: Schema) -> None:
    """Draw a field as JSON text."""
    value = block.entry.get(name, schema.get("default"))
    typed(
        f"in:{block.id}:{name}:raw",
        [Box(label(name), json.dumps(value, ensure_ascii=False) if value is not None else "")],
        on_typed=_write(s, block, name, lambda texts: meant(texts[0].strip()) if texts[0].strip() else None),
        on_undo=undone(s),
        help=described(block, name, schema, schema_for(block), typed=True),
        problem=problem_at(block, name),
        reset=back(block, name, schema_for(block)),
    )
