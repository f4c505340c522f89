"""Lessons in numbers: the output size of a window, shared weights against an Affine's, and what normalisation does."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from builder.ui.pages.charts import TRAIN, VALIDATION, frame, histogram
from builder.ui.pages.common import figures, number
from builder.ui.pages.whole import own_values
from builder.ui.pages.windows import open_button
from builder.ui.state import store
from builder.ui.texts import text

SAMPLES = 4000
"""Values whose distribution is drawn."""


def size() -> None:
    """Draw the calculator of output sizes."""
    from builder.report.explain.sizes import axis_size

    names = ("height", "width", "kernel", "padding", "stride", "dilation")
    bounds = {"height": (1, 4096, 28), "width": (1, 4096, 28), "kernel": (1, 512, 5), "padding": (0, 256, 2),
              "stride": (1, 256, 1), "dilation": (1, 64, 1)}  # fmt: skip
    values: dict[str, int] = {}
    for place, name in zip(st.columns(len(names)), names, strict=True):
        least, most, start = bounds[name]
        with place:
            values[name] = int(st.number_input(text(f"learn.{name}"), least, most, start, key=f"size:{name}"))
    window = (values["kernel"], values["stride"], values["padding"], values["dilation"])
    rows = axis_size(values["height"], *window, name="OH")
    columns = axis_size(values["width"], *window, name="OW")
    st.code(f"{rows.formula}\n{columns.formula}", language=None)
    figures([(text("learn.output"), f"{rows.size} × {columns.size}")])
    for axis in (rows, columns):
        if axis.lost:
            st.warning(text("learn.lost", count=axis.lost), icon=":material/warning:")
    layer = {"type": "Convolution", "out_channels": 1, "kernel_size": values["kernel"], "padding": values["padding"],
             "stride": values["stride"], "dilation": values["dilation"]}  # fmt: skip
    open_button("size", [layer], [1, values["height"], values["width"]])


# --- shared weights ------------------------------------------------------------------------------------------------


def sharing() -> None:
    """Draw how many weights a convolution shares, against an Affine that does the same."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        channels = st.slider(text("learn.channels"), 1, 64, 1, key="sharing:channels")
        height = st.slider(text("learn.height"), 4, 128, 28, key="sharing:height")
        width = st.slider(text("learn.width"), 4, 256, 28, key="sharing:width")
        out = st.slider(text("learn.filters"), 1, 64, 1, key="sharing:filters")
        kernel = st.slider(text("learn.kernel.side"), 1, 7, 3, 2, key="sharing:kernel")
        shape = [channels, height, width]
        layer = {"type": "Convolution", "out_channels": out, "kernel_size": kernel, "padding": kernel // 2}
        open_button("sharing", [layer], shape)
    one = _counted(shape, layer)
    two = _counted(shape, {"type": "Affine", "out_features": out * height * width})
    with right:
        _against(text("learn.sharing.convolution"), one, text("learn.sharing.affine"), two)
        st.caption(
            text("learn.sharing.say", weights=one["weights"], uses=one["multiply_adds"] // max(1, one["weights"]))
        )
        st.divider()
        st.markdown(f"**{text('learn.article')}**")
        article = _counted([32, 25, 62], {"type": "Affine", "out_features": 73})
        shared = _counted([1, 100, 248], {"type": "Convolution", "out_channels": 1, "kernel_size": 3, "padding": 1})
        _against(text("learn.article.convolution"), shared, text("learn.article.affine"), article)
    _own()


def _counted(shape: list[int], layer: dict[str, Any]) -> dict[str, int]:
    """Return the weights and multiply-adds of one layer, as the check counts them."""
    from builder.check import check
    from builder.data import DataFacts

    document = {"format": 1, "task": "regression", "model": {"input": shape, "layers": [layer]}}
    info = check(document, facts=DataFacts()).layers[0]
    return {"weights": info.weights or 0, "biases": info.biases or 0, "multiply_adds": info.multiply_adds or 0}


def _against(name: str, one: dict[str, int], other: str, two: dict[str, int]) -> None:
    """Draw two layers' weights as numbers and as bars over a logarithmic axis."""

    factor = two["weights"] / max(1, one["weights"])
    figures(
        [(name, number(one["weights"])), (other, number(two["weights"])), (text("learn.factor"), f"{factor:,.0f}×")]
    )
    data = frame({"name": [name, other], "weights": [max(1, one["weights"]), max(1, two["weights"])]})
    bars = (
        alt.Chart(data)
        .mark_bar(size=20)
        .encode(
            y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=220)),
            x=alt.X(
                "weights:Q",
                title=text("learn.weights"),
                scale=alt.Scale(type="log", domainMin=1),
                axis=alt.Axis(format="~s", tickCount=5),
            ),
            x2=alt.datum(1),
            color=alt.Color("name:N", legend=None, scale=alt.Scale(domain=[name, other], range=[VALIDATION, TRAIN])),
        )
        .properties(height=150)
    )
    st.altair_chart(bars, width="stretch")


