"""The data as they are and as the network sees them: samples, classes, ranges, findings, split and preprocessing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from builder.data.finding import BadData, Finding
from builder.ui.pages.bound import at, change, real
from builder.ui.pages.charts import bars, histogram
from builder.ui.pages.common import ICONS, plain, refused
from builder.ui.pages.pictures import picture_grid
from builder.ui.state import Store, store
from builder.ui.texts import text
from schemas.errors import TsumikiError

GRID = 24
"""Samples shown at once."""

LARGEST_TABLE = 64
"""Rows and columns up to which a tensor's numbers are shown."""

STEPS = ("Resize", "Grayscale", "Scale", "Normalize")
CHANGES = ("Flip", "Shift", "Crop", "Rotate")


@st.cache_resource(max_entries=4, show_spinner=False)
def _prepared(section: str, task: str, base: str, look: int) -> Any:
    """Return the prepared data, or the findings that forbid it. `look` grows with every click on "look again"."""
    from builder.data.prepared import inspect

    document = {"data": json.loads(section), "task": task}
    prepared, findings = inspect(document, Path(base))
    return prepared, findings


def prepared_of(s: Store) -> tuple[Any, Sequence[Finding]]:
    """Return the document's data, prepared, and what was found; None with the reasons where they cannot be used."""
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
        return None, [Finding("error", "data", str(error))]


def section(s: Store) -> None:
    """Draw everything about the chosen data."""
    prepared, findings = prepared_of(s)
    if prepared is not None:
        _samples(prepared)
        _balance(prepared)
    _findings(findings)
    if prepared is not None:
        _settings(s, prepared)


# --- samples -------------------------------------------------------------------------------------------------------


def _samples(prepared: Any) -> None:
    st.subheader(text("data.samples"))
    parts = list(prepared.parts)
    left, middle, right = st.columns([4, 5, 3], vertical_alignment="bottom")
    with left:
        name = st.segmented_control(
            text("data.part"), parts, format_func=lambda part: text(f"part.{part}"), default=parts[0], key="data:part"
        )
    part = prepared.parts[name or parts[0]]
    with middle:
        views = ["raw", "network"] + (["augmented"] if part.augmentation else [])
        view = st.segmented_control(
            text("data.view"), views, format_func=lambda v: text(f"data.view.{v}"), default="network", key="data:view"
        )
    with right:
        st.button(text("data.others"), icon=":material/casino:", on_click=_others, width="stretch")
    chosen = _some(part)
    try:
        x = _seen(part, chosen, view or "network")
    except TsumikiError as error:
        refused(error)
        return
    labels = ["" if part.itself else _label(prepared, part.targets[k]) for k in chosen]
    if np.ndim(x[0]) == 3:
        picture_grid(x, labels)
    else:
        _rows(prepared, x, labels, view or "network")
    _tensor(prepared, part, chosen, view or "network", labels)


def _others() -> None:
    st.session_state["data:draw"] = st.session_state.get("data:draw", 0) + 1


def _some(part: Any) -> np.ndarray:
    """Return sample positions: the first ones, then others at each click."""
    draw = st.session_state.get("data:draw", 0)
    count = min(GRID, len(part))
    if draw == 0:
        return np.arange(count)
    return np.sort(np.random.default_rng(draw).choice(len(part), count, replace=False))


def _seen(part: Any, chosen: np.ndarray, view: str) -> Any:
    """Return samples as they lie in the file, after preprocessing, or after augmentation as in some epoch.

    In files they may have different sizes; then they are a list.
    """
    if view == "raw":
        return part.samples.read(chosen)
    if view == "augmented":
        changed: np.ndarray = part.augmented(chosen, 0, st.session_state.get("data:draw", 0))[0]
        return changed
    same: np.ndarray = part.read(chosen)[0]
    return same


