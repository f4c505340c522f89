"""Curves of a training that runs, cheap enough to be drawn twice a second beside it.

The chart's description stays the same while only the table under it grows: the browser then adds points to the chart
that is there instead of making a new one, and nothing is checked again here. Altair takes 20 to 40 ms of processor
time for each chart; this takes about one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from builder.ui.pages.charts import FAINT, TRAIN, VALIDATION, frame

Row = Mapping[str, Any]

HEIGHT = 260
"""Pixels of a chart."""
MOST = 150
"""Epochs of a curve that are drawn; of more, evenly chosen ones and the last. A chart has no more pixels to show."""
STEPS = 80
"""Values inside the epochs that are drawn."""
DOTTED = 60
"""Epochs up to which every one has a dot."""


def table(rows: Sequence[Row], key: str, trail: Sequence[Sequence[float]] = ()) -> Any:
    """Return a value of every epoch as lines of (epoch, value, part): "train", "validation", or "step" for the trail.

    `trail` are (epoch as a real number, value) inside the epochs. None where there is no value.
    """
    found = [
        (row["epoch"], row[part][key], part)
        for row in thin(rows, MOST)
        for part in ("train", "validation")
        if isinstance(row.get(part), Mapping) and isinstance(row[part].get(key), int | float)
    ]
    found += [(epoch, value, "step") for epoch, value in thin(trail, STEPS) if isinstance(value, int | float)]
    if not found:
        return None
    columns = zip(*found, strict=True)
    return frame(dict(zip(("epoch", "value", "part"), map(list, columns), strict=True)))


def thin(values: Sequence[Any], most: int) -> Sequence[Any]:
    """Return at most `most` of the values, evenly chosen, the last one among them.

    The step is a power of two, so that most of what was chosen stays chosen while the values grow.

    >>> thin([1, 2, 3, 4, 5, 6], 3), thin([1, 2], 3)
    ([1, 5, 6], [1, 2])
    """
    step = 1
    while len(values) > most and -(-(len(values) - 1) // step) + 1 > most:
        step *= 2
    return values if step == 1 else [*values[:-1:step], values[-1]]


def chart(
    epoch: str,
    title: str,
    *,
    best: int | None = None,
    planned: int | None = None,
    dots: bool = True,
    logarithmic: bool = False,
) -> dict[str, Any]:
    """Return the Vega-Lite description of a chart over `table`; `epoch` is that word. `legend` says the colours.

    `planned` is the last epoch of the axis; without it the axis grows with the points.
    """
    x: dict[str, Any] = {
        "field": "epoch", "type": "quantitative", "title": epoch, "axis": {"tickMinStep": 1, "grid": False},
        "scale": {"zero": False, "nice": False} | ({"domainMax": planned} if planned else {}),
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative", "title": None,
        "scale": {"zero": False, "type": "log" if logarithmic else "linear"},
    }  # fmt: skip
    colour = {
        "field": "part", "type": "nominal", "legend": None,
        "scale": {"domain": ["train", "validation"], "range": [TRAIN, VALIDATION]},
    }  # fmt: skip
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "datum.part === 'step'"}],
            "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.35, "color": TRAIN},
            "encoding": {"x": x, "y": y},
        },
        {
            "transform": [{"filter": "datum.part !== 'step'"}],
            "mark": {"type": "line", "strokeWidth": 2, "point": dots},
            "encoding": {
                "x": x, "y": y, "color": colour,
                "tooltip": [
                    {"field": "epoch", "type": "quantitative", "title": epoch},
                    {"field": "value", "type": "quantitative", "title": title, "format": ".4~g"},
                ],
            },
        },
    ]  # fmt: skip
    if best is not None:
        layers.append(
            {"mark": {"type": "rule", "strokeDash": [3, 3], "color": FAINT}, "encoding": {"x": {"datum": best}}}
        )
    return {
        "title": {"text": title, "anchor": "start", "fontSize": 13, "offset": 4},
        "height": HEIGHT,
        "layer": layers,
    }


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


def legend(train: str, validation: str) -> str:
    """Return which colour is which part, as Markdown: one line for all charts of a training."""
    return f":orange[:material/show_chart:] {train} &ensp; :blue[:material/show_chart:] {validation}"
