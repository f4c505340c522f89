"""Verbs about runs: train, resume, evaluate, predict, compare, experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from schemas.errors import UsageError

from .common import FILE, JSON, OVERRIDES, RUN, answer, existing, read_document, verb

if TYPE_CHECKING:
    from builder.training import Run

OUT = Annotated[Path, typer.Option(help="Folder for run folders.")]
THREADS = Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of the kernels; changes no result.")]
BASE = Annotated[Path | None, typer.Option(help="Folder that the data's paths start at, when they have moved.")]


@verb
def train(
    file: FILE,
    overrides: OVERRIDES = None,
    out: OUT = Path("runs"),
    threads: THREADS = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed, instead of the document's.")] = None,
    as_json: JSON = False,
) -> None:
    """Train a document, test the best network, and write a run folder."""
    import builder

    document = read_document(file, overrides)
    if not as_json:
        _show_summary(document, file)
    _follow(
        lambda progress: builder.train(
            file, out=out, overrides=overrides, progress=progress, threads=threads, seed=seed
        ),
        as_json,
    )


@verb
def resume(run: RUN, base: BASE = None, threads: THREADS = None, as_json: JSON = False) -> None:
    """Go on with a training that was stopped, to the same bytes as if it had not been."""
    import builder

    existing(run, "run folder")
    _follow(lambda progress: builder.resume(run, progress=progress, threads=threads, base=base), as_json)


def _show_summary(document: dict[str, Any], file: Path) -> None:
    """Print the summary table; errors of the document are left to the training, which refuses them."""
    import builder
    from builder.report.summary import summary_table, totals_text
    from builder.report.text import console

    report = builder.check(document, base=file.parent)
    if not report.ok:
        return
    screen = console()
    screen.print(summary_table(report))
    screen.print(totals_text(report), end="")


def _follow(start: Callable[[Any], Run], as_json: bool) -> None:
    """Run a training with its progress on the screen, then show what came out."""
    from builder.report.progress import Screen
    from builder.report.text import console

    if as_json:
        done = start(None)
        answer({"run": done.path, "part": done.report.get("part"), "test": done.test, "epochs": done.metrics})
        return
    from builder.kernels.machine import listening
    from builder.training.finish import LESS_IS_BETTER

    screen = console()
    with Screen(screen) as progress, listening(progress.compiled):
        done = start(progress)
    _show_metrics(done.report.get("part", "test"), done.test)
    for metric, row in (done.report.get("expect") or {}).items():
        sign = "≤" if metric in LESS_IS_BETTER else "≥"
        screen.print(f"expected {metric} {sign} {row['limit']}: {'reached' if row['met'] else 'not reached'}")
    screen.print(f"run folder: {done.path}", markup=False)


def _show_metrics(part: str, metrics: dict[str, Any]) -> None:
    from builder.report.confusion import confusion_view
    from builder.report.progress import numbers
    from builder.report.text import console

    screen = console()
    screen.print(f"{part}: {numbers(metrics)}", style="bold")
    view = confusion_view(metrics)
    if view is not None:
        screen.print(view)


@verb
def evaluate(
    run: RUN,
    part: Annotated[
        Literal["test", "validation", "train"], typer.Option(help="Part of the data to measure on.")
    ] = "test",
    base: BASE = None,
    as_json: JSON = False,
) -> None:
    """Measure a run's best network on a part of its data."""
    from builder.report.evaluate import evaluate as measure

    metrics = measure(existing(run, "run folder"), part, base)
    if as_json:
        answer({"run": run, "part": part, "metrics": metrics})
    else:
        _show_metrics(part, metrics)


@verb
def predict(
    run: RUN,
    files: Annotated[list[Path], typer.Argument(help="Images, csv tables or npy arrays.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write, .json or .csv; for images .npz, or a folder for PNGs."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON instead of CSV.")] = False,
) -> None:
    """Predict images, rows of tables, or arrays with a run's best network."""
    from builder.report import predict as tables

    for file in files:
        existing(file, "file")
    if output is not None and (output.suffix.lower() in (".npz", "") or output.is_dir()):
        rows = tables.predict_files(existing(run, "run folder"), files, output)
        print(f"wrote {output}: {len(rows)} predictions")
        return
    rows = tables.predict_files(existing(run, "run folder"), files)
    in_json = as_json or (output is not None and output.suffix.lower() == ".json")
    text = tables.as_json(rows) if in_json else tables.as_csv(rows)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        print(f"wrote {output}: {len(rows)} predictions")


@verb
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders.", show_default=False)],
    as_json: JSON = False,
) -> None:
    """Show the settings in which runs differ, and their results."""
    from builder.report.compare import compare_table, differences, results
    from builder.report.text import console
    from builder.training import Run

    if len(runs) < 2:
        raise UsageError("compare needs at least two run folders.")
    opened = [Run(existing(run, "run folder")) for run in runs]
    settings = differences([run.document for run in opened])
    measured = results([run.test for run in opened])
    if as_json:
        answer({"runs": runs, "settings": settings, "results": measured})
        return
    screen, names = console(), [str(run) for run in runs]
    if settings:
        screen.print(compare_table("settings that differ", names, settings))
    else:
        screen.print("the settings are the same")
    screen.print(compare_table("results on the test part", names, measured))


@verb
def experiment(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The experiment, a JSON file.", show_default=False)],
    out: OUT = Path("runs"),
    threads: THREADS = None,
    as_json: JSON = False,
) -> None:
    """Train a document in several variants, over a grid and several seeds, and show mean ± standard deviation."""
    import builder
    from builder.experiment.page import table
    from builder.report.text import console

    def show(number: int, count: int, what: str) -> None:
        if not as_json:
            console().print(f"{number}/{count} {what}", style="dim", markup=False)

    found = builder.experiment(existing(file, "experiment"), out=out, progress=show, threads=threads)
    if as_json:
        answer(found.to_json())
        return
    console().print(table(found))
    print(f"table and curves: {out / found.name / 'experiment.html'}")
