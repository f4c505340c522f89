"""The command `tsumiki`: one thin function per verb, each in terms of the same functions that the Python API has.

documents.py   init transfer check render summary schema        what is in a document
runs.py        train resume evaluate predict compare experiment    what becomes of it
explain.py     explain                                  what it has learned
speed.py       profile                                  where the time goes
system.py      datasets doctor                          what it works on
ui.py          ui                                       the same in the browser
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from . import documents, explain, runs, speed, system, ui
from .common import Settings, fail

app = typer.Typer(
    name="tsumiki",
    help="Build, check and train neural networks from one JSON document.",
    epilog="Every verb explains itself: tsumiki VERB --help",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

VERBS = (
    documents.init, documents.transfer, documents.check, documents.render, documents.summary,
    runs.train, runs.resume, runs.evaluate, runs.predict, runs.compare, runs.experiment, explain.explain, speed.profile,
    system.datasets, documents.schema, system.doctor, ui.ui,
)  # fmt: skip

for _verb in VERBS:
    app.command(_verb.__name__)(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        import builder

        print(f"tsumiki {builder.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error happened.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Build, check and train neural networks from one JSON document."""
    Settings.debug = debug


def main() -> None:
    """Run the command line and end the process with its exit code."""
    words = sys.argv[1:]
    if "--debug" in words:  # people add it at the end of the command that failed
        words.remove("--debug")
        words.insert(0, "--debug")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal without × or ─ shows ? instead of failing
    try:
        app(words, prog_name="tsumiki")
        sys.stdout.flush()
    except Exception as error:
        sys.exit(fail(error))
    except KeyboardInterrupt as error:
        sys.exit(fail(error))
