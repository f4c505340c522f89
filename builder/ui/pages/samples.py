"""The data as they are and as the network sees them: samples, one tensor in numbers, classes, ranges, findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from builder.data.finding import BadData, Finding
from builder.data.mixup import mixed
from builder.report.ranges import ranges, some, spread
from builder.ui.confine import strays
from builder.ui.pages import steps
from builder.ui.pages.bound import at, change
from builder.ui.pages.charts import bars, histogram
from builder.ui.pages.common import ICONS, number, plain, refused
from builder.ui.pages.grids import tensor
from builder.ui.pages.pictures import picture_grid
from builder.ui.state import Store, store
from builder.ui.texts import text
from builder.ui.texts.translate import said
from schemas.errors import TsumikiError
from schemas.say import message, sentences

GRID = 24
"""Samples shown at once."""

LISTED = 60
"""Columns whose ranges are listed."""


@st.cache_resource(max_entries=4, show_spinner=False)
def _prepared(section: str, task: str, base: str, look: int) -> Any:
    """Return the prepared data, or the findings that forbid it. `look` grows with every click on "look again"."""
    from builder.data.prepared import inspect

    document = {"data": json.loads(section), "task": task}
    prepared, findings = inspect(document, Path(base))
    return prepared, findings


def prepared_of(s: Store) -> tuple[Any, Sequence[Finding]]:
    """Return the document's data, prepared, and what was found; None with the reasons where they cannot be used."""
    outside = strays(s.document, s.base, s.workspace)
    if outside:
        return None, [Finding("error", problem.code, sentences(problem.what, problem.why)) for problem in outside]
    section = json.dumps(s.document.get("data"), sort_keys=True)
    try:
        with st.spinner(text("data.reading")):
            found: tuple[Any, Sequence[Finding]] = _prepared(
                section, s.report.task, str(s.base), st.session_state.get("data:look", 0)
            )
            return found
    except BadData as error:
        return None, error.findings
    except TsumikiError as error:
        return None, [Finding("error", "data", message(error))]


def section(s: Store) -> None:
    """Draw everything about the chosen data."""
    prepared, findings = prepared_of(s)
    if prepared is None:
        _findings(s, findings)
    else:
        _samples(s, prepared)
        _balance(prepared)
        _findings(s, findings)
    steps.section(s, prepared)


# --- samples -------------------------------------------------------------------------------------------------------


def _samples(s: Store, prepared: Any) -> None:
    st.subheader(text("data.samples"))
    parts = list(prepared.parts)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = st.segmented_control(
            text("data.part"), parts, format_func=lambda part: text(f"part.{part}"), default=parts[0], key="data:part"
        )
        part = prepared.parts[name or parts[0]]
        views = ["raw", "network"] + (["augmented"] if part.augmentation else [])
        if st.session_state.get("data:view") not in views:
            st.session_state["data:view"] = "network"
        view = st.segmented_control(
            text("data.view"), views, format_func=lambda v: text(f"data.view.{v}"), key="data:view"
        ) or "network"  # fmt: skip
        epoch = 1
        if view == "augmented":
            epoch = int(st.number_input(text("data.epoch"), 1, 1_000_000, 1, key="data:epoch", width=130))
        st.button(text("data.others"), icon=":material/casino:", on_click=_others)
    chosen = _some(part)
    try:
        x, maps = _seen(s, part, chosen, view, epoch)
    except TsumikiError as error:
        refused(error)
        return
    labels = ["" if part.itself else label_of(prepared, part.targets[k]) for k in chosen]
    if np.ndim(x[0]) == 3:
        picture_grid(x, labels)
        if maps is not None:
            st.caption(text("data.masks"))
            picture_grid(list(maps), [""] * len(maps))
    else:
        _rows(prepared, x, labels, view)
    _tensor(s, part, chosen, x, labels)


def _others() -> None:
    st.session_state["data:draw"] = st.session_state.get("data:draw", 0) + 1


def _some(part: Any) -> np.ndarray:
    """Return sample positions: some of every class, then others at each click."""
    draw = st.session_state.get("data:draw", 0)
    if draw == 0:
        return spread(part.targets, GRID) if not part.itself else np.arange(min(GRID, len(part)))
    return np.sort(np.random.default_rng(draw).choice(len(part), min(GRID, len(part)), replace=False))


