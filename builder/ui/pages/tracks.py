"""Histograms of a training's layers, cheap to draw beside it.

The chart's description stays the same while only the table under it changes, and nothing is checked again here. Altair
takes 20 to 40 ms of processor time for each chart; this takes about one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builder.ui.pages.charts import VALIDATION, frame


def histogram(edges: Sequence[float], counts: Sequence[float]) -> Any:
    """Return a histogram's bars as lines of (low, high, count)."""
    return frame({"low": list(edges[:-1]), "high": list(edges[1:]), "count": list(counts)})


def bars(title: str, count: str, height: int = 150) -> dict[str, Any]:
    """Return the Vega-Lite description of a histogram over what `histogram` returns."""
    return {
        "height": height,
        "mark": {"type": "bar", "color": VALIDATION, "opacity": 0.7},
        "encoding": {
            "x": {"field": "low", "type": "quantitative", "title": title, "bin": {"binned": True}},
            "x2": {"field": "high"},
            "y": {"field": "count", "type": "quantitative", "title": count},
            "tooltip": [
                {"field": "low", "type": "quantitative", "format": ".3~g"},
                {"field": "high", "type": "quantitative", "format": ".3~g"},
                {"field": "count", "type": "quantitative"},
            ],
        },
    }