def _label(prepared: Any, target: Any) -> str:
    """Return a sample's class or target for people."""
    if np.ndim(target) > 1:  # an image: the classes that occur in it
        if prepared.task == "regression":
            return ""
        present = np.unique(np.asarray(target)).astype(int).tolist()
        return ", ".join(prepared.class_names[k] for k in present[:4])
    values = np.atleast_1d(target).reshape(-1)
    if prepared.task == "regression" or values.size > 1:
        return ", ".join(f"{value:.4g}" for value in values[:4])
    place = int(values[0])
    return prepared.class_names[place] if place < len(prepared.class_names) else str(place)


def _rows(prepared: Any, x: np.ndarray, labels: Sequence[str], view: str) -> None:
    names = list(prepared.pipeline.columns or ())
    names = names if len(names) == x.shape[1] else [str(k) for k in range(x.shape[1])]
    table: dict[str, Any] = {text("data.label"): list(labels)}
    table |= {name: x[:, k].astype(float) for k, name in enumerate(names[:100])}
    st.dataframe(table, hide_index=True, height=280, width="stretch")


def _tensor(prepared: Any, part: Any, chosen: np.ndarray, view: str, labels: Sequence[str]) -> None:
    """Show one sample as the numbers that the network gets."""
    with st.expander(text("data.tensor")):
        which = st.selectbox(
            text("data.which"), range(len(chosen)), key="data:which",
            format_func=lambda k: f"{part.where(int(chosen[k]))} · {labels[k]}",
        )  # fmt: skip
        x = _seen(part, chosen[which : which + 1], view)[0]
        shape = "×".join(map(str, x.shape))
        st.caption(text("data.tensor.is", shape=shape, low=float(x.min()), high=float(x.max()), mean=float(x.mean())))
        if x.ndim == 1:
            return
        channel = st.segmented_control(
            text("data.channel"), range(len(x)), default=0, key="data:channel"
        ) if len(x) > 1 else 0  # fmt: skip
        values = x[channel or 0]
        if max(values.shape) <= LARGEST_TABLE:
            st.dataframe(np.asarray(values, dtype=np.float64).round(3), hide_index=False, height=320, width="stretch")
        else:
            st.caption(text("data.tensor.large", most=LARGEST_TABLE))


# --- balance and ranges --------------------------------------------------------------------------------------------


def _balance(prepared: Any) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        if prepared.task == "regression":
            st.markdown(f"**{text('data.targets')}**")
            groups = {}
            for name, part in prepared.parts.items():
                if part.itself:
                    continue
                counts, edges = np.histogram(_first(part.targets), bins=24)
                groups[text(f"part.{name}")] = (edges.tolist(), counts.tolist())
            st.altair_chart(histogram(groups, text("data.target"), text("metric.samples")), width="stretch")
        else:
            st.markdown(f"**{text('data.balance')}**")
            counted = {text(f"part.{name}"): _counts(prepared, part) for name, part in prepared.parts.items()}
            st.altair_chart(bars(counted, text("data.class"), text("metric.samples")), width="stretch")
    with right:
        st.markdown(f"**{text('data.ranges')}**")
        st.dataframe(_ranges(prepared), hide_index=True, width="stretch")
        values = _sampled(prepared.train)
        counts, edges = np.histogram(values, bins=40)
        chart = histogram({"": (edges.tolist(), counts.tolist())}, text("data.value"), text("data.count"), height=150)
        st.altair_chart(chart, width="stretch")


def _first(targets: np.ndarray) -> np.ndarray:
    """Return the first output's targets, or all values where they are images."""
    values = targets if targets.ndim > 2 else targets.reshape(len(targets), -1)[:, 0]
    return values.reshape(-1).astype(np.float64)


def _counts(prepared: Any, part: Any) -> dict[str, int]:
    from builder.data.doctor import class_counts

    counts = class_counts(part, len(prepared.class_names))
    named = dict(zip(prepared.class_names, counts.tolist(), strict=True))
    return dict(list(named.items())[:60])


def _sampled(part: Any, most: int = 512) -> np.ndarray:
    """Return values of up to `most` samples, spread over the part, as the network sees them."""
    chosen = np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).astype(np.int64))
    return np.asarray(part.read(chosen)[0], dtype=np.float64).reshape(-1)


