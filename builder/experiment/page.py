"""Table and chart of an experiment: for the terminal, and as one HTML file that loads nothing."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from builder.report.explain import page
from builder.training.durable import replace

from .outcome import Outcome, Row, epochs, mean, spelled

if TYPE_CHECKING:
    from rich.table import Table

MOST_CURVES = 8
"""Curves in one chart; with more, nobody can tell them apart, so the chart is drawn per point of the grid."""


def heads(outcome: Outcome) -> list[str]:
    grid = [path.rpartition(".")[2] for path in outcome.grid]
    last = [f"epochs to {outcome.metric} {outcome.reach:g}"] if outcome.reach is not None else []
    return ["variant", *grid, "runs", f"test {outcome.metric}", "after the first epoch", *last]


def cells(outcome: Outcome, row: Row) -> list[str]:
    last = [epochs(row.reached)] if outcome.reach is not None else []
    grid = [str(value) for value in row.point.values()]
    return [row.variant, *grid, str(len(row.test)), spelled(row.test), f"{mean(row.first):.3f}", *last]


def table(outcome: Outcome) -> Table:
    """Return the table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    made = Table(title=outcome.name, title_justify="left")
    for place, head in enumerate(heads(outcome)):
        made.add_column(head, justify="left" if place == 0 else "right")
    for row in outcome.rows:
        made.add_row(*map(Text, cells(outcome, row)))
    return made


def html(outcome: Outcome) -> str:
    """Return the page."""
    titles = heads(outcome)
    rows = [[escape(cell) for cell in cells(outcome, row)] for row in outcome.rows]
    shown = page.table(titles, rows, range(1, len(titles)))
    text = f"Mean and standard deviation over {max(len(row.test) for row in outcome.rows)} seeds."
    sections = [page.section("Results", text, shown)]
    if any(len(row.curve) > 1 for row in outcome.rows):
        what = f"{outcome.metric} on the validation part after each epoch, mean over the seeds."
        sections.append(page.section("Curves", what, *_charts(outcome)))
    return page.page(outcome.name, outcome.description, sections)


def _charts(outcome: Outcome) -> list[str]:
    from builder.report.explain.result import curves_svg

    points = list(dict.fromkeys(repr(row.point) for row in outcome.rows))
    groups = [[row for row in outcome.rows if repr(row.point) == point] for point in points]
    if len(outcome.rows) <= MOST_CURVES and len(points) == 1:
        groups = [list(outcome.rows)]
    charts = []
    for group in groups:
        series = {row.variant: [(float(k), value) for k, value in enumerate(row.curve, 1)] for row in group}
        title = ", ".join(group[0].name.split(", ")[1:]) or outcome.metric
        charts.append(curves_svg(series, title))
    return [page.row(*charts)]


def write(outcome: Outcome, file: Path) -> None:
    """Write the page."""
    replace([(file, [html(outcome).encode()])])
