"""Runs: a table of all; curves over each other, what differs, cost against quality, notes, deletion, downloads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from builder.report.compare import differences
from builder.training.scores import LARGER_IS_BETTER
from builder.ui.pages.charts import SERIES, overlaid, pareto, scatter
from builder.ui.pages.common import clock, headline, metric_name, nothing, number, plain, refused, to_page
from builder.ui.service import registry, shelf
from builder.ui.shelf import Entry, Shelf
from builder.ui.state import Open, store
from builder.ui.texts import language, text
from schemas.document import dump
from schemas.errors import TsumikiError
from schemas.say import message

COMPARED = len(SERIES)
"""Runs that are laid over each other at most; more colours nobody tells apart."""

FIRST = 4
"""Runs that are compared when none is chosen."""

COSTS = ("parameters", "multiply_adds", "seconds")


def page() -> None:
    """Draw the page."""
    s = store()
    runs = shelf(s.workspace)
    headline(text("runs.title"))
    _undo(runs)
    entries = runs.runs()
    if not entries:
        nothing(text("runs.empty"), ":material/monitoring:", "train")
        return
    chosen = _table(runs, entries)
    compared = (chosen or entries[:FIRST])[:COMPARED]
    if len(chosen) == 1:
        _one(runs, chosen[0])
    elif chosen:
        _several(runs, chosen)
    left, right = st.columns(2, gap="large")
    with left:
        _overlay([entry for entry in compared if entry.rows])
    with right:
        _scatter(runs, entries)
    if len(compared) > 1:
        _differences(compared)


# --- the table -----------------------------------------------------------------------------------------------------


def _table(runs: Shelf, entries: Sequence[Entry]) -> list[Entry]:
    """Draw the table and return the rows that are chosen in it."""
    costs = runs.costs(entries)
    table = {
        "name": [entry.label for entry in entries],
        "state": [text(f"runs.state.{entry.state}") for entry in entries],
        "task": [
            text(f"task.{entry.task}") if entry.task in ("classification", "binary", "regression") else ""
            for entry in entries
        ],
        "epochs": [f"{entry.epochs} / {entry.planned}" for entry in entries],
        "curve": [_thin([_loss_of(row) for row in entry.rows]) for entry in entries],
        "quality": [_quality(entry) for entry in entries],
        "loss": [entry.metrics.get("loss") for entry in entries],
        "measured": [text(f"part.{entry.measured}") if entry.measured else "" for entry in entries],
        "parameters": [costs[entry.run].parameters if entry.run in costs else None for entry in entries],
        "multiply_adds": [costs[entry.run].multiply_adds if entry.run in costs else None for entry in entries],
        "time": [clock(entry.seconds) for entry in entries],
        "started": [_when(entry.started) for entry in entries],
        "note": [entry.note for entry in entries],
    }
    st.caption(text("runs.choose"))
    found: Any = st.dataframe(
        table, hide_index=True, key="runs:table", on_select="rerun", selection_mode="multi-row", width="stretch",
        height=min(420, 38 + 35 * len(entries)), column_config=_columns(),
    )  # fmt: skip
    return [entries[k] for k in found.selection.rows if k < len(entries)]


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "name": config.TextColumn(text("runs.name"), width=150, pinned=True),
        "state": config.TextColumn(text("runs.state"), width="small"),
        "task": config.TextColumn(text("task.task"), width=110),
        "epochs": config.TextColumn(text("train.epochs"), width=75),
        "curve": config.LineChartColumn(text("runs.curve"), width=110),
        "quality": config.TextColumn(text("runs.quality"), width=130),
        "loss": config.NumberColumn(text("metric.loss"), format="%.4f"),
        "measured": config.TextColumn(text("runs.measured"), width=100),
        "parameters": config.NumberColumn(text("runs.parameters"), format="localized"),
        "multiply_adds": config.NumberColumn(text("runs.multiply_adds"), format="localized"),
        "time": config.TextColumn(text("runs.time"), width="small"),
        "started": config.TextColumn(text("runs.started"), width=130),
        "note": config.TextColumn(text("runs.note"), width="medium"),
    }


def _loss_of(row: dict[str, Any]) -> float:
    """Return the loss that the little curve shows: of the validation part, without one of the training part."""
    found = (row.get("validation") or row["train"]).get("loss")
    return float(found) if isinstance(found, int | float) else 0.0


def _thin(values: Sequence[float], most: int = 40) -> list[float]:
    """Return up to `most` of the values, evenly taken, the last one among them."""
    step = -(-len(values) // most) or 1
    return [*values[:-1:step], *values[-1:]]


def _quality(entry: Entry) -> str:
    key = "mae" if entry.task == "regression" else "accuracy"
    value = entry.metrics.get(key)
    return f"{metric_name(key)} {number(value)}" if value is not None else "–"


def _when(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds is not None else "–"


# --- one run -------------------------------------------------------------------------------------------------------


def _one(runs: Shelf, entry: Entry) -> None:
    """Draw name, note and everything that can be done with one run."""
    st.session_state["run"] = entry.run
    with st.container(border=True):
        left, right = st.columns([5, 6], gap="large")
        with left:
            _notes(runs, entry)
        with right:
            _downloads(runs, entry)
            _actions(runs, entry)


def _several(runs: Shelf, entries: Sequence[Entry]) -> None:
    """Draw what can be done with several runs at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(text("runs.several", count=len(entries)), width="content")
        st.button(
            text("runs.delete"), icon=":material/delete:", key="runs:delete", on_click=_delete, args=(runs, *entries),
            disabled=any(entry.state == "running" for entry in entries),
        )  # fmt: skip