def _seen(s: Store, part: Any, chosen: np.ndarray, view: str, epoch: int) -> tuple[Any, np.ndarray | None]:
    """Return samples as they lie in the file, after preprocessing, or after augmentation as in an epoch; and masks.

    Augmentation depends on the training's seed, the epoch and the sample alone, so these are the very numbers that the
    network will get. In files samples may have different sizes; then they are a list.
    """
    if view == "raw":
        return part.samples.read(chosen), None
    if view == "augmented":
        seed = at(s.document, "/training/seed", 0)
        seed = seed if isinstance(seed, int) else 0
        x, t = part.augmented(chosen, seed, epoch - 1)
        if part.mixup is not None:  # as if these were a batch
            x, _ = mixed(x, np.arange(len(x)), part.mixup.alpha, seed, epoch - 1, 0)
    else:
        x, t = part.read(chosen)
    if t.ndim < 3 or part.itself:
        return x, None
    return x, (t if t.ndim == 4 else t[:, None]).astype(np.float32)


def label_of(prepared: Any, target: Any) -> str:
    """Return a sample's class or target for people."""
    if np.ndim(target) > 1:  # an image: the classes that occur in it
        if prepared.task == "regression":
            return ""
        present = np.unique(np.asarray(target)).astype(int).tolist()
        present = [k for k in present if k >= 0]  # without what the loss leaves out
        return ", ".join(prepared.class_names[k] for k in present[:4])
    values = np.atleast_1d(target).reshape(-1)
    if prepared.task == "regression" or values.size > 1:
        return ", ".join(f"{value:.4g}" for value in values[:4])
    place = int(values[0])
    if place < 0:
        return "–"
    return prepared.class_names[place] if place < len(prepared.class_names) else str(place)


def _rows(prepared: Any, x: np.ndarray, labels: Sequence[str], view: str) -> None:
    names = list(prepared.pipeline.columns or ())
    names = names if len(names) == x.shape[1] else [str(k + 1) for k in range(x.shape[1])]
    table: dict[str, Any] = {text("data.label"): list(labels)}
    digits = 4 if view == "raw" else 3
    table |= {name: np.round(x[:, k].astype(float), digits) for k, name in enumerate(names[:100])}
    st.dataframe(table, hide_index=True, height=280, width="stretch")


def _tensor(s: Store, part: Any, chosen: np.ndarray, x: Any, labels: Sequence[str]) -> None:
    """Show one of the samples as the numbers that the network gets."""
    with st.expander(text("data.tensor"), icon=":material/grid_on:"):
        which = st.selectbox(
            text("data.which"), range(len(chosen)), key="data:which",
            format_func=lambda k: f"{_within(s, part.where(int(chosen[k])))} · {labels[k]}",
        )  # fmt: skip
        values = np.asarray(x[which], dtype=np.float64)
        shape = " × ".join(map(str, values.shape))
        low, high, mean = (float(number) for number in (values.min(), values.max(), values.mean()))
        st.caption(text("data.tensor.is", shape=shape, low=low, high=high, mean=mean))
        if values.ndim != 3:
            return
        channel = st.segmented_control(
            text("data.channel"), range(len(values)), default=0, key="data:channel", format_func=lambda c: str(c + 1)
        ) if len(values) > 1 else 0  # fmt: skip
        tensor(values[channel or 0])


# --- balance and ranges --------------------------------------------------------------------------------------------


def _balance(prepared: Any) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        if prepared.task == "regression":
            if not prepared.train.itself:
                _targets(prepared)
        else:
            st.markdown(f"**{text('data.balance')}**")
            counted = {text(f"part.{name}"): _counts(prepared, part) for name, part in prepared.parts.items()}
            st.altair_chart(bars(counted, text("data.class"), text("metric.samples"), height=300), width="stretch")
    with right:
        st.markdown(f"**{text('data.ranges')}**")
        st.dataframe(_parts(prepared), hide_index=True, width="stretch")
        values = some(prepared.train, 512).astype(np.float64).reshape(-1)
        counts, edges = np.histogram(values[np.isfinite(values)], bins=40)
        chart = histogram({"": (edges.tolist(), counts.tolist())}, text("data.value"), text("data.count"), height=150)
        st.altair_chart(chart, width="stretch")
    _columns(prepared)


