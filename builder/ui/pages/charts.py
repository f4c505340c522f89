"""Charts of the pages, as Altair makes them. Functions of numbers and labels; they draw nothing themselves.

Altair and pandas are loaded with this module: loaded inside functions, by two of the server's threads at once, each
waits for a half of what the other one holds, and Python hands out unfinished modules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas  # type: ignore[import-untyped]  # it ships no types

TRAIN, VALIDATION, FAINT = "#e8833a", "#3a86c8", "#9aa0a6"
"""Colours that can be told apart on white and on black, and by people who see no red or no green."""

SERIES = ("#3a86c8", "#e8833a", "#3f9f6b", "#b565c4", "#c9a227", "#d1495b", "#5d7fa3", "#7a6f5f")
"""Colours of runs laid over each other, in this order."""

Row = Mapping[str, Any]


def frame(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a data frame, which Altair and Streamlit take."""
    return pandas.DataFrame(dict(columns))


def curves(
    rows: Sequence[Row],
    key: str,
    labels: Mapping[str, str],
    title: str,
    *,
    trail: Sequence[Sequence[float]] = (),
    best: int | None = None,
    planned: int | None = None,
    logarithmic: bool = False,
    height: int = 270,
) -> Any:
    """Return a value of every epoch, for training and validation; `labels` has "train", "validation", "epoch", "steps".

    `trail` are (epoch as a real number, value) inside the epochs, drawn faintly; `best` marks an epoch. None without
    any value: an empty chart only complains.
    """
    points = [
        (row["epoch"], labels[part], row[part][key])
        for row in rows
        for part in ("train", "validation")
        if isinstance(row.get(part), Mapping) and isinstance(row[part].get(key), int | float)
    ]
    inside = [(epoch, value) for epoch, value in trail if isinstance(value, int | float)]
    last = max([1, *(p[0] for p in points), *(p[0] for p in inside)])
    end = planned if planned and last >= planned / 4 else None
    start = 0 if inside and last < 3 else 1
    x = alt.X(
        "epoch:Q",
        title=labels["epoch"],
        scale=alt.Scale(domain=[start, max(end or last, start + 1)], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False, type="log" if logarithmic else "linear"))
    names = [labels["train"], labels["validation"]]
    colour = alt.Color(
        "part:N",
        title=None,
        scale=alt.Scale(domain=names, range=[TRAIN, VALIDATION]),
        legend=alt.Legend(orient="top", direction="horizontal"),
    )
    data = frame(
        dict(zip(("epoch", "part", "value"), zip(*points, strict=True), strict=True))
        if points
        else {"epoch": [], "part": [], "value": []}
    )
    layers: list[Any] = []
    if inside:
        thin = frame({"epoch": [p[0] for p in inside], "value": [p[1] for p in inside]})
        layers.append(alt.Chart(thin).mark_line(strokeWidth=1, opacity=0.35, color=TRAIN).encode(x=x, y=y))
    base = alt.Chart(data).encode(
        x=x, y=y, color=colour, tooltip=["epoch:Q", "part:N", alt.Tooltip("value:Q", format=".4f")]
    )
    if points:
        layers.append(base.mark_line(strokeWidth=2, point=len(points) < 60))
    if best is not None:
        mark = alt.Chart(frame({"epoch": [best]})).mark_rule(strokeDash=[3, 3], color=FAINT).encode(x=x)
        layers.append(mark)
    if not points and not inside:
        return None
    return alt.layer(*layers).properties(height=height, title=alt.Title(title, anchor="start", fontSize=13))


def overlaid(series: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str, height: int = 320) -> Any:
    """Return one line per name over the same axes."""
    flat = [(name, a, b) for name, points in series.items() for a, b in points]
    data = frame({"run": [p[0] for p in flat], "x": [p[1] for p in flat], "y": [p[2] for p in flat]})
    return (
        alt.Chart(data)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("x:Q", title=x, axis=alt.Axis(tickMinStep=1, grid=False)),
            y=alt.Y("y:Q", title=y, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "run:N",
                title=None,
                scale=alt.Scale(domain=list(series), range=list(SERIES)),
                legend=alt.Legend(orient="bottom", columns=3),
            ),
            tooltip=["run:N", alt.Tooltip("x:Q", title=x), alt.Tooltip("y:Q", title=y, format=".4f")],
        )
        .properties(height=height)
    )