def _notes(runs: Shelf, entry: Entry) -> None:
    title_key, note_key = f"runs:title:{entry.run}", f"runs:note:{entry.run}"
    st.session_state[title_key], st.session_state[note_key] = entry.title, entry.note
    args = (runs, entry.run, title_key, note_key)
    st.text_input(
        text("runs.name"), key=title_key, placeholder=entry.label, on_change=_annotate, args=args, max_chars=200
    )
    st.text_area(text("runs.note"), key=note_key, on_change=_annotate, args=args, height=110, max_chars=20_000)


def _annotate(runs: Shelf, run: str, title_key: str, note_key: str) -> None:
    try:
        runs.annotate(run, st.session_state[title_key], st.session_state[note_key])
    except TsumikiError as error:
        st.session_state["runs:refused"] = message(error)


def _downloads(runs: Shelf, entry: Entry) -> None:
    st.markdown(f"**{text('runs.take')}**")
    folder = runs.folder(entry.run)
    stem = f"{folder.parent.name}-{folder.name}"
    best = folder / "checkpoints" / "best.safetensors"
    with st.container(horizontal=True):
        st.download_button(
            text("runs.download.run"), lambda: runs.bundle(entry.run), f"{stem}.zip", "application/zip",
            key="runs:zip", on_click="ignore", icon=":material/folder_zip:", help=text("runs.download.run.help"),
        )  # fmt: skip
        if best.is_file():
            st.download_button(
                text("runs.download.model"), best.read_bytes, f"{stem}.safetensors", "application/octet-stream",
                key="runs:model", on_click="ignore", icon=":material/hub:", help=text("runs.download.model.help"),
            )  # fmt: skip
        st.download_button(
            text("runs.download.document"), lambda: dump(entry.document), f"{folder.parent.name}.json",
            "application/json", key="runs:document", on_click="ignore", icon=":material/data_object:",
        )  # fmt: skip
        if best.is_file():
            st.download_button(
                text("runs.download.report"), partial(runs.html, entry.run, language=language()), f"{stem}.html",
                "text/html", key="runs:report", on_click="ignore", icon=":material/description:",
                help=text("runs.download.report.help"),
            )  # fmt: skip


def _actions(runs: Shelf, entry: Entry) -> None:
    st.markdown(f"**{text('runs.do')}**")
    with st.container(horizontal=True):
        if entry.rows and st.button(text("runs.understand"), icon=":material/visibility:", key="runs:understand"):
            to_page("understand")
        if st.button(text("runs.open"), icon=":material/account_tree:", key="runs:open", help=text("runs.open.help")):
            store().dispatch(Open(text=dump(entry.document)))
            to_page("build")
        if entry.state in ("stopped", "fault"):
            st.button(
                text("runs.resume"),
                icon=":material/play_arrow:",
                key="runs:resume",
                on_click=_resume,
                args=(entry.run,),
            )
        st.button(
            text("runs.delete"), icon=":material/delete:", key="runs:delete", on_click=_delete, args=(runs, entry),
            disabled=entry.state == "running",
        )  # fmt: skip


def _resume(run: str) -> None:
    try:
        job = registry(store().workspace).resume_run(run)
    except TsumikiError as error:
        st.session_state["runs:refused"] = message(error)
    else:
        st.session_state["job"] = job.id
        st.toast(text("runs.resumed"), icon=":material/play_arrow:")


def _delete(runs: Shelf, *entries: Entry) -> None:
    deleted: list[tuple[str, str]] = []
    try:
        for entry in entries:
            deleted.append((runs.delete(entry.run), entry.label))
    except TsumikiError as error:
        st.session_state["runs:refused"] = message(error)
    if deleted:
        st.session_state["runs:deleted"] = deleted


def _undo(runs: Shelf) -> None:
    """Offer to bring the runs that were deleted last back, and say what was refused."""
    refusal = st.session_state.pop("runs:refused", None)
    if refusal:
        refused(RuntimeError(refusal))
    deleted = st.session_state.get("runs:deleted")
    if not deleted:
        return
    names = ", ".join(label for _, label in deleted[:5]) + (" …" if len(deleted) > 5 else "")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(text("runs.deleted", name=plain(names)), width="stretch")
        st.button(text("runs.undo"), icon=":material/undo:", key="runs:undo", on_click=_restore, args=(runs,))


