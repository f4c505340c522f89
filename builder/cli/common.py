"""What every verb shares: reading a document with overrides, answering as JSON, and exit codes without tracebacks.

0 ok   2 usage   3 invalid document   4 data error   5 training fault   130 Ctrl-C   143 SIGTERM   1 a bug of tsumiki
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from schemas.errors import DocumentError, TsumikiError, UsageError

P = ParamSpec("P")
R = TypeVar("R")

FILE = Annotated[Path, typer.Argument(metavar="FILE", help="The document, a JSON file.", show_default=False)]
RUN = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, like runs/digits/1.", show_default=False)]
OVERRIDES = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="Set fields of the document, like training.epochs=3.", show_default=False),
]
JSON = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

ADVICE = "This is a bug in tsumiki. Please report it with the command; --debug shows where it happened."


class Settings:
    """What the options before the verb say."""

    debug = False


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function a verb: whatever goes wrong in it becomes a message on stderr and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **keywords: P.kwargs) -> R:
        try:
            return function(*args, **keywords)
        except BaseException as error:
            if isinstance(error, SystemExit | typer.Exit):
                raise
            raise SystemExit(fail(error, as_json=keywords.get("as_json") is True)) from None

    return guarded


def fail(error: BaseException, as_json: bool = False) -> int:
    """Say what went wrong and return the exit code."""
    if Settings.debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    code, message = _explain(error)
    problems = getattr(error, "problems", ())
    if as_json:
        answer({"error": {"exit_code": code, "message": message, "problems": [p.to_json() for p in problems]}})
    elif problems:
        show_problems(problems, stderr=True)
    else:
        print(f"{'stopped' if code > 128 else 'error'}: {message}", file=sys.stderr)
    return code


def _explain(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the message for people."""
    if isinstance(error, TsumikiError):
        return error.exit_code, str(error)
    if isinstance(error, KeyboardInterrupt):
        return 130, "Ctrl-C."
    if isinstance(error, MemoryError):
        return 5, "There is not enough memory. Make training.batch_size or the network smaller."
    if isinstance(error, OSError) and error.filename is not None:
        return 2, f"Cannot use {os.fsdecode(error.filename)}: {error.strerror}."
    if isinstance(error, OSError) and error.strerror:
        return 2, f"The system refused: {error.strerror}."
    return 1, f"{type(error).__name__}: {error}. {ADVICE}"


def answer(value: Any) -> None:
    """Print JSON; numbers that JSON does not know (NaN, infinity) become null."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Return the value with only what JSON knows: NumPy numbers and arrays become numbers and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def existing(path: Path, what: str) -> Path:
    """Return the path, or raise UsageError when there is nothing, or the wrong thing."""
    if not path.exists():
        raise UsageError(f"There is no {what} {str(path)!r}. Paths start at the current folder, {os.getcwd()}.")
    return path


def read_document(file: Path, overrides: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the document in the file with the overrides set; it is checked later.

    Raises UsageError when there is no such file, DocumentError when it holds no JSON object.
    """
    from builder.overrides import apply
    from schemas.reader import read_file

    return apply(read_file(file), overrides)


def show_problems(problems: Sequence[Any], stderr: bool = False) -> None:
    """Print problems for people, with their count."""
    from builder.report.text import console, problems_text, verdict

    screen = console(stderr=stderr)
    screen.print(problems_text(problems), end="")
    screen.print(verdict(problems))


def stop(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


def refuse_errors(problems: Sequence[Any]) -> None:
    """Raise DocumentError when any of the problems is an error."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DocumentError(f"The document has {len(errors)} errors.", errors)
