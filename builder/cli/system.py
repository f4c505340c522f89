"""Verbs about what tsumiki works on: datasets and doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import DataError

from .common import JSON, OVERRIDES, answer, read_document, verb


@verb
def datasets(
    file: Annotated[
        Path | None,
        typer.Argument(help="A document; without one, the builtin data sets are listed.", show_default=False),
    ] = None,
    overrides: OVERRIDES = None,
    as_json: JSON = False,
) -> None:
    """Look at a document's data: parts, shapes, classes, and what is wrong with them."""
    from builder.report.datasets import builtin_rows, builtin_table, datasets_view, look
    from builder.report.text import console

    screen = console()
    if file is None:
        if as_json:
            answer({"builtin": builtin_rows()})
        else:
            screen.print(builtin_table())
        return
    found = look(read_document(file, overrides), file.parent)
    if as_json:
        answer(found)
    else:
        for view in datasets_view(found):
            screen.print(view, end="")
    if any(finding["severity"] == "error" for finding in found["findings"]):
        raise typer.Exit(DataError.exit_code)


@verb
def doctor(as_json: JSON = False) -> None:
    """Say what this machine offers: processor, threads, libraries, kernel cache, and test the kernels."""
    from builder.report.doctor import doctor_text, examine
    from builder.report.text import console

    if as_json:
        found = examine()
        answer(found)
    else:
        from builder.kernels.machine import listening
        from builder.report.progress import Screen

        screen = console()
        with listening(Screen(screen).compiled):
            found = examine()
        screen.print(doctor_text(found), end="")
    if not found["ok"]:
        raise typer.Exit(1)