def _restore(runs: Shelf) -> None:
    for token, _ in reversed(st.session_state.pop("runs:deleted", [])):
        try:
            runs.restore(token)
        except TsumikiError as error:
            st.session_state["runs:refused"] = message(error)


# --- comparing -----------------------------------------------------------------------------------------------------


def _overlay(entries: Sequence[Entry]) -> None:
    """Draw the curves of the compared runs over each other."""
    st.subheader(text("runs.curves"))
    keys = _curve_keys(entries)
    if not keys:
        st.caption(text("runs.no_curves"))
        return
    names = {f"{part}.{key}": f"{metric_name(key)}, {text(f'part.{part}')}" for part, key in keys}
    chosen = st.selectbox(
        text("runs.measure"),
        list(names),
        format_func=names.__getitem__,
        key="runs:measure",
        label_visibility="collapsed",
    )
    part, _, key = chosen.partition(".")
    series = {}
    for place, entry in enumerate(entries):
        label = entry.label if entry.label not in series else f"{entry.label} ({place + 1})"
        points = [
            (row["epoch"], row[part][key]) for row in entry.rows if isinstance((row.get(part) or {}).get(key), float)
        ]
        if points:
            series[label] = points
    if series:
        st.altair_chart(overlaid(series, text("train.epoch"), names[chosen]), width="stretch", key="runs:overlay")


def _curve_keys(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return (part, metric) that any of the runs has for its epochs, validation first."""
    found: dict[tuple[str, str], None] = {}
    for part in ("validation", "train"):
        for entry in entries:
            for key, value in (entry.rows[-1].get(part) or {}).items():
                if isinstance(value, float):
                    found[part, key] = None
    return list(found)


def _scatter(runs: Shelf, entries: Sequence[Entry]) -> None:
    """Draw quality against cost for all runs that have both, with the runs that no other one beats."""
    st.subheader(text("runs.scatter"))
    measures = [*dict.fromkeys(key for entry in entries for key in entry.metrics if key != "loss"), "loss"]
    left, middle, right = st.columns(3)
    with right:
        entries = _same_data(entries)
    with left:
        cost = st.selectbox(
            text("runs.cost"),
            COSTS,
            format_func=lambda key: text(f"runs.{key}"),
            key="runs:cost",
            label_visibility="collapsed",
        )
    with middle:
        measure = st.selectbox(
            text("runs.quality"), measures, format_func=metric_name, key="runs:quality", label_visibility="collapsed"
        )
    costs = runs.costs(entries)
    points = []
    for entry in entries:
        paid = entry.seconds if cost == "seconds" else getattr(costs.get(entry.run), cost, None)
        if paid and measure in entry.metrics:
            points.append((entry.label, float(paid), entry.metrics[measure]))
    if not points:
        st.caption(text("runs.no_points"))
        return
    front = pareto(
        [(x, y) for _, x, y in points], measure in LARGER_IS_BETTER or measure in ("precision", "recall", "f1", "auc")
    )
    chart = scatter(points, front, text(f"runs.{cost}"), metric_name(measure), text("runs.front"), text("runs.beaten"))
    st.altair_chart(chart, width="stretch", key="runs:scatter")


def _same_data(entries: Sequence[Entry]) -> list[Entry]:
    """Let the data be chosen: numbers of different data cannot be compared. The newest run's first."""
    named = {entry.run: _data_name(entry) for entry in entries}
    names = list(dict.fromkeys(named.values()))
    chosen = st.selectbox(
        text("runs.data"), names, format_func=lambda name: name or "–", key="runs:data", label_visibility="collapsed"
    )
    return [entry for entry in entries if named[entry.run] == chosen]


def _data_name(entry: Entry) -> str:
    data = entry.document.get("data")
    source = data.get("source") if isinstance(data, dict) else None
    if not isinstance(source, dict):
        return ""
    return str(source.get("name") or source.get("path") or source.get("images") or "")


def _differences(entries: Sequence[Entry]) -> None:
    """Draw in which settings the compared runs differ."""
    st.subheader(text("runs.differences"))
    rows = differences([entry.document for entry in entries])
    rows.pop("name", None)
    if not rows:
        st.caption(text("runs.same"))
        return
    table: dict[str, list[str]] = {text("runs.setting"): list(rows)}
    for place, entry in enumerate(entries):
        label = entry.label if entry.label not in table else f"{entry.label} ({place + 1})"
        table[label] = ["–" if values[place] is None else str(values[place]) for values in rows.values()]
    st.dataframe(table, hide_index=True, width="stretch", height=min(420, 38 + 35 * len(rows)))
