"""The fields of the selected block, generated from its layer's schema, with help, range, default and arithmetic.

A value that a widget cannot show (a unit's "$channels", or a mistake) is shown as JSON text, so that nothing in a
document is out of reach.
"""

from __future__ import annotations

import json

import streamlit as st

from builder.ui.agreed import chosen, showing
from builder.ui.fields import (
    described,
    field,
    label,
    meant,
    problem_at,
    raw,
    schema_for,
    sentence,
    take_over,
    undone,
)
from builder.ui.formula import formulas, rendered
from builder.ui.pages.common import ICONS, plain
from builder.ui.state import Connect, Disconnect, Field, Rename, Store
from builder.ui.state.names import ALLOWED, Scopes, input_of
from builder.ui.state.tree import INPUT, identity, units_of
from builder.ui.state.view import Shown
from builder.ui.texts import text
from builder.ui.texts.translate import said
from builder.ui.typed import Box, typed
from schemas.shapes import shape_text
from schemas.words import Schema

FIRST = ("type", "name", "inputs", "layers")
LEARNS = ("share", "trainable", "learning_rate_factor", "weight_decay")
"""Fields that say nothing in a layer without parameters."""

LAST = ("weight_initializer", "scale_initializer", "bias_initializer", *LEARNS)


def inspect(s: Store, block: Shown) -> None:
    """Draw the fields of one block."""
    st.markdown(f"**{plain(block.type)}** · {plain(block.name)}")
    st.caption(plain(sentence(block.type)))
    _wrong(block)
    _shapes(block)
    if block.filled:
        st.info(text("build.filled"), icon=":material/auto_awesome:")
        return
    with st.container(gap="small"):
        _name(s, block)
        _inputs(s, block)
        root = schema_for(block)
        fields = [name for name in root.get("properties", {}) if name not in (*FIRST, *LAST)]
        for name in fields:
            if block.type == "Unit" and name in ("unit", "arguments"):
                (_unit if name == "unit" else _arguments)(s, block, root)
            else:
                field(s, block, name, root)
        extra = [name for name in block.entry if name not in (*root.get("properties", {}), *FIRST)]
        for name in extra:
            raw(s, block, name, {})
        last = [name for name in LAST if name in root.get("properties", {}) and _says(block, name)]
        if last:
            with st.expander(text("build.more"), key=f"in:{block.id}:more"):
                for name in last:
                    (_share if name == "share" else field)(s, block, name, root)


def _wrong(block: Shown) -> None:
    """Draw what is wrong with the block as a whole; what a field has wrong stands at the field."""
    fields = tuple(f"{block.pointer}/{name}" for name in block.entry if name not in FIRST)
    for problem in block.problems:
        if not problem.pointer.startswith(fields):
            color = "red" if problem.severity == "error" else "orange"
            st.caption(f":{color}[{ICONS[problem.severity]} {plain(said(problem.what))}]")


def _says(block: Shown, name: str) -> bool:
    """Tell whether a field means anything: a layer without parameters can neither learn nor share any."""
    return name not in LEARNS or bool(block.cost.get("parameters")) or name in block.entry


def _shapes(block: Shown) -> None:
    """Draw what goes in and comes out, and how the numbers come about."""
    given = ", ".join(shape_text(shape) if shape else "?" for shape in block.inputs)
    came = shape_text(block.shape) if block.shape else "?" if block.shape is None else text("build.one_number")
    if given or block.shape:
        st.markdown(f":gray[{given}] → **{came}**" if given else f"→ **{came}**")
    lines = formulas(block.info.layer if block.info is not None else None, block.inputs)
    if lines:
        st.code("\n".join(lines), language=None, wrap_lines=True)
    for formula in rendered(block.info.layer if block.info is not None else None, block.inputs):
        st.latex(formula)


def _name(s: Store, block: Shown) -> None:
    given = block.entry.get("name")
    where = s.state.stack
    here = [identity(where, index) for index in range(len(where.entries))] if where is not None else []
    others = {s.state.names.get(one, "") for one in here if one != block.id}

    def renamed(texts: list[str], typing: str) -> None:
        s.dispatch(Rename(id=block.id, name=texts[0] if texts and texts[0] else None))

    box = Box(
        text("build.name"),
        given if isinstance(given, str) else "",
        placeholder=block.name,
        pattern=ALLOWED.pattern,
        wrong=text("typed.name"),
        taken=tuple(sorted({INPUT, *others} - {""})),
    )
    # Only when it is done: halfway, most names are those of other blocks, or none that a reader should see.
    typed(f"in:{block.id}:name", [box], on_typed=renamed, on_undo=undone(s), soon=False)