def _own() -> None:
    """Show the same for the layers of the open document."""
    rows = [info for info in store().report.layers if info.weights]
    if not rows:
        return
    st.markdown(f"**{text('learn.yours')}**")
    table: dict[str, list[Any]] = {
        text("inside.layer"): [info.name for info in rows],
        text("inside.type"): [info.type for info in rows],
        text("learn.weights"): [info.weights for info in rows],
        text("learn.uses"): [
            round((info.multiply_adds or 0) / info.weights, 1) if info.weights else 0 for info in rows
        ],
    }
    st.dataframe(table, hide_index=True, width="stretch")


# --- normalisation -------------------------------------------------------------------------------------------------


def normalisation() -> None:
    """Draw what BatchNormalization does to a distribution."""
    left, right = st.columns([2, 5], gap="large")
    with left:
        own = own_values(store(), 256)
        kinds = ["normal", "skewed", "two", *(["data"] if own is not None else [])]
        shape = st.selectbox(
            text("learn.values"), kinds, index=1, format_func=lambda k: text(f"learn.values.{k}"), key="bn:values"
        )
        mean, spread = 5.0, 3.0
        if shape != "data":
            mean = st.slider(text("learn.mean"), -10.0, 10.0, 5.0, 0.5, key="bn:mean")
            spread = st.slider(text("learn.spread"), 0.5, 6.0, 3.0, 0.5, key="bn:spread")
        gamma = st.slider("γ", 0.1, 4.0, 1.0, 0.1, key="bn:gamma")
        beta = st.slider("β", -5.0, 5.0, 0.0, 0.5, key="bn:beta")
        layers: list[dict[str, Any]] = [{"type": "Affine", "out_features": 16}, {"type": "BatchNormalization"}]
        layers.append({"type": "ReLU"})
        open_button("normalisation", layers, [8])
    x = _drawn(shape or "skewed", mean, spread) if shape != "data" or own is None else own.reshape(-1)[:SAMPLES]
    x = x.astype(np.float64)
    y, centre, variance = _normalised(x, gamma, beta)
    groups = {}
    edges = np.linspace(min(x.min(), y.min()), max(x.max(), y.max()), 61)
    for name, values in ((text("learn.before"), x), (text("learn.after"), y)):
        counts, _ = np.histogram(values, edges)
        groups[name] = (edges.tolist(), counts.tolist())
    with right:
        st.altair_chart(histogram(groups, text("data.value"), text("data.count"), height=320), width="stretch")
        signs = f"y = γ·(x − μ)/√(σ² + ε) + β = {gamma:g}·(x − {centre:.3g})/√({variance:.3g} + 1e-5) + {beta:g}"
        st.code(signs.replace("-", "−"), language=None, wrap_lines=True)
        lost = float((x <= 0).mean()), float((y <= 0).mean())
        figures(
            [
                (text("learn.before"), _moments(x)),
                (text("learn.after"), _moments(y)),
                (text("learn.cut"), f"{lost[0]:.0%} → {lost[1]:.0%}"),
            ]
        )
        st.caption(text("learn.cut.why"))


def _moments(values: np.ndarray) -> str:
    return f"{round(float(values.mean()), 2) + 0.0:.2f} ± {values.std():.2f}"  # + 0.0: no "-0.00"


def _drawn(shape: str, mean: float, spread: float) -> np.ndarray:
    """Return values of a distribution with this mean and standard deviation."""
    rng = np.random.default_rng(0)
    if shape == "skewed":
        raw = rng.gamma(2.0, 1.0, SAMPLES)
    elif shape == "two":
        raw = np.where(rng.random(SAMPLES) < 0.4, rng.normal(-2, 0.5, SAMPLES), rng.normal(2, 0.8, SAMPLES))
    else:
        raw = rng.normal(0, 1, SAMPLES)
    return np.asarray(mean + spread * (raw - raw.mean()) / raw.std())


def _normalised(x: np.ndarray, gamma: float, beta: float) -> tuple[np.ndarray, float, float]:
    """Return what the layer's NumPy twin makes of one channel of values, with the mean and variance that it used."""
    from builder.kernels.batch_norm import twin_batch_norm_forward

    y, mean, variance = twin_batch_norm_forward(x[:, None], np.array([gamma]), np.array([beta]), 1e-5)
    return y[:, 0], float(mean[0]), float(variance[0])