def scatter(
    points: Sequence[tuple[str, float, float]],
    front: Sequence[int],
    x: str,
    y: str,
    on: str,
    off: str,
    height: int = 320,
) -> Any:
    """Return (name, x, y) as points over a logarithmic x, the Pareto front joined by a line and in its own colour."""
    data = frame(
        {
            "run": [p[0] for p in points],
            "x": [p[1] for p in points],
            "y": [p[2] for p in points],
            "front": [on if k in set(front) else off for k in range(len(points))],
        }
    )
    low, high = min(p[1] for p in points), max(p[1] for p in points)
    across = alt.X(
        "x:Q",
        title=x,
        scale=alt.Scale(type="log", domain=[low / 1.3, high * 1.3]),
        axis=alt.Axis(format="~s", grid=False, tickCount=5),
    )
    up = alt.Y("y:Q", title=y, scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(format=".4~g"))
    dots = alt.Chart(data).mark_circle(size=110, opacity=0.9).encode(
        x=across,
        y=up,
        color=alt.Color(
            "front:N", title=None, scale=alt.Scale(domain=[on, off], range=[TRAIN, FAINT]),
            legend=alt.Legend(orient="bottom", labelLimit=260, columns=1),
        ),
        order=alt.Order("front:N", sort="descending" if on < off else "ascending"),
        tooltip=["run:N", alt.Tooltip("x:Q", title=x, format=",.4~g"), alt.Tooltip("y:Q", title=y, format=".4f")],
    )  # fmt: skip
    line = (
        alt.Chart(data.iloc[list(front)])
        .mark_line(color=TRAIN, strokeWidth=1.5, strokeDash=[4, 3], interpolate="step-after")
        .encode(x=across, y=up)
    )
    return alt.layer(line, dots).properties(height=height)


def bars(values: Mapping[str, Mapping[str, float]], x: str, y: str, height: int = 240) -> Any:
    """Return {part: {name: count}} as bars, the parts stacked; the names keep their order."""
    flat = [(part, name, count) for part, counts in values.items() for name, count in counts.items()]
    data = frame({"part": [f[0] for f in flat], "name": [f[1] for f in flat], "count": [f[2] for f in flat]})
    names = list(dict.fromkeys(f[1] for f in flat))
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X(
                "name:N", title=x, sort=names, axis=alt.Axis(labelLimit=90, labelAngle=0 if len(names) <= 12 else -60)
            ),
            y=alt.Y("sum(count):Q", title=y),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=list(values), range=list(SERIES)),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("order:Q"),
            tooltip=["name:N", "part:N", "count:Q"],
        )
        .transform_calculate(order=f"indexof({list(values)!r}, datum.part)")
        .properties(height=height)
    )


