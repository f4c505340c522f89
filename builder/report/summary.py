"""The summary of a network: a row per layer, totals, and the memory that training will take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.loss import Loss
from schemas.shapes import shape_text

from .text import bytes_text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from builder.checks.report import Report

    from .pace import Pace

UNKNOWN = "unknown"


def summary_json(report: Report) -> dict[str, Any]:
    """Return what `summary --json` prints: the report without its problems, and the predicted time of training."""
    from .pace import pace

    told = pace(report)
    found = {key: value for key, value in report.to_json().items() if key != "problems"}
    return found | {"predicted": None if told is None else told.to_json()}


def summary_table(report: Report) -> Table:
    """Return a table with a row per layer: output shape, weights, biases, multiply-adds, activation memory, inputs."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title_justify="left")
    for name in ("layer", "type", "inputs"):
        table.add_column(name, overflow="fold")
    table.add_column("output", justify="right", no_wrap=True)
    for name in ("weights", "biases", "multiply-adds", "activations"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.to_json()["layers"]:
        shape = row["output_shape"]
        table.add_row(
            Text(row["name"]),
            Text(row["type"]),
            Text(", ".join(row["inputs"])),
            UNKNOWN if shape is None else shape_text(shape) or "1",
            *(_count(row[key]) for key in ("weights", "biases", "multiply_adds")),
            UNKNOWN if row["activation_bytes"] is None else bytes_text(row["activation_bytes"]),
        )
    return table


def totals_text(report: Report, measure: bool = False) -> Text:
    """Return the totals below the table: parameters, work, memory, and how long an epoch will take.

    `measure` the machine where its figures are not known yet; without it the time is left out then.
    """
    from rich.text import Text

    from .pace import pace

    totals = report.to_json()["totals"]
    rows = [
        ("parameters", f"{_count(totals['parameters'])}  ({_parts(totals)})"),
        ("trainable", f"{_count(totals['trainable'])}, frozen {_count(totals['frozen'])}"),
        ("multiply-adds", f"{_count(totals['multiply_adds'])} per sample"),
        ("activations", f"{_bytes(totals['activation_bytes'])} per sample"),
        ("training memory", f"{_bytes(totals.get('peak_training_bytes'))} at most, predicted for the batch size"),
    ]
    losses = [info.layer for info in report.layers if isinstance(info.layer, Loss)]
    if len(losses) > 1:
        names = [info.name for info in report.layers if isinstance(info.layer, Loss)]
        each = [f"{layer.loss_weight:g} × {name}" for name, layer in zip(names, losses, strict=True)]
        rows.append(("objective", f"{' + '.join(reversed(each))}; the first is the main one"))
    told = pace(report, measure)
    if told is not None:
        rows.append(("training time", pace_text(told)))
    text = Text()
    for name, value in rows:
        text.append(f"{name:>16}  ", style="dim")
        text.append(f"{value}\n")
    return text


def pace_text(told: Pace) -> str:
    """Say how long a step and an epoch take."""
    threads = "1 thread" if told.threads == 1 else f"{told.threads} threads"
    step = f"{1e3 * told.step_seconds:,.1f} ms per step on {threads}, predicted"
    return step if told.epoch_seconds is None else f"{told.epoch_seconds:,.2f} s per epoch, {step}"


def summary_text(report: Report, width: int = 160) -> str:
    """Return table and totals as plain text, as `net.summary()` gives it."""
    import io

    from rich.console import Console

    page = Console(file=io.StringIO(), width=width, highlight=False)
    with page.capture() as captured:
        page.print(summary_table(report))
        page.print(totals_text(report), end="")
    return captured.get()


def _parts(totals: dict[str, Any]) -> str:
    """Say what the parameters are; scale and shift of normalisation are what is neither weight nor bias."""
    scales = totals["parameters"] - totals["weights"] - totals["biases"]
    text = f"{_count(totals['weights'])} weights, {_count(totals['biases'])} biases"
    text += f", {_count(scales)} scales and shifts" if scales else ""
    return text + (f"; {_count(totals['statistics'])} running statistics apart" if totals["statistics"] else "")


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _bytes(number: int | None) -> str:
    return UNKNOWN if number is None else bytes_text(number)
