"""Compare runs: the settings in which they differ, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .progress import SHOWN

if TYPE_CHECKING:
    from rich.table import Table

MISSING = "–"


def differences(documents: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return {path: value in each document} for every setting that is not the same in all of them.

    Layers are paired by their position. A setting that a document lacks is None.

    >>> differences([{"training": {"epochs": 5, "seed": 0}}, {"training": {"epochs": 9, "seed": 0}}])
    {'training.epochs': [5, 9]}
    """
    flat = [_flatten(document) for document in documents]
    paths = dict.fromkeys(path for values in flat for path in values)
    rows = {path: [values.get(path) for values in flat] for path in paths}
    return {path: values for path, values in rows.items() if any(value != values[0] for value in values)}


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        items = list(enumerate(value))
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for key, item in items:
        found.update(_flatten(item, f"{path}.{key}" if path else str(key)))
    return found


def results(metrics: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """Return {metric: value in each run} for every plain number that any of them has."""
    names = [name for name in SHOWN if any(name in values for values in metrics)]
    others = [name for values in metrics for name, value in values.items() if isinstance(value, float)]
    return {name: [values.get(name) for values in metrics] for name in dict.fromkeys(names + others)}


def compare_table(title: str, runs: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> Table:
    """Return a table with a column per run and a row per setting or metric."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    table.add_column("")
    for run in runs:
        table.add_column(Text(run), justify="right", overflow="fold")
    for name, values in rows.items():
        table.add_row(Text(name), *(Text(_text(value)) for value in values))
    return table


def _text(value: Any) -> str:
    if value is None:
        return MISSING
    return f"{value:.4f}" if isinstance(value, float) and abs(value) >= 1e-3 else str(value)
