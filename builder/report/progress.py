"""Show a training while it runs: a bar on a terminal, one line per epoch everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from schemas.training import MONITORS

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

SHOWN: tuple[str, ...] = tuple(dict.fromkeys(name for names in MONITORS.values() for name in names))
"""Metrics of an epoch in the order in which they are shown."""


class Screen:
    """A listener for training events (builder/training/events.py). Use it in a `with` statement."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._metric = ""
        self._compiled = 0

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show one event; an event of an unknown kind is left out."""
        show = getattr(self, "_" + event["event"], None)
        if show is not None:
            show(event)

    def _line(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(text, style=style))

    def _warning(self, event: Mapping[str, Any]) -> None:
        from .text import COLOURS

        finding = event["finding"]
        place = f" ({finding['where']})" if finding.get("where") else ""
        self._line(f"{finding['severity']}: {finding['what']}{place}", COLOURS.get(finding["severity"], ""))
        for key in ("why", "fix"):
            if finding.get(key):
                self._line(f"  {key}: {finding[key]}", "dim")

    def compiled(self, kernel: str, seconds: float) -> None:
        """Show a kernel that had to be compiled; the next process finds it in the cache."""
        if not self._compiled:
            self._line("compiling kernels for this processor, once on this machine", "dim")
        self._compiled += 1
        self._line(f"  {self._compiled:>2} {kernel} {seconds:.1f} s", "dim")

    def _initialise(self, event: Mapping[str, Any]) -> None:
        rows = event["layers"]
        copied = [row for row in rows if row["copied"]]
        self._line(f"start from {event['source']}: {len(copied)} of {len(rows)} layers copied")
        for row in rows:
            other = f" from {row['from']}" if row["from"] != row["layer"] else ""
            self._line(f"  {row['layer']}: " + (f"copied{other}" if row["copied"] else f"new, {row['why']}"), "dim")

    def _start(self, event: Mapping[str, Any]) -> None:
        resumed = f", resumed after step {event['step']}" if event["resumed"] else ""
        self._line(f"run folder {event['run']}")
        work = f"{event['samples']:,} samples, {event['batches']:,} steps per epoch, {event['threads']} threads"
        self._line(work + resumed, "dim")
        if not self._console.is_terminal:
            return
        from rich.progress import BarColumn, Progress, TextColumn

        columns = ("[bold]{task.description}", "{task.completed}/{task.total}", "{task.fields[values]}")
        self._bar = Progress(
            TextColumn(columns[0]), BarColumn(), *map(TextColumn, columns[1:]), console=self._console, transient=True
        )
        total = event["epochs"] * event["batches"]
        self._task = self._bar.add_task("training", total=total, completed=event["step"], values="")
        self._bar.start()

    def _step(self, event: Mapping[str, Any]) -> None:
        if self._bar is None or self._task is None:
            return
        left = event["seconds_left"]
        values = f"loss {event['loss']:.4f}{self._metric}" + ("" if left is None else f"  {clock(left)} left")
        description = f"epoch {event['epoch']}/{event['epochs']}"
        self._bar.update(self._task, completed=event["step"], description=description, values=values)

    def _epoch(self, event: Mapping[str, Any]) -> None:
        row = event["metrics"]
        width = len(str(event["epochs"]))
        parts = [f"epoch {event['epoch']:>{width}}/{event['epochs']}"]
        for part in ("train", "validation"):
            if part in row:
                parts.append(f"{part} {numbers(row[part])}")
        watched = row.get("validation", row["train"])
        self._metric = "".join(f"  {name} {watched[name]:.4f}" for name in ("accuracy", "mae") if name in watched)
        self._line("  ".join(parts) + f"  {event['seconds']:.1f} s" + ("  best" if event["best"] else ""))

    def _advice(self, event: Mapping[str, Any]) -> None:
        advice = event["advice"]
        self._line(f"advice: {advice['what']}", "cyan")
        self._line(f"  why: {advice['why']}", "dim")
        self._line(f"  fix: {advice['fix']}", "dim")

    def _end(self, event: Mapping[str, Any]) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def numbers(values: Mapping[str, Any]) -> str:
    """Return the plain numbers among metrics as text, in a fixed order.

    >>> numbers({"accuracy": 0.98765, "loss": 0.1, "confusion": [[1]]})
    'loss 0.1000 accuracy 0.9877'
    """
    names = [name for name in SHOWN if name in values]
    names += [name for name in values if name not in SHOWN and isinstance(values[name], float)]
    return " ".join(f"{name} {values[name]:.4f}" for name in names if values[name] is not None)


def clock(seconds: float) -> str:
    """Write a duration in hours, minutes and seconds.

    >>> clock(5), clock(754), clock(7500)
    ('0:05', '12:34', '2:05:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
