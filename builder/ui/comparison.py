"""The Build page's view of two documents: totals side by side, blocks aligned, and the lines that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from builder.report.aligned import WHOLE, Comparison, Pair, compare as compared
from builder.ui.figures import amount
from builder.ui.mending import changes
from builder.ui.pages.common import plain, refused
from builder.ui.state import Store
from builder.ui.state.tree import stripped
from builder.ui.texts import text
from builder.ui.toolbar import examples
from schemas.errors import TsumikiError
from schemas.reader import read_file, read_text
from schemas.shapes import shape_text
from schemas.words import show


def compare(s: Store) -> None:
    """Draw what differs between the document and another one."""
    choices: dict[str, str] = {}
    if s.state.saved is not None:
        choices["saved"] = text("build.compare.saved")
    choices |= {f"file:{name}": name for name in s.files()}
    choices |= {f"example:{name}": text("build.compare.example", name=name) for name in examples()}
    if not choices:
        st.caption(text("build.no_files"))
        return
    chosen = st.selectbox(
        text("build.compare.with"), list(choices), format_func=lambda one: choices[one], key="build:with"
    )
    other = _other(s, chosen)
    if other is None:
        return
    _differences(s, Store(s.workspace, document=other), choices[chosen])


def _other(s: Store, chosen: str) -> dict[str, Any] | None:
    kind, _, name = chosen.partition(":")
    try:
        if kind == "saved":
            return dict(stripped(s.state.saved))
        return read_file(s.resolve(name)) if kind == "file" else read_text(examples()[name])
    except TsumikiError as error:
        refused(error)
        return None


def _differences(s: Store, other: Store, name: str) -> None:
    found = compared(other.document, other.report, s.document, s.report)
    heads = (plain(name), text("build.compare.this"))
    st.markdown(table(("", *heads, text("build.compare.difference")), totals(found)))
    if found.equal:
        st.success(text("build.no_difference"), icon=":material/check_circle:")
        return
    counts = Counter(pair.state for pair in found.pairs)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for state in ("changed", "added", "removed", "follows", "same"):
            if counts[state]:
                st.badge(text(f"build.compare.{state}", count=counts[state]), color=COLORS[state])
        everything = st.toggle(text("build.compare.all"), key="build:compare-all")
    columns = [text(f"build.compare.column.{name}") for name in ("block", "settings", "output", "parameters")]
    with st.container(key="build-compare"):
        st.markdown(table(("", *columns), rows(found.pairs, everything)))
        if found.settings:
            st.markdown(f"**{text('build.compare.around')}**")
            lines = [(plain(path), plain(show(old)), plain(show(new))) for path, old, new in found.settings]
            st.markdown(table((text("build.compare.column.settings"), *heads), lines))
    with st.expander(text("build.compare.text"), key="build:compare-text"):
        st.code(changes(other.text, s.text), language="diff", wrap_lines=True)


SIGNS = {"same": " ", "follows": "↳", "changed": "≠", "added": "+", "removed": "−"}
COLORS: dict[str, Any] = {"same": "gray", "follows": "gray", "changed": "orange", "added": "green", "removed": "red"}


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; every cell is Markdown already, of one line."""
    ruled = ["---"] * len(head)
    return "\n".join("| " + " | ".join(cell or " " for cell in line) + " |" for line in (head, ruled, *lines))


def totals(found: Comparison) -> list[tuple[str, ...]]:
    """Return a line for each total: both values and their difference."""
    lines: list[tuple[str, ...]] = []
    for key, (old, new) in found.totals.items():
        more = "–"
        if old is not None and new is not None:
            sign = "+" if new > old else "−" if new < old else "±"
            share = f" ({100 * (new - old) / old:+.1f} %)".replace("-", "−") if old and new != old else ""
            more = f"{sign}{amount(key, abs(new - old))}{share}"
        lines.append((text(f"build.total.{key}"), plain(amount(key, old)), plain(amount(key, new)), plain(more)))
    return lines


def rows(pairs: Sequence[Pair], everything: bool) -> list[tuple[str, ...]]:
    """Return a line for each pair of blocks; those that are the same are counted, unless everything is wanted."""
    lines: list[tuple[str, ...]] = []
    place = WHOLE
    for (where, same), group in groupby(pairs, lambda pair: (pair.block.place, pair.state == "same")):
        together = list(group)
        if where != place:
            lines.append(("", f"**{text('build.compare.unit', name=plain(where))}**", "", "", ""))
            place = where
        if same and not everything:
            lines.append(("", f":gray[{text('build.compare.same', count=len(together))}]", "", "", ""))
        else:
            lines += [_row(pair) for pair in together]
    return lines


def _row(pair: Pair) -> tuple[str, ...]:
    block, state = pair.block, pair.state
    counted = block.name.startswith(f"{block.type}_")
    name = f"**{plain(block.name)}**" if counted else f"**{plain(block.type)}** · {plain(block.name)}"
    if pair.before is not None and pair.after is not None and pair.before.name != pair.after.name:
        name += f" :gray[← {plain(pair.before.name)}]"
    changed = ", ".join(f"{plain(path)} {_change(show(old), show(new))}" for path, old, new in pair.changes)
    if state in ("added", "removed"):
        said = (f"{plain(path)} {plain(show(value))}" for path, value in block.settings.items())
        changed = f":gray[{', '.join(said)}]" if block.settings else ""
    both = [one for one in (pair.before, pair.after) if one is not None]
    shapes = [shape_text(one.shape) if one.shape else "?" if one.shape is None else "1" for one in both]
    sizes = ["?" if one.parameters is None else f"{one.parameters:,}" for one in both]
    return (
        f":{COLORS[state]}[{SIGNS[state]}]",
        "\u2003" * block.depth + name,
        changed,
        _change(shapes[0], shapes[-1]),
        _change(sizes[0], sizes[-1]),
    )


def _change(old: str, new: str) -> str:
    return plain(new) if old == new else f"{plain(old)} → **{plain(new)}**"
