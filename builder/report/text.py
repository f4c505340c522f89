"""Problems as text for the terminal: where, what, why, and numbered fixes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from schemas.errors import Problem

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

COLOURS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}


def console(*, stderr: bool = False) -> Console:
    """Return a console: as wide as the terminal, and wide enough for every table where there is none."""
    import sys

    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 160, highlight=False, soft_wrap=not stream.isatty())


def problems_text(problems: Sequence[Problem]) -> Text:
    """Return the problems as text, grouped by layer in the order of the document, errors before warnings in each."""
    from rich.text import Text

    text = Text()
    for layer, group in _groups(problems):
        text.append(f"{layer}\n", style="bold")
        for problem in group:
            text.append(f"  {problem.severity} ", style=COLOURS.get(problem.severity, "bold"))
            text.append(problem.code, style="bold")
            text.append(f"  {problem.pointer or '/'}\n", style="dim")
            text.append(f"    {problem.what}\n")
            if problem.why:
                text.append(f"    why: {problem.why}\n", style="dim")
            for number, fix in enumerate(problem.fixes, 1):
                text.append(f"    fix {number}: ", style="green")
                text.append(f"{fix.title}\n")
    return text


def _groups(problems: Sequence[Problem]) -> list[tuple[str, list[Problem]]]:
    """Return (heading, problems) pairs: one for each layer, one for each section outside the layers."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        section = problem.pointer.split("/")[1] if problem.pointer.startswith("/") else "document"
        heading = f"layer {problem.layer}" if problem.layer else section or "document"
        groups.setdefault(heading, []).append(problem)
    for group in groups.values():
        group.sort(key=lambda problem: problem.severity != "error")
    return list(groups.items())


def verdict(problems: Iterable[Problem]) -> str:
    """Count errors and warnings.

    >>> verdict([])
    'no problems'
    """
    counts = {"error": 0, "warning": 0}
    for problem in problems:
        counts[problem.severity] += 1
    parts = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items() if n]
    return ", ".join(parts) or "no problems"


def bytes_text(count: float) -> str:
    """Write a number of bytes as people do.

    >>> bytes_text(900), bytes_text(1536), bytes_text(3 * 2**30)
    ('900 B', '1.5 KiB', '3.0 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"
