"""What the network answers: confusion matrix with its samples, numbers per class, the best and the worst samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from builder.ui.insight import Answers, Insight
from builder.ui.pages.charts import confusion, histogram, points
from builder.ui.pages.common import figures, metric_name, number
from builder.ui.pages.pictures import picture_grid
from builder.ui.texts import text

SHOWN = 16
"""Samples in a grid."""

LARGEST = 60
"""Classes up to which the matrix is drawn; beyond, the most frequent mistakes are listed."""


def section(insight: Insight) -> None:
    """Draw everything about the answers on one part of the data."""
    parts = insight.parts
    name = st.segmented_control(
        text("data.part"), parts, format_func=lambda part: text(f"part.{part}"), default=parts[0], key="answers:part",
        label_visibility="collapsed",
    )  # fmt: skip
    with st.spinner(text("understand.asking")):
        answers = insight.answers(name or parts[0])
    shown = [(metric_name(key), number(value)) for key, value in answers.metrics.items() if isinstance(value, float)]
    figures([(text("metric.samples"), number(len(answers.part))), *shown])
    if answers.classes:
        _classes(insight, answers)
    elif answers.maps:
        _pixels(answers)
    else:
        _values(insight, answers)
    _extremes(insight, answers)


# --- classes -------------------------------------------------------------------------------------------------------


def _classes(insight: Insight, answers: Answers) -> None:
    matrix = answers.metrics["confusion"]
    names = [str(row["class"]) for row in answers.metrics["per_class"]]
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.subheader(text("answers.confusion"))
        picked = _matrix(matrix, names) if len(names) <= LARGEST else None
        if picked is not None and picked != st.session_state.get("answers:picked"):
            st.session_state["answers:picked"] = picked
            st.session_state["answers:truth"], st.session_state["answers:said"] = picked
    with right:
        st.subheader(text("answers.cell"))
        _cell(insight, answers, matrix, names)
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.subheader(text("answers.per_class"))
        st.dataframe(
            _per_class(answers.metrics["per_class"]),
            hide_index=True,
            width="stretch",
            height=min(420, 38 + 35 * len(names)),
        )
    with right:
        st.subheader(text("answers.sure"))
        _sureness(insight, answers)


def _matrix(matrix: Any, names: list[str]) -> tuple[int, int] | None:
    """Draw the matrix and return the cell that was clicked."""
    labels = {"truth": text("answers.truth"), "said": text("answers.said"), "count": text("metric.samples")}
    chart = confusion(matrix, names, labels)
    found: Any = st.altair_chart(chart, key="answers:matrix", on_select="rerun", selection_mode="cell", width="stretch")
    cells = found.selection.get("cell") or []
    return (int(cells[0]["i"]), int(cells[0]["j"])) if cells else None


def _cell(insight: Insight, answers: Answers, matrix: Any, names: list[str]) -> None:
    """Show the samples of one cell: the clicked one, or the one chosen in the menus; first the commonest mistake."""
    if "answers:truth" not in st.session_state or st.session_state["answers:truth"] not in (None, *range(len(names))):
        wrong = [(count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row) if i != j and count]
        worst = max(wrong, default=(0, 0, 0))
        st.session_state["answers:truth"], st.session_state["answers:said"] = worst[1], worst[2]
    if st.session_state.get("answers:said") not in (None, *range(len(names))):
        st.session_state["answers:said"] = None
    left, right = st.columns(2)
    every = [None, *range(len(names))]

    def show(place: int | None) -> str:
        return text("answers.any") if place is None else names[place]

    with left:
        truth = st.selectbox(text("answers.truth"), every, format_func=show, key="answers:truth")
    with right:
        said = st.selectbox(text("answers.said"), every, format_func=show, key="answers:said")
    chosen = answers.cell(truth, said)
    st.caption(text("answers.count", count=len(chosen), shown=min(SHOWN, len(chosen))))
    _samples(insight, answers, chosen[:SHOWN], "answers:closer:cell")


def _per_class(rows: Any, more: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    keys = ("precision", "recall", "f1", *more, "samples")
    return {
        text("data.class"): [str(row["class"]) for row in rows],
        **{metric_name(key): [_rounded(row[key]) for row in rows] for key in keys},
    }


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _sureness(insight: Insight, answers: Answers) -> None:
    """Draw how sure the network was: of its answers, right and wrong, or of one class.

    Each group is drawn as shares of itself: the few wrong answers of a good network would not be seen otherwise.
    """
    every = [None, *range(len(insight.names) or answers.prediction.shape[1])]
    chosen = st.selectbox(
        text("answers.likelihood.of"), every, key="answers:likelihood", label_visibility="collapsed",
        format_func=lambda k: text("answers.likelihood.any") if k is None else insight.name(k),
    )  # fmt: skip
    if chosen is None:
        values, one = answers.likelihood(answers.said), answers.said == answers.truth
        names = (text("answers.right"), text("answers.wrong"))
    else:
        values, one = answers.likelihood(np.full(len(answers.truth), chosen)), answers.truth == chosen
        names = (text("answers.is", name=insight.name(chosen)), text("answers.is_not", name=insight.name(chosen)))
    edges = np.linspace(0, 1, 21)
    groups = {}
    for name, which in zip(names, (one, ~one), strict=True):
        counts, _ = np.histogram(values[which], edges)
        groups[name] = (edges.tolist(), (counts / max(1, counts.sum())).tolist())
    chart = histogram(groups, text("answers.likelihood"), text("answers.share"), height=280, percent=True)
    st.altair_chart(chart, width="stretch")
    st.caption(text("answers.sure.why" if chosen is None else "answers.class.why"))


# --- pixels --------------------------------------------------------------------------------------------------------


def _pixels(answers: Answers) -> None:
    """Draw what there is to say of answers that are images, pixel by pixel."""
    rows = answers.metrics.get("per_class") or ()
    if not rows:
        return
    names = [str(row["class"]) for row in rows]
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.subheader(text("answers.confusion"))
        labels = {"truth": text("answers.truth"), "said": text("answers.said"), "count": text("metric.samples")}
        st.altair_chart(confusion(answers.metrics["confusion"], names, labels), width="stretch")
    with right:
        st.subheader(text("answers.per_class"))
        st.dataframe(_per_class(rows, ("iou",)), hide_index=True, width="stretch")


# --- values --------------------------------------------------------------------------------------------------------


def _values(insight: Insight, answers: Answers) -> None:
    st.subheader(text("answers.values"))
    truth = answers.truth.reshape(len(answers.truth), -1)
    outputs = truth.shape[1]
    which = st.selectbox(text("answers.output"), range(outputs), key="answers:output") if outputs > 1 else 0
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(2000, len(truth))).astype(np.int64))
    x, y = truth[chosen, which].astype(float).tolist(), answers.prediction[chosen, which].astype(float).tolist()
    left, right = st.columns([6, 5], gap="large")
    with left:
        st.altair_chart(points(x, y, text("answers.truth"), text("answers.said")), width="stretch")
    with right:
        counts, edges = np.histogram(answers.prediction[:, which] - truth[:, which], bins=30)
        chart = histogram(
            {"": (edges.tolist(), counts.tolist())}, text("answers.difference"), text("metric.samples"), height=340
        )
        st.altair_chart(chart, width="stretch")


# --- best and worst ------------------------------------------------------------------------------------------------


def _extremes(insight: Insight, answers: Answers) -> None:
    st.subheader(text("answers.extremes"))
    which = st.segmented_control(
        text("answers.extremes"), ("worst", "best"), format_func=lambda key: text(f"answers.{key}"), default="worst",
        key="answers:extreme", label_visibility="collapsed",
    )  # fmt: skip
    order = np.argsort(answers.error() if which == "best" else -answers.error(), kind="stable")
    _samples(insight, answers, order[:SHOWN], "answers:closer:extreme")


def _samples(insight: Insight, answers: Answers, chosen: np.ndarray, key: str) -> None:
    """Show samples with what they are and what the network said."""
    if not len(chosen):
        return
    x, _ = answers.part.read(chosen)
    if answers.maps:
        truth, said = answers.shown(chosen)
        for word, images in (("look.input", x), ("answers.truth", truth), ("answers.said", said)):
            st.caption(text(word))
            picture_grid(list(images), [""] * len(images))
        return
    captions = [_caption(insight, answers, int(k)) for k in chosen]
    if x.ndim == 4:
        picture_grid(list(x), captions)
        _closer(answers, chosen, captions, key)
        return
    places = [answers.part.where(int(k)) for k in chosen]
    table: dict[str, Any] = {text("answers.where"): places, text("answers.what"): captions}
    names = insight.pipeline.columns or [str(k + 1) for k in range(x.shape[1])]
    table |= {str(name): np.round(x[:, k].astype(float), 3) for k, name in enumerate(list(names)[:30])}
    st.dataframe(table, hide_index=True, width="stretch")


def _closer(answers: Answers, chosen: np.ndarray, captions: list[str], key: str) -> None:
    """Let one of the shown samples be looked at: where the network looks."""
    st.session_state[key] = None
    places = [answers.part.where(int(k)).rpartition("/")[2] for k in chosen]
    named = {int(k): f"{captions[n]} · {places[n]}" for n, k in enumerate(chosen)}
    st.selectbox(
        text("answers.closer"), list(named), index=None, key=key, format_func=named.__getitem__,
        placeholder=text("answers.closer"), label_visibility="collapsed", on_change=_look, args=(answers.name, key),
    )  # fmt: skip


def _look(part: str, key: str) -> None:
    if st.session_state[key] is not None:
        st.session_state["understand:sample"] = (part, st.session_state[key])
        st.session_state["understand:view"] = "look"


def _caption(insight: Insight, answers: Answers, k: int) -> str:
    truth = insight.label(answers.truth[k])
    if not answers.classes:
        return f"{truth} → {insight.label(answers.prediction[k])}"
    said = int(answers.said[k])
    sure = float(answers.likelihood(answers.said)[k])
    mark = "✓" if said == int(answers.truth[k]) else "✗"
    return f"{mark} {truth} → {insight.name(said)} {sure:.0%}"