def _ranges(prepared: Any) -> dict[str, list[Any]]:
    parts = prepared.parts.items()
    values = [_sampled(part) for _, part in parts]
    return {
        text("data.part"): [text(f"part.{name}") for name, _ in parts],
        text("metric.samples"): [len(part) for _, part in parts],
        text("data.least"): [float(v.min()) for v in values],
        text("data.most"): [float(v.max()) for v in values],
        text("data.mean"): [float(v.mean()) for v in values],
    }


# --- findings ------------------------------------------------------------------------------------------------------


def _findings(findings: Sequence[Finding]) -> None:
    st.subheader(text("data.findings"))
    if not findings:
        st.success(text("data.fine"), icon=":material/check_circle:")
    for finding in findings[:20]:
        with st.container(border=True, gap="small"):
            colours = {"error": "red", "warning": "orange", "info": "blue"}
            head = f":{colours[finding.severity]}[{ICONS[finding.severity]}] **{plain(finding.what)}**"
            st.markdown(head)
            if finding.where:
                st.caption(plain(finding.where))
            if finding.why or finding.fix:
                st.markdown(f"{plain(finding.why)} {plain(finding.fix)}")
    if len(findings) > 20:
        st.caption(text("data.more", count=len(findings) - 20))
    left, right = st.columns(2)
    with left:
        st.button(text("data.look"), icon=":material/refresh:", on_click=_look)
    with right:
        if (
            any(finding.severity == "error" for finding in findings)
            and at(store().document, "/data/on_error") != "skip"
        ):
            st.button(text("data.skip"), icon=":material/build:", on_click=change, args=("/data/on_error", "skip"))


def _look() -> None:
    st.session_state["data:look"] = st.session_state.get("data:look", 0) + 1


# --- split, preprocessing, augmentation ----------------------------------------------------------------------------


def _settings(s: Store, prepared: Any) -> None:
    st.subheader(text("data.settings"))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{text('data.split')}**")
        one, two = st.columns(2)
        for place, name, default in ((one, "validation", 0.0), (two, "test", 0.0)):
            with place:
                if isinstance(at(s.document, f"/data/{name}"), dict):
                    st.caption(text("data.own", part=text(f"part.{name}")))
                else:
                    real(text(f"data.share.{name}"), f"/data/{name}", default, 0.0, 0.9)
        st.caption(text("data.split.why"))
    images = len(prepared.pipeline.shape) == 3
    with right:
        _steps("preprocessing", STEPS if images else STEPS[2:])
        if images:
            _steps("augmentation", CHANGES)


def _steps(name: str, offered: Sequence[str]) -> None:
    """Choose the steps of a list by their types; what is there already keeps its settings and its place."""
    present = at(store().document, f"/data/{name}") or []
    types = [str(step.get("type")) for step in present if isinstance(step, dict)]
    key = f"data:{name}"
    st.session_state[key] = list(dict.fromkeys(types))
    st.multiselect(
        text(f"data.{name}"), [*offered, *(t for t in dict.fromkeys(types) if t not in offered)], key=key,
        format_func=lambda kind: text(f"data.step.{kind}"), help=text(f"data.{name}.help"),
        on_change=_chosen, args=(name, key),
    )  # fmt: skip


def _chosen(name: str, key: str) -> None:
    chosen = list(st.session_state[key])
    present = [step for step in at(store().document, f"/data/{name}") or [] if isinstance(step, dict)]
    kept = [step for step in present if step.get("type") in chosen]
    kept += [_new(kind) for kind in chosen if kind not in {step.get("type") for step in kept}]
    change(f"/data/{name}", kept)


def _new(kind: str) -> dict[str, Any]:
    """Return a step with what it must say."""
    if kind == "Resize":
        shape = at(store().document, "/model/input")
        size = list(shape[1:]) if isinstance(shape, list) and len(shape) == 3 else [28, 28]
        return {"type": kind, "size": size}
    return {"type": "Rotate", "degrees": 10.0} if kind == "Rotate" else {"type": kind}
