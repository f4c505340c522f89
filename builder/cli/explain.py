"""The verb explain: look inside a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.errors import UsageError

from .common import JSON, RUN, answer, existing, verb
from .runs import BASE


@verb
def explain(
    run: RUN,
    layer: Annotated[str | None, typer.Option(help="Layer to look at; the telling ones when left out.")] = None,
    samples: Annotated[
        str | None, typer.Option(help="Samples to show, like 1,2: numbers from 0, as in predictions.csv.")
    ] = None,
    part: Annotated[
        Literal["test", "validation", "train"] | None, typer.Option(help="Part of the data that samples are from.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; RUN/explain when left out.")] = None,
    base: BASE = None,
    language: Annotated[Literal["en", "ja", "de"], typer.Option(help="Language of the page.")] = "en",
    as_json: JSON = False,
) -> None:
    """Draw what a run's network has learned: filters, feature maps, Grad-CAM, and each layer in numbers."""
    from builder.report.explain.look import caption_of
    from builder.report.explain.run import explain as look
    from builder.report.text import console
    from builder.ui.texts.translate import said as translated

    numbers = _numbers(samples) if samples is not None else None
    screen = console(stderr=True)
    with screen.status("opening the run") as status:  # shown on a terminal only
        found = look(
            existing(run, "run folder"), layer, numbers, part=part, out=out, base=base,
            progress=lambda title: status.update(f"looking at {title}"), language=language,
            tell=lambda text: translated(text, language),
        )  # fmt: skip
    if as_json:
        answer(found)
        return
    for row in found.get("samples", []):
        said = row["answer"].get("prediction", caption_of(row["answer"]))
        print(f"sample {row['sample']}: {said}" + (f", target {row['target']}" if row["target"] else ""))
    for row in found["health"]["layers"]:
        if row["dead"] is not None and row["dead"]["share"]:
            print(f"{row['layer']}: {row['dead']['share']:.1%} of {row['dead']['units']} units are dead")
    print(f"wrote {len(found['files'])} files: open {Path(found['folder']) / found['files'][0]}")


def _numbers(text: str) -> list[int]:
    """Return the numbers of a list like '1,2'."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise UsageError(f"--samples takes numbers with commas between, like 1,2, but received {text!r}.")
    return [int(word) for word in words]
