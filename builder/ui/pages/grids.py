"""Small grids of numbers as charts: every value readable, a window framed, what is padding grey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from builder.ui.pages.charts import FAINT, TRAIN, frame
from builder.ui.texts import text

CELL = 44
"""Pixels of a cell's side, where there is room."""

MARGIN = 12
"""Pixels that Streamlit's theme takes around a chart."""

Box = tuple[int, int, int, int]
"""First row, end row, first column, end column."""


def grid(
    values: np.ndarray,
    *,
    box: Box | None = None,
    outside: np.ndarray | None = None,
    most: int = 360,
    pick: bool = False,
) -> Any:
    """Return a chart of values (H, W); `box` is framed, cells where `outside` is true are padding.

    With `pick`, cells can be clicked: selection "cell" holds "row" and "column".

    NaN is drawn as an empty cell. Colour goes from blue (negative) over white to red, as for filters.
    """

    height, width = values.shape
    side = max(12, min(CELL, most // max(height, width)))
    top = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    framed = np.zeros(values.shape, bool)
    if box is not None:
        framed[box[0] : box[1], box[2] : box[3]] = True
    cells = [(r, c) for r in range(height) for c in range(width)]
    hidden = np.zeros(values.shape, bool) if outside is None else outside
    data = frame(
        {
            "row": [r for r, _ in cells],
            "column": [c for _, c in cells],
            "value": [float(values[cell]) if np.isfinite(values[cell]) else 0.0 for cell in cells],
            "empty": [not np.isfinite(values[cell]) for cell in cells],
            "text": [_short(values[cell]) for cell in cells],
            "framed": [bool(framed[cell]) for cell in cells],
            "padding": [bool(hidden[cell]) for cell in cells],
        }
    )
    base = alt.Chart(data).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(paddingInner=0.06)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0.06)),
    )
    colour = alt.Color(
        "value:Q",
        legend=None,
        scale=alt.Scale(domain=[-(top or 1.0), 0, top or 1.0], range=["#427cba", "#f7f7f7", "#ca5c42"]),
    )
    squares = base.mark_rect(cornerRadius=3, cursor="pointer" if pick else "default").encode(
        color=alt.condition("datum.padding", alt.value("#c9ccd1"), colour),
        fillOpacity=alt.condition("datum.empty", alt.value(0.06), alt.value(1)),
        stroke=alt.condition("datum.framed", alt.value(TRAIN), alt.value(FAINT)),
        strokeWidth=alt.condition("datum.framed", alt.value(3), alt.value(0.4)),
        tooltip=["row:O", "column:O", "value:Q"],
    )
    if pick:
        squares = squares.add_params(alt.selection_point(name="cell", fields=["row", "column"], empty=False))
    layers = [squares]
    if side >= 20:
        # Light on the cells that are nearly as dark as the scale's ends.
        dark = f"!datum.padding && abs(datum.value) > {0.72 * (top or 1.0):g}"
        ink = alt.condition(dark, alt.value("#ffffff"), alt.value("#22303c"))
        layers.append(base.mark_text(fontSize=max(9, side // 3)).encode(text="text:N", color=ink))
    return alt.layer(*layers).properties(width=side * width + MARGIN, height=side * height + MARGIN)


LARGEST, SMALLEST = 64, 14
"""Rows and columns up to which numbers are listed, and up to which they are drawn as a grid."""


def tensor(values: np.ndarray) -> None:
    """Draw one channel (H, W) of a sample as numbers."""
    largest = max(values.shape)
    if largest <= SMALLEST:
        st.altair_chart(grid(np.round(values, 2), most=36 * largest), width="content", key="tensor")
    elif largest <= LARGEST:
        st.dataframe(np.asarray(values, dtype=np.float64).round(3), hide_index=False, height=420, width="stretch")
    else:
        st.caption(text("data.tensor.large", most=LARGEST))


def show(chart: Any, title: str, key: str, pick: bool = False) -> None:
    """Draw a grid below its title; `pick` where its cells can be clicked."""
    with st.container(width="content", gap=None):
        st.caption(title)
        if pick:
            st.altair_chart(chart, width="content", key=key, on_select="rerun", selection_mode="cell")
        else:
            st.altair_chart(chart, width="content", key=key)


def _short(value: float) -> str:
    """Write a number so that it fits a cell."""
    if not np.isfinite(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2g}"


def equation(pairs: Sequence[tuple[float, float]], bias: float, total: float, most: int = 25) -> str:
    """Return 'a·b + c·d + … = total' of a window and its filter.

    >>> equation([(1, 2), (3, -1)], 0.5, -0.5)
    '1·2 + 3·(−1) + 0.5 = −0.5'
    """
    terms = [f"{_written(a)}·{_written(b)}" for a, b in pairs[:most]]
    if len(pairs) > most:
        terms.append("…")
    if bias:
        terms.append(_written(bias))
    return " + ".join(terms) + f" = {_plain(total)}"


def _plain(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _written(value: float) -> str:
    return f"({_plain(value)})" if value < 0 else _plain(value)
