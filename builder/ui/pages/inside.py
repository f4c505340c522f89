"""Inside the network: filters before and after training, feature maps of any layer, and the health of all layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from builder.ui.insight import Insight
from builder.ui.pages.charts import histogram
from builder.ui.pages.common import number, plain
from builder.ui.pages.pictures import filter_sheet, map_sheet, picture_grid
from builder.ui.texts import text

MEASURED = 64
"""Training samples that the health of the layers is measured on."""


def section(insight: Insight) -> None:
    """Draw filters, maps and health."""
    if insight.pictured:
        _filters(insight)
        _maps(insight)
    _health(insight)


def sample(insight: Insight, key: str) -> tuple[np.ndarray, str]:
    """Let a sample be chosen by its part and number; return it as the network sees it, and its label.

    The choice is the same in every view: who looks inside sees the sample that was looked at before.
    """
    part_name, number = st.session_state.get("understand:sample", (insight.parts[0], 0))
    if part_name not in insight.parts:
        part_name, number = insight.parts[0], 0
    part = insight.part(part_name)
    left, right = st.columns(2)
    with left:
        st.session_state[f"{key}:part"] = part_name
        st.selectbox(
            text("data.part"), insight.parts, format_func=lambda name: text(f"part.{name}"), key=f"{key}:part",
            on_change=_chosen, args=(key,),
        )  # fmt: skip
    with right:
        st.session_state[key] = min(int(number), len(part) - 1)
        st.number_input(text("data.which"), 0, len(part) - 1, key=key, on_change=_chosen, args=(key,))
    place = min(int(number), len(part) - 1)
    x, t = part.read(np.array([place]))
    if np.ndim(t) > 2:
        return x, ""
    truth = t[0] if insight.net.task != "classification" or np.ndim(t) == 1 else t[0].argmax()
    return x, insight.label(truth)


def _chosen(key: str) -> None:
    st.session_state["understand:sample"] = (st.session_state[f"{key}:part"], st.session_state[key])


def _filters(insight: Insight) -> None:
    from builder.report.explain.filters import convolutions, filters

    names = list(convolutions(insight.net))
    if not names:
        return
    st.subheader(text("inside.filters"))
    layer = st.selectbox(text("inside.layer"), names, key="inside:filters")
    found = filters(insight.net, layer)
    left, right = st.columns(2, gap="large")
    with left:
        st.image(filter_sheet(found.before), caption=text("inside.before"))
    with right:
        st.image(filter_sheet(found.after), caption=text("inside.after"))
    most = int(np.argmax(found.change))
    shape = "×".join(map(str, found.after.shape))
    st.caption(text("inside.filters.say", shape=shape, change=float(found.change.mean()), most=most + 1))


def _maps(insight: Insight) -> None:
    from builder.report.explain.maps import feature_maps
    from builder.report.explain.probe import layer_names

    st.subheader(text("inside.maps"))
    left, right = st.columns([1, 3], gap="large")
    names = layer_names(insight.net)
    with left:
        x, label = sample(insight, "inside:sample")
        layer = st.selectbox(text("inside.layer"), names, key="inside:maps")
        picture_grid([x[0]], [label], side=160)
    with right:
        values = feature_maps(insight.net, x, layer)[0]
        st.image(map_sheet(values))
        shape = "×".join(map(str, values.shape))
        st.caption(
            text("inside.maps.say", layer=plain(layer), shape=shape, low=float(values.min()), high=float(values.max()))
        )


def _health(insight: Insight) -> None:
    """Draw a table of all layers and the histograms of one of them."""
    st.subheader(text("inside.health"))
    rows = _statistics(insight)
    table: dict[str, list[Any]] = {
        text("inside.layer"): [row["layer"] for row in rows],
        text("inside.type"): [row["type"] for row in rows],
        text("inside.shape"): ["×".join(map(str, row["shape"])) for row in rows],
        text("inside.weights"): [_spread(row["weight"]) for row in rows],
        text("inside.activations"): [_spread(row["activation"]) for row in rows],
        text("inside.gradients"): [_spread(row["gradient"]) for row in rows],
        text("inside.dead"): ["–" if row["dead"] is None else f"{row['dead']['share']:.0%}" for row in rows],
    }
    st.dataframe(table, hide_index=True, width="stretch", height=min(420, 38 + 35 * len(rows)))
    dead = [row["layer"] for row in rows if row["dead"] is not None and row["dead"]["share"] > 0.3]
    if dead:
        st.warning(text("inside.dead.say", layers=plain(", ".join(dead))), icon=":material/warning:")
    names = [row["layer"] for row in rows]
    layer = st.selectbox(text("inside.layer"), names, key="inside:health")
    chosen = rows[names.index(layer)]
    kinds = [(kind, chosen[kind]) for kind in ("weight", "activation", "gradient") if chosen[kind] is not None]
    for place, (kind, found) in zip(st.columns(len(kinds)), kinds, strict=True):
        with place:
            label = text(f"inside.{kind}s")
            groups = {label: (found["edges"].tolist(), found["counts"].tolist())}
            st.altair_chart(histogram(groups, label, text("data.count")), width="stretch", key=f"inside:{kind}")


def _spread(found: dict[str, Any] | None) -> str:
    return "–" if found is None or found["std"] is None else f"{number(found['mean'], 3)} ± {number(found['std'], 3)}"


def _statistics(insight: Insight) -> list[dict[str, Any]]:
    """Measure all layers on some training samples; once for a network."""
    from builder.report.explain.statistics import layer_statistics

    found: list[dict[str, Any]] | None = insight.memory.get("statistics")
    if found is None:
        part = insight.part("train")
        x, t = part.read(np.arange(min(MEASURED, len(part))))
        found = insight.memory["statistics"] = layer_statistics(insight.net, x, t)
    return found
