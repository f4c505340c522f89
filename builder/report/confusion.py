"""The confusion matrix in the terminal: rows are true classes, columns predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

LARGEST = 20
"""Classes up to which the whole matrix is shown; beyond, the most frequent mistakes are listed."""


def confusion_table(matrix: Sequence[Sequence[int]], class_names: Sequence[str]) -> Table:
    """Return the matrix as a table, with the recall of each class; the diagonal stands out, zeros are dim."""
    from rich.table import Table

    table = Table(title="confusion matrix (rows: true, columns: predicted)", title_justify="left", box=None)
    table.add_column("", justify="right", style="bold")
    for name in class_names:
        table.add_column(_short(name), justify="right")
    table.add_column("recall", justify="right", style="dim")
    for k, row in enumerate(matrix):
        total = sum(row)
        cells = [_cell(count, j == k) for j, count in enumerate(row)]
        table.add_row(_short(class_names[k], 20), *cells, f"{row[k] / total:.1%}" if total else "–")
    return table


def mistakes_table(matrix: Sequence[Sequence[int]], class_names: Sequence[str], most: int = 10) -> Table:
    """Return the most frequent mistakes as a table: true class, predicted class, how many samples."""
    from rich.table import Table

    table = Table(title="most frequent mistakes", title_justify="left", box=None)
    for name in ("true", "predicted"):
        table.add_column(name)
    table.add_column("samples", justify="right")
    wrong = [(n, i, j) for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j and n]
    for count, i, j in sorted(wrong, key=lambda item: (-item[0], item[1], item[2]))[:most]:
        table.add_row(_short(class_names[i], 40), _short(class_names[j], 40), f"{count:,}")
    return table


def confusion_view(metrics: dict[str, Any]) -> Table | None:
    """Return what to show of the metrics' confusion matrix, None when there is none."""
    matrix = metrics.get("confusion")
    if not matrix:
        return None
    names = [row["class"] for row in metrics["per_class"]]
    return confusion_table(matrix, names) if len(matrix) <= LARGEST else mistakes_table(matrix, names)


def _short(name: str, most: int = 10) -> Text:
    """Return the start of a class name, as text in which brackets are no markup."""
    from rich.text import Text

    return Text(name if len(name) <= most else name[: most - 1] + "…")


def _cell(count: int, diagonal: bool) -> str:
    if diagonal:
        return f"[bold green]{count}[/]" if count else "[bold]0[/]"
    return f"[red]{count}[/]" if count else "[dim]·[/]"
