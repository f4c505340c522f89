"""The health of a training's layers on the canvas: the same blocks as on Build, each with what a checkup says of it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from builder.ui.canvas import canvas, read_selected
from builder.ui.checkups import Found, checkups
from builder.ui.files import read_json
from builder.ui.pages import tracks
from builder.ui.pages.common import number, plain
from builder.ui.registry import Job, Registry
from builder.ui.state import opened
from builder.ui.state.tree import INPUT
from builder.ui.state.view import Shown, blocks, edges, node, scope_of
from builder.ui.tail import rows
from builder.ui.texts import text

if TYPE_CHECKING:
    from builder.graph import Block, Node
    from builder.report.explain.health import Verdict

HEIGHT = 440
"""Pixels of the canvas."""

VIEWS = ("state", "weight", "activation", "gradient")
GRAVITY = ("good", "watch", "bad")


def panel(registry: Registry, job: Job) -> None:
    """Draw the panel of one training; whoever calls it knows when there is a new checkup (pages/running.py)."""
    st.fragment(_panel)(registry, job)


def _panel(registry: Registry, job: Job) -> None:
    with st.container(key="health"):
        st.subheader(text("health.title"))
        if job.run is None:  # it may have begun since the page was drawn
            job = next((one for one in registry.jobs() if one.id == job.id), job)
        folder = registry.workspace / job.run if job.run else None
        if folder is None or not rows(folder / "metrics.jsonl"):
            st.caption(text("health.waiting"))
            return
        found = checkups(folder, living=job.living)
        _network(folder, found)


def _network(folder: Path, found: Found | None) -> None:
    """Draw the run's network, coloured by the checkup, and the numbers of the chosen block."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        view = st.segmented_control(
            text("health.view"), VIEWS, format_func=lambda one: text(f"health.view.{one}"), default="state",
            key="health:view", label_visibility="collapsed",
        ) or "state"  # fmt: skip
        if found is not None and found.verdicts:
            st.caption(text("health.epoch", epoch=found.epoch), width="content")
    verdicts = found.verdicts if found is not None else ()
    said = canvas(_data(folder, verdicts, view), key="health-canvas", height=HEIGHT)
    if found is None:
        st.caption(text("health.first"))
        return
    if found.refused:
        st.caption(plain(said(found.refused)))
        return
    st.caption(text("health.legend"))
    _chosen(folder, found, read_selected(said.selected))


@lru_cache(maxsize=4)
def _shown(document: str) -> tuple[list[Shown], list[list[str]], dict[str, list[str]], str]:
    """Return the blocks of a document, their edges, the layers in each block, and the input's shape in words."""
    from builder.check import check
    from builder.data import DataFacts
    from schemas.shapes import shape_text

    read = json.loads(document)
    state, report = opened(read), check(read, facts=DataFacts())
    shown = blocks(state, report)
    scope = scope_of(state.graph, state.stack) if state.stack is not None else None
    items = list(scope.items) if scope is not None else []
    inside = {block.id: list(names_in(items[k])) if k < len(items) else [block.name] for k, block in enumerate(shown)}
    return shown, edges(state, shown), inside, shape_text(report.input_shape) if report.input_shape else "?"


def names_in(item: Node | Block) -> Iterator[str]:
    """Yield the names of the layers that one entry of a stack stands for: its own, or those in a Repeat or Unit."""
    rounds = getattr(item, "rounds", None)
    if rounds is None:
        yield item.name
        return
    for scope in rounds:
        for one in scope.items:
            yield from names_in(one)


def _data(folder: Path, verdicts: Sequence[Verdict], view: str) -> Any:
    shown, lines, inside, shape = _shown(json.dumps(read_json(folder / "document.json")))
    by_layer = {one.layer: one for one in verdicts}
    source = {
        "id": INPUT, "name": INPUT, "type": INPUT, "category": INPUT, "settings": "", "badge": "", "problem": None,
        "message": None, "fixed": True, "shape": shape,
    }  # fmt: skip
    nodes = [source]
    for block in shown:
        here = [by_layer[name] for name in inside[block.id] if name in by_layer]
        made = node(block, [], lambda problem: "") | {"problem": None, "message": None, "fixed": True}
        nodes.append(made | marks(here, view))
    data: dict[str, Any] = {"nodes": nodes, "edges": lines, "palette": [], "readonly": True, "can": {}}
    said = json.dumps(data, sort_keys=True, ensure_ascii=False)
    if said != st.session_state.get("health:said"):
        st.session_state["health:said"] = said
        st.session_state["health:rev"] = st.session_state.get("health:rev", 0) + 1
    nonce = st.session_state.setdefault("health:nonce", secrets.token_hex(8))
    return {**data, "rev": st.session_state["health:rev"], "ack": 0, "nonce": nonce}


def marks(here: Sequence[Verdict], view: str) -> dict[str, Any]:
    """Return what a block of these layers shows: "health" (its worst layer's) and "note"."""
    if not here:
        return {"health": None, "note": None}
    worst = max(here, key=lambda one: GRAVITY.index(one.state))
    if view == "state":
        share = f"{worst.share:.0%}" if worst.share is not None else ""
        return {"health": worst.state, "note": text(f"health.{worst.code}", share=share)}
    values = [value for one in here if (value := getattr(one, view)) is not None]
    note = number(sum(v * v for v in values) ** 0.5 / len(values) ** 0.5, 3) if values else "–"
    return {"health": worst.state, "note": note}


def _chosen(folder: Path, found: Found, selected: Sequence[str]) -> None:
    """Draw the histograms of the selected block's layers; of the worst layer when none is selected."""
    _, _, inside, _ = _shown(json.dumps(read_json(folder / "document.json")))
    names = [name for block in selected for name in inside.get(block, ())]
    every: dict[str, Mapping[str, Any]] = {row["layer"]: row for row in found.rows}
    names = [name for name in names if name in every]
    if not names:
        ill = sorted(found.verdicts, key=lambda one: -GRAVITY.index(one.state))
        names = [one.layer for one in ill if every[one.layer]["weight"] is not None or one.state != "good"][:1]
    if not names:
        return
    layer = names[0] if len(names) == 1 else st.selectbox(text("inside.layer"), names, key="health:layer")
    row = every[layer]
    st.markdown(f"**{plain(layer)}** · {plain(row['type'])}")
    kinds = [kind for kind in ("weight", "activation", "gradient") if row[kind] is not None]
    for place, kind in zip(st.columns(3), kinds, strict=False):
        with place:
            label = text(f"inside.{kind}s")
            table = tracks.histogram(row[kind]["edges"].tolist(), row[kind]["counts"].tolist())
            st.vega_lite_chart(table, tracks.bars(label, text("data.count")), width="stretch", key=f"health:{kind}")