def _inputs(s: Store, block: Shown) -> None:
    """Draw which blocks it reads, as a list to choose from."""
    where = s.state.stack
    if where is None:
        return
    names = {
        identity(where, index): s.state.names.get(identity(where, index), "?") for index in range(len(where.entries))
    }
    names = {INPUT: INPUT, **names}
    index = list(names).index(block.id) - 1 if block.id in names else None
    if index is None:
        return
    sources = Scopes(s.state.tree, s.state.names).sources(where, index)
    shown = [INPUT if source == input_of(where) else str(source) for source in sources]
    present = [source for source in dict.fromkeys(shown) if source in names]
    key = showing(f"in:{block.id}:inputs", present)

    def wired() -> None:
        wanted = chosen(key)
        for source in (one for one in wanted if one not in present):
            s.dispatch(Connect(source=source, target=block.id))
        for source in (one for one in present if one not in wanted):
            s.dispatch(Disconnect(source=source, target=block.id))

    choices = [one for one in names if one != block.id]
    st.multiselect(
        text("build.inputs"),
        choices,
        format_func=lambda one: names.get(one, one),
        key=key,
        on_change=wired,
        help=text("build.inputs_help"),
    )


def _share(s: Store, block: Shown, name: str, root: Schema) -> None:
    """Draw whose parameters it uses: its own, or those of another block of its type in this stack."""
    where, present = s.state.stack, block.entry.get("share")
    entries = where.entries if where is not None else []
    others = [
        s.state.names.get(identity(where, i), "")
        for i, entry in enumerate(entries)
        if where is not None and isinstance(entry, dict) and entry.get("type") == block.type and "share" not in entry
    ]
    choices = [one for one in dict.fromkeys(others) if one and one != block.name]
    if present is not None and present not in choices:
        raw(s, block, "share", root["properties"]["share"])
        return
    key = showing(f"in:{block.id}:share", present)

    def shared() -> None:
        other = chosen(key)
        if other == present:
            return
        s.act(Field(id=block.id, field="share", value=other, remove=other is None))

    st.selectbox(
        label("share"),
        [None, *choices],
        format_func=lambda one: text("build.share_own") if one is None else plain(str(one)),
        key=key,
        help=described(block, "share", root["properties"]["share"], root),
        on_change=shared,
    )


# --- a unit's use ----------------------------------------------------------------------------------------------------


def _unit(s: Store, block: Shown, root: Schema) -> None:
    """Draw which of the model's units is used."""
    names = [str(name) for name in units_of(s.state.tree)]
    present = block.entry.get("unit")
    if present not in names:
        raw(s, block, "unit", root["properties"]["unit"])
        return
    key = showing(f"in:{block.id}:unit", present)
    st.selectbox(
        label("unit"), names, key=key, help=described(block, "unit", root["properties"]["unit"], root),
        on_change=take_over, args=(s, block, "unit", key, str, present),
    )  # fmt: skip


def _arguments(s: Store, block: Shown, root: Schema) -> None:
    """Draw a field for each argument of the unit; left empty, it has the unit's default."""
    unit = units_of(s.state.tree).get(str(block.entry.get("unit")))
    declared = unit.get("arguments") if isinstance(unit, dict) else None
    given = block.entry.get("arguments", {})
    if not isinstance(given, dict) or not isinstance(declared, dict | None):
        raw(s, block, "arguments", root["properties"]["arguments"])
        return
    for number, name in enumerate(dict.fromkeys([*(declared or {}), *given])):
        default = (declared or {}).get(name)

        def changed(texts: list[str], typing: str, name: str = name) -> None:
            rest = {other: value for other, value in given.items() if other != name}
            said_so = texts[0].strip() if texts else ""
            values = {**rest, name: meant(said_so)} if said_so else rest
            s.dispatch(Field(id=block.id, field="arguments", value=values, remove=not values, typing=typing))

        present = json.dumps(given[name], ensure_ascii=False) if name in given else ""
        left_out = "" if default is None else json.dumps(default, ensure_ascii=False)
        typed(
            f"in:{block.id}:argument:{number}",
            [Box(name, present, placeholder=left_out)],
            on_typed=changed,
            on_undo=undone(s),
            problem=problem_at(block, f"arguments/{name}"),
        )
