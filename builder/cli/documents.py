"""Verbs about a document: init, transfer, check, render, summary, schema."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import builder
from builder.overrides import apply
from schemas.errors import UsageError

from .common import FILE, JSON, OVERRIDES, answer, existing, read_document, refuse_errors, show_problems, stop, verb

if TYPE_CHECKING:
    from builder.checks.report import Report


@verb
def init(
    data: Annotated[
        str, typer.Argument(help="A csv or npz file, a folder, or a builtin data set like iris.", show_default=False)
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; named after the data when left out.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict, in a table.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the document and write no file.")] = False,
) -> None:
    """Look at data and write a document with a fitting task, head, loss and stack."""
    from builder.init import default_name
    from schemas.document import dump

    file = None if as_json else output or Path(default_name(data) + ".json")
    if file is not None and file.exists() and not force:
        raise UsageError(f"{str(file)!r} exists already: give another name with --output, or add --force.")
    document = builder.init(data, target=target, base=file.parent if file is not None else Path())
    if file is None:
        print(dump(document), end="")
        return
    file.write_text(dump(document), encoding="utf-8")
    print(f"wrote {file}: {document['description']}")
    quoted = shlex.quote(str(file))
    print(f"next: tsumiki summary {quoted}, then tsumiki train {quoted}")


@verb
def transfer(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a saved network.", show_default=False)],
    data: Annotated[
        str | None, typer.Argument(help="A csv or npz file, a folder, or a builtin data set.", show_default=False)
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Outputs of the new head; those of the data when left out.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="classification, binary or regression; the data's or run's.")] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Let only the new head learn.")] = False,
    target: Annotated[str | None, typer.Option(help="Column to predict, in a table.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; named after run and data when left out.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the document and write no file.")] = False,
) -> None:
    """Write a document that goes on from a run with a new head, for another number of classes or other data."""
    from schemas.document import dump

    base = output.parent if output is not None else Path()
    document = builder.transfer(
        existing(run, "run"), data, classes=classes, task=task, freeze=freeze, target=target, base=base
    )
    if as_json:
        print(dump(document), end="")
        return
    file = output or Path(document["name"] + ".json")
    if file.exists() and not force:
        raise UsageError(f"{str(file)!r} exists already: give another name with --output, or add --force.")
    file.write_text(dump(document), encoding="utf-8")
    quoted = shlex.quote(str(file))
    after = f"tsumiki train {quoted}" if data is not None else f"add a data section, then tsumiki train {quoted}"
    print(f"wrote {file}: {document['description']}")
    print(f"next: tsumiki summary {quoted}, then {after}")


@verb
def check(
    file: FILE,
    overrides: OVERRIDES = None,
    as_json: JSON = False,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the first fix of each problem and show the diff.")] = False,
    write: Annotated[bool, typer.Option("--write", help="With --fix: write the fixed document.")] = False,
) -> None:
    """List everything that is wrong with a document, with fixes. Exit code 3 when there are errors."""
    if write and not fix:
        raise UsageError("--write writes what --fix has mended: use both together.")
    if write and overrides:
        raise UsageError("--write cannot be used together with overrides, which would be written too: edit the file.")
    from schemas.reader import scan_file

    scan = scan_file(file)
    if fix and scan.raw is not None:
        from builder.mend import mend

        raw = apply(scan.raw, overrides)
        mended, report = mend(raw, lambda document: _check(document, file))
        if mended != raw or scan.problems:  # a key that stood twice is written once
            _show_diff(file, raw, mended, write=write, quiet=as_json)
    elif overrides and scan.raw is not None:
        report = _check(apply(scan.raw, overrides), file)
        report = replace(report, problems=(*scan.problems, *report.problems))
    else:
        report = builder.check(file)
    if as_json:
        answer({**report.to_json(), **({"document": mended} if fix and scan.raw is not None else {})})
    elif report.problems:
        show_problems(report.problems)
    else:
        print(f"{file}: no problems")
    if not report.ok:
        stop(3)


def _check(document: dict[str, Any], file: Path) -> Report:
    return builder.check(document, base=file.parent)


def _show_diff(file: Path, before: dict[str, Any], after: dict[str, Any], *, write: bool, quiet: bool) -> None:
    """Show what changes in the file's text, and write it when asked to."""
    from builder.report.document import diff, write_like

    text = file.read_text(encoding="utf-8-sig")
    fixed = write_like(after, before, text)
    if not quiet:
        print(diff(text, fixed, str(file)))
    if write:
        from builder.training import durable

        durable.replace([(file, [fixed.encode()])])
    if not quiet:
        print(f"wrote {file}" if write else "nothing is written: add --write to do that")


@verb
def render(file: FILE, overrides: OVERRIDES = None, as_json: JSON = False) -> None:
    """Print the document as it is understood: with its head and loss, names and everything filled in."""
    from schemas.document import dump

    report = _check(read_document(file, overrides), file)
    refuse_errors(report.problems)
    print(dump(report.document), end="")


@verb
def summary(file: FILE, overrides: OVERRIDES = None, as_json: JSON = False) -> None:
    """Show each layer's output shape, parameters, work and memory, before any training."""
    from builder.report.summary import summary_json, summary_table, totals_text
    from builder.report.text import console

    report = _check(read_document(file, overrides), file)
    if as_json:
        answer(summary_json(report))
    else:
        screen = console()
        screen.print(summary_table(report))
        screen.print(totals_text(report, measure=True), end="")
        if report.problems:
            show_problems(report.problems)
    if not report.ok:
        stop(3)


@verb
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write it to.")] = None,
    as_json: JSON = False,
) -> None:
    """Print the JSON Schema of documents, with which editors complete and check them."""
    import schemas

    text = (Path(schemas.__path__[0]) / "document.schema.json").read_text(encoding="utf-8")
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        print(f'wrote {output}: name it in a document as "$schema", or in your editor\'s settings')