def _targets(prepared: Any) -> None:
    source = prepared.data.source
    name = getattr(source, "target", None)
    title = name if isinstance(name, str) else text("data.target")
    st.markdown(f"**{text('data.targets')}**")
    groups = {}
    for part_name, part in prepared.parts.items():
        counts, edges = np.histogram(_first(part.targets), bins=24)
        groups[text(f"part.{part_name}")] = (edges.tolist(), counts.tolist())
    st.altair_chart(histogram(groups, title, text("metric.samples"), height=300), width="stretch")


def _first(targets: np.ndarray) -> np.ndarray:
    """Return the first output's targets, or all values where they are images."""
    values = targets if targets.ndim > 2 else targets.reshape(len(targets), -1)[:, 0]
    return values.reshape(-1).astype(np.float64)


def _counts(prepared: Any, part: Any) -> dict[str, int]:
    from builder.data.doctor import class_counts

    counts = class_counts(part, len(prepared.class_names))
    named = dict(zip(prepared.class_names, counts.tolist(), strict=True))
    return dict(list(named.items())[:60])


def _parts(prepared: Any) -> dict[str, list[Any]]:
    """Return samples and value range of every part."""
    parts = prepared.parts.items()
    rows = [ranges(some(part, 512).reshape(min(512, len(part)), 1, -1))[0] for _, part in parts]
    return {
        text("data.part"): [text(f"part.{name}") for name, _ in parts],
        text("metric.samples"): [number(len(part)) for _, part in parts],
        **{text(f"data.{key}"): [_rounded(row[key]) for row in rows] for key in ("least", "most", "mean")},
    }


def _columns(prepared: Any) -> None:
    """List the range of every column of a table, of every channel of colour images."""
    shape = prepared.pipeline.shape
    if len(shape) == 3 and shape[0] == 1:
        return
    kind = "channels" if len(shape) == 3 else "columns"
    with st.expander(text(f"data.ranges.{kind}", count=shape[0]), icon=":material/table_rows:"):
        rows = ranges(some(prepared.train)[:, :LISTED], prepared.pipeline.columns)
        st.dataframe(
            {
                text(f"data.{kind[:-1]}"): [row["name"] for row in rows],
                **{
                    text(f"data.{key}"): [_rounded(row[key]) for row in rows]
                    for key in ("least", "most", "mean", "std")
                },
            },
            hide_index=True,
            width="stretch",
            height=min(320, 38 + 35 * len(rows)),
        )


def _rounded(value: float | None) -> float | None:
    """Return a value with four digits that count, so that a mean of zero is no 0.00000002."""
    return None if value is None else round(value, 4) + 0.0 if abs(value) < 1e4 else float(f"{value:.6g}")


# --- findings ------------------------------------------------------------------------------------------------------


def _findings(s: Store, findings: Sequence[Finding]) -> None:
    st.subheader(text("data.findings"))
    if not findings:
        st.success(text("data.fine"), icon=":material/check_circle:")
    for finding in findings[:20]:
        with st.container(border=True, gap=None):
            colours = {"error": "red", "warning": "orange", "info": "blue"}
            where = f" :gray[{plain(_within(s, finding.where))}]" if finding.where else ""
            st.markdown(
                f":{colours[finding.severity]}[{ICONS[finding.severity]}] **{plain(said(finding.what))}**{where}"
            )
            if finding.why or finding.fix:
                st.caption(f"{plain(said(finding.why))} {plain(said(finding.fix))}")
    if len(findings) > 20:
        st.caption(text("data.more", count=len(findings) - 20))
    with st.container(horizontal=True):
        st.button(text("data.look"), icon=":material/refresh:", on_click=_look)
        broken = any(finding.severity == "error" for finding in findings)
        if broken and at(store().document, "/data/on_error") != "skip":
            st.button(
                text("data.skip"), icon=":material/build:", on_click=change, args=("/data/on_error", "skip"),
                type="primary",
            )  # fmt: skip


def _within(s: Store, where: str) -> str:
    """Return a place as it is called from the workspace: nobody needs to read where that lies on the server."""
    return where.replace(f"{s.workspace}/", "")


def _look() -> None:
    st.session_state["data:look"] = st.session_state.get("data:look", 0) + 1
