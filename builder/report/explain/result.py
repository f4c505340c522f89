"""What came out of a run: its numbers, its curves, its confusion matrix and its document, as a chapter of the page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from schemas.say import about, commas, say

from . import page
from .chapters import PART, Chapter
from .page import escape

if TYPE_CHECKING:
    from builder.training import Run

WIDTH, HEIGHT, MARGIN = 420, 170, 46
"""Pixels of a chart, and of the room for its numbers."""

LARGEST = 40
"""Classes up to which the confusion matrix is drawn."""

LABELS = {
    "loss": say("Loss"),
    "accuracy": say("Accuracy"),
    "mae": say("Mean absolute error"),
    "mean_iou": say("Mean IoU"),
}


def result_chapter(run: Run) -> Chapter:
    """Return numbers, curves, confusion matrix and document of a run that may still be under way."""
    made, report, rows = Chapter(), run.report, run.metrics
    metrics = {key: value for key, value in (report.get("metrics") or {}).items() if isinstance(value, int | float)}
    parts = []
    if metrics:
        cells = [[escape(key), page.number(float(value)) if isinstance(value, float) else f"{value:,}"]
                 for key, value in metrics.items()]  # fmt: skip
        parts.append(page.table([say("metric"), PART.get(str(report.get("part", "test")), "test")], cells, [1]))
    keys = [key for key in LABELS if any(_value(row, part, key) is not None for row in rows for part in PARTS)]
    charts = [curves_svg({PART[part]: points(rows, part, key) for part in PARTS}, LABELS[key]) for key in keys[:2]]
    if any("losses" in row for row in rows):
        charts.append(curves_svg(several(rows), say("Losses in training, before their weights")))
    if charts:
        parts.append(page.row(*charts))
    matrix = (report.get("metrics") or {}).get("confusion")
    names = [str(row.get("class")) for row in (report.get("metrics") or {}).get("per_class") or ()]
    if isinstance(matrix, list) and 1 < len(matrix) <= LARGEST and len(names) == len(matrix):
        parts += [
            page.heading(say("Confusion matrix: rows are true, columns predicted")),
            confusion_html(matrix, names),
        ]
    best = (report.get("best") or {}).get("epoch")
    known = {"count": len(rows), "best": best}
    text = say("{count} epochs, the best was epoch {best}.", **known) if best else say("{count} epochs.", **known)
    document = json.dumps(run.document, ensure_ascii=False, indent=1)
    parts.append(f"<details><summary>{escape(say('Document'))}</summary><pre>{escape(document)}</pre></details>")
    made.facts = {"epochs": len(rows), "metrics": metrics}
    made.html = page.section(say("Result"), text, *parts)
    return made


PARTS = ("train", "validation")


def points(rows: Sequence[Mapping[str, Any]], part: str, key: str) -> list[tuple[float, float]]:
    """Return (epoch, value) of every epoch that has the value.

    >>> points([{"epoch": 1, "train": {"loss": 2.0}}, {"epoch": 2, "train": {}}], "train", "loss")
    [(1, 2.0)]
    """
    return [(row["epoch"], value) for row in rows if (value := _value(row, part, key)) is not None]


def several(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Return the curves of a network with several losses: each by its layer's name, at most three, and the objective.

    >>> several([{"epoch": 1, "total_loss": 1.3, "losses": {"main": 1.0, "aux": 1.0}}])
    {'main': [(1, 1.0)], 'aux': [(1, 1.0)], 'objective': [(1, 1.3)]}
    """
    names = list(dict.fromkeys(name for row in rows for name in row.get("losses") or ()))[:3]
    found = {name: points(rows, "losses", name) for name in names}
    return {**found, "objective": [(row["epoch"], row["total_loss"]) for row in rows if "total_loss" in row]}


def _value(row: Mapping[str, Any], part: str, key: str) -> float | None:
    found = (row.get(part) or {}).get(key)
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def curves_svg(series: Mapping[str, Sequence[tuple[float, float]]], title: str) -> str:
    """Return lines over epochs as SVG, with the least and the largest value at the axis."""
    every = [point for points in series.values() for point in points]
    if not every:
        return ""
    low, high = min(y for _, y in every), max(y for _, y in every)
    first, last = min(x for x, _ in every), max(x for x, _ in every)
    wide, tall = (last - first) or 1.0, (high - low) or 1.0

    def place(point: tuple[float, float]) -> str:
        x = MARGIN + (WIDTH - MARGIN - 8) * (point[0] - first) / wide
        y = 8 + (HEIGHT - 34) * (1 - (point[1] - low) / tall)
        return f"{x:.1f},{y:.1f}"

    lines = ""
    for number, (name, points) in enumerate(series.items()):
        if len(points) == 1:
            x, y = place(points[0]).split(",")
            lines += f'<circle class="c{number}" cx="{x}" cy="{y}" r="3"/>'
        elif points:
            lines += f'<polyline class="c{number}" points="{" ".join(map(place, points))}">'
            lines += f"<title>{escape(name)}</title></polyline>"
    legend = " ".join(
        f'<tspan class="c{number}">● {escape(name)}</tspan>' for number, name in enumerate(series) if series[name]
    )
    ends = [say("{name} ends at {value:.4g}", name=name, value=p[-1][1]) for name, p in series.items() if p]
    said = escape(about(title, commas(ends)))
    return (
        f'<figure><figcaption><b>{escape(title)}</b></figcaption><svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{said}">{lines}'
        f'<text x="0" y="14">{high:.4g}</text><text x="0" y="{HEIGHT - 26}">{low:.4g}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - 4}">{first:g}</text>'
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 4}" text-anchor="end">{last:g}</text>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 4}" text-anchor="middle">{legend}</text></svg></figure>'
    )


def confusion_html(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return a confusion matrix as a table whose cells are the bluer, the larger their share of the row is."""
    top = "".join(f"<th>{escape(name[:14])}</th>" for name in names)
    lines = ""
    for name, row in zip(names, matrix, strict=True):
        total = max(1, sum(row))
        cells = "".join(
            f'<td style="background:rgba(58,134,200,{count / total:.2f})">{count or ""}</td>' for count in row
        )
        lines += f"<tr><th>{escape(name[:14])}</th>{cells}</tr>"
    return f'<div class="scroll"><table class="matrix"><tr><th></th>{top}</tr>{lines}</table></div>'