def histogram(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x: str,
    y: str,
    height: int = 220,
    percent: bool = False,
) -> Any:
    """Return {name: (edges, counts)} as filled steps over each other; `percent` where the counts are shares."""
    flat = [
        (name, a, b, c)
        for name, (edges, counts) in groups.items()
        for a, b, c in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    data = frame(
        {
            "name": [f[0] for f in flat],
            "from": [f[1] for f in flat],
            "to": [f[2] for f in flat],
            "count": [f[3] for f in flat],
        }
    )
    return (
        alt.Chart(data)
        .mark_bar(opacity=0.6, binSpacing=0)
        .encode(
            x=alt.X("from:Q", title=x, bin="binned"),
            x2="to:Q",
            y=alt.Y("count:Q", title=y, stack=None, axis=alt.Axis(format="%") if percent else alt.Undefined),
            color=alt.Color(
                "name:N",
                title=None,
                scale=alt.Scale(domain=list(groups), range=list(SERIES)),
                legend=alt.Legend(orient="top") if len(groups) > 1 else None,
            ),
            tooltip=["name:N", alt.Tooltip("from:Q", format=".4g"), alt.Tooltip("to:Q", format=".4g"),
                     alt.Tooltip("count:Q", title=y, format=".1%" if percent else ",")],
        )
        .properties(height=height)
    )  # fmt: skip


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str], labels: Mapping[str, str]) -> Any:
    """Return a confusion matrix whose cells can be clicked: selection "cell" holds "i" (truth) and "j" (answer).

    Colours are shares of the row, so that rare classes show their mistakes too. `labels`: "truth", "said", "count".
    """
    cells = [
        (i, j, names[i], names[j], count, count / max(1, sum(row)))
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
    ]
    keys = ("i", "j", "truth", "said", "count", "share")
    data = frame({key: [cell[k] for cell in cells] for k, key in enumerate(keys)})
    pick = alt.selection_point(name="cell", fields=["i", "j"], empty=False)
    across = alt.X("j:O", title=labels["said"], axis=_named(names, 0))
    down = alt.Y("i:O", title=labels["truth"], axis=_named(names, 0))
    base = alt.Chart(data).encode(x=across, y=down)
    squares = (
        base.mark_rect()
        .encode(
            color=alt.Color("share:Q", legend=None, scale=alt.Scale(scheme="blues", domain=[0, 1])),
            stroke=alt.condition(pick, alt.value(TRAIN), alt.value("transparent")),
            strokeWidth=alt.value(3),
            tooltip=[
                alt.Tooltip("truth:N", title=labels["truth"]),
                alt.Tooltip("said:N", title=labels["said"]),
                alt.Tooltip("count:Q", title=labels["count"]),
                alt.Tooltip("share:Q", format=".1%", title="%"),
            ],
        )
        .add_params(pick)
    )
    if len(names) > 20:
        return squares.properties(height=460)
    numbers = base.mark_text(fontSize=11).encode(
        text="count:Q", color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("#33475b"))
    )
    return alt.layer(squares, numbers).properties(height=max(240, 34 * len(names) + 60))


def _named(names: Sequence[str], angle: int) -> Any:
    """Return an axis that shows class names for their numbers."""
    listed = json.dumps([str(name)[:14] for name in names])
    return alt.Axis(labelExpr=f"{listed}[datum.value]", labelAngle=angle if len(names) <= 12 else -60)


def points(x: Sequence[float], y: Sequence[float], across: str, up: str, height: int = 340) -> Any:
    """Return predicted against true values, with the line on which they are equal."""
    low, high = min(*x, *y), max(*x, *y)
    line = alt.Chart(frame({"x": [low, high], "y": [low, high]})).mark_line(color=FAINT, strokeDash=[4, 4])
    dots = alt.Chart(frame({"x": list(x), "y": list(y)})).mark_circle(size=36, opacity=0.55, color=VALIDATION)
    scale = alt.Scale(domain=[low, high], nice=True)
    encoded = {"x": alt.X("x:Q", title=across, scale=scale), "y": alt.Y("y:Q", title=up, scale=scale)}
    tip = [alt.Tooltip("x:Q", title=across, format=".4g"), alt.Tooltip("y:Q", title=up, format=".4g")]
    return alt.layer(line.encode(**encoded), dots.encode(**encoded, tooltip=tip)).properties(height=height)


def likelihoods(values: Mapping[str, float], title: str, height: int | None = None) -> Any:
    """Return {class: probability} as horizontal bars from 0 to 1, in the given order, the largest in its own colour."""
    top = max(values, key=lambda name: values[name]) if values else ""
    data = frame({"name": list(values), "value": list(values.values()), "top": [name == top for name in values]})
    return (
        alt.Chart(data)
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=list(values), title=None, axis=alt.Axis(labelLimit=140)),
            x=alt.X("value:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5)),
            color=alt.condition("datum.top", alt.value(TRAIN), alt.value(VALIDATION)),
            tooltip=["name:N", alt.Tooltip("value:Q", format=".2%")],
        )
        .properties(height=height or max(120, 24 * len(values) + 40))
    )


def pareto(points: Sequence[tuple[float, float]], larger_is_better: bool = True) -> list[int]:
    """Return the positions of the points (cost, value) that no other one beats, from the cheapest on.

    >>> pareto([(10, 0.9), (5, 0.8), (20, 0.9), (7, 0.7)])
    [1, 0]
    """
    sign = 1 if larger_is_better else -1
    order = sorted(range(len(points)), key=lambda k: (points[k][0], -sign * points[k][1]))
    front: list[int] = []
    for k in order:
        if not front or sign * points[k][1] > sign * points[front[-1]][1]:
            front.append(k)
    return front
