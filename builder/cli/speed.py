"""The verb about speed: profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError

from .common import JSON, OVERRIDES, answer, existing, read_document, verb

if TYPE_CHECKING:
    from builder.network import Network


@verb
def profile(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|RUN", help="A document, or a run folder.", show_default=False)
    ],
    overrides: OVERRIDES = None,
    batch: Annotated[int | None, typer.Option(min=1, max=65_536, help="Samples of a step; the document's.")] = None,
    infer: Annotated[bool, typer.Option("--infer", help="A prediction instead of a training step.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of the kernels.")] = None,
    seconds: Annotated[float, typer.Option(min=0.0, max=600.0, help="How long to measure.")] = 2.0,
    as_json: JSON = False,
) -> None:
    """Measure a training step on random data: time per layer and operation, beside what the machine can do."""
    from builder.kernels.machine import listening
    from builder.report.profile import profile as measure, profile_lines, profile_table
    from builder.report.progress import Screen
    from builder.report.text import console

    net = _network(source, overrides, threads)
    screen = console(stderr=as_json)
    with listening(Screen(screen).compiled):
        found = measure(net, batch, training=not infer, seconds=seconds)
    if as_json:
        answer(found)
        return
    screen.print(profile_table(found))
    for line in profile_lines(found):
        screen.print(line, markup=False, highlight=False)


def _network(source: Path, overrides: list[str] | None, threads: int | None) -> Network:
    import builder
    from builder.network import build

    if existing(source, "document or run folder").is_dir():
        if overrides:
            raise UsageError("A run's network is fixed: overrides go with a document.")
        return builder.load(source, threads=threads)
    return build(read_document(source, overrides), threads=threads, base=source.parent)
