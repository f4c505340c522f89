"""What `tsumiki datasets` shows: the parts of a document's data, their classes or values, and the findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DocumentError, Problem
from schemas.say import say
from schemas.shapes import shape_text

from .text import COLOURS

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MOST_CLASSES = 30
"""Classes that are listed one by one."""


def builtin_rows() -> list[dict[str, Any]]:
    """Return name, task, samples, input shape and classes of every builtin data set."""
    from builder.data.builtin import FACTS

    return [
        {
            "name": name,
            "task": facts.kind,
            "samples": facts.samples,
            "input": list(facts.shape or ()),
            "classes": list(facts.class_names or ()),
        }
        for name, facts in FACTS.items()
    ]


def builtin_table() -> Table:
    """Return the builtin data sets as a table."""
    from rich.table import Table

    table = Table(title="builtin data sets", title_justify="left")
    for name in ("name", "task", "samples", "input", "classes"):
        table.add_column(name, justify="right" if name == "samples" else "left")
    for row in builtin_rows():
        classes = row["classes"]
        listed = ", ".join(classes) if len(classes) < 4 else f"{len(classes)} classes"
        table.add_row(row["name"], row["task"], f"{row['samples']:,}", shape_text(tuple(row["input"])), listed)
    return table


def look(document: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Return the description of a document's data. Raises DocumentError when it has no data section."""
    from builder.data import summarise

    if not isinstance(document.get("data"), Mapping):
        what = say("The document has no data section.")
        why = say(
            'It says where the samples are, for example "data": {{"source": {{"type": "builtin", "name": "digits"}}}}.'
        )
        raise DocumentError(f"{what} {why}", [Problem("data.missing", what, why)])
    return summarise(document, base)


def datasets_view(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield what to print of a description."""
    from rich.text import Text

    if found["ok"]:
        yield Text(
            f"{found['source']['type']} data for {found['task']}: {found['samples']:,} samples of "
            f"{shape_text(tuple(found['input']))}\n"
        )
        yield _parts_table(found["parts"])
        yield _balance(found["parts"])
    yield _findings(found["findings"])
    if not found["findings"]:
        yield Text("nothing remarkable found\n")


def _parts_table(parts: Mapping[str, Any]) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("part")
    for name in ("samples", "smallest value", "largest value", "mean value"):
        table.add_column(name, justify="right")
    for name, part in parts.items():
        values = part["values"]
        numbers = [f"{values[key]:.4g}" if key in values else "–" for key in ("min", "max", "mean")]
        table.add_row(name, f"{part['samples']:,}", *numbers)
    return table


def _balance(parts: Mapping[str, Any]) -> RenderableType:
    """Return samples per class and part, or the targets' range for a regression."""
    from rich.table import Table
    from rich.text import Text

    first = next(iter(parts.values()))
    if "classes" not in first:
        lines = [
            f"{name}, target {k}: {t['min']:.4g} to {t['max']:.4g}, mean {t['mean']:.4g}, "
            f"standard deviation {t['std']:.4g}\n"
            for name, part in parts.items()
            for k, t in enumerate(part.get("targets", ()))
        ]
        return Text("".join(lines))
    table = Table()
    table.add_column("class", overflow="fold")
    for name in parts:
        table.add_column(name, justify="right")
    names = list(first["classes"])
    for name in names[:MOST_CLASSES]:
        table.add_row(Text(name), *(f"{part['classes'].get(name, 0):,}" for part in parts.values()))
    if len(names) > MOST_CLASSES:
        table.add_row(f"and {len(names) - MOST_CLASSES} more classes")
    return table


def _findings(findings: list[dict[str, Any]]) -> Text:
    from rich.text import Text

    text = Text()
    for finding in findings:
        text.append(f"{finding['severity']} ", style=COLOURS.get(finding["severity"], "bold"))
        text.append(finding["code"], style="bold")
        text.append(f"  {finding['where']}\n" if finding["where"] else "\n", style="dim")
        for label, style in (("what", ""), ("why", "dim"), ("fix", "green")):
            if finding[label]:
                text.append(f"  {'' if label == 'what' else label + ': '}{finding[label]}\n", style=style)
    return text
