"""Everything that can be seen of a run, as PNG files and one HTML page: `tsumiki explain`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from builder.training import durable
from schemas.errors import UsageError
from schemas.say import say, sentences
from schemas.shapes import shape_text

from . import chapters, insight, page
from .filters import convolution, convolutions
from .maps import last_maps, stages
from .probe import find, samples_for
from .result import result_chapter
from .source import Source, open_run

LOOKED_AT, WORK = 2000, 5e11
"""Samples among which the exciting ones are searched, and multiply-adds that this may take: some ten seconds."""
MEASURED, ROOM = 128, 1 << 30
"""Training samples that histograms are made of, and bytes of values that this may take."""
STAGES = 5
"""Layers whose feature maps are shown when none is named."""

Part = Literal["test", "validation", "train"]


def explain(
    run: str | os.PathLike[str],
    layer: str | None = None,
    samples: Sequence[int] | None = None,
    *,
    part: Part | None = None,
    out: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
    language: str = "en",
    tell: page.Tell = str,
) -> dict[str, Any]:
    """Write pictures and explain.html of a run into its folder `explain`, or into `out`; return what they show.

    The page's sentences are what `tell` makes of them, in `language`; one that is not English has it in its name:
    explain.de.html.
    `layer` names the one layer to look at: its filters, maps, and exciting inputs. `samples` count from 0 within
    `part`, as in predictions.csv. A network on tables has no pictures; its layers in numbers are written anyway. Raises
    UsageError for a layer or sample that does not exist, DataError where the data are gone or have changed.
    """
    from builder.training import Run

    opened = Run(run)
    if layer is not None:
        find(opened.network, layer)
    source = open_run(opened, part, samples, base)
    if not source.pictured and (layer is not None or samples is not None):
        raise UsageError(
            f"Pictures need images, but {opened.document.get('name', 'this network')!r} reads a table of "
            f"{shape_text(source.net.input_shape)} numbers. Leave layer and samples out to see its layers in numbers."
        )
    folder = Path(out) if out is not None else opened.path / "explain"
    with page.speaking(language, tell):
        made = [("result", result_chapter(opened))]
        for title, chapter in chapters_of(source, layer):
            if progress is not None:
                progress(title)
            made.append((title, chapter))
        heading = say("{name}: a look inside", name=opened.document.get("name", "network"))
        html = page.page(heading, _lead(source), _sections(made))
    files = {name: content for _, chapter in made for name, content in chapter.files.items()}
    name = page_name(language)
    _write(folder, files | {name: html.encode()})
    facts: dict[str, Any] = {"run": str(opened.path), "part": source.name, "folder": str(folder)}
    for title, chapter in made:
        if title in ("samples", "maps"):
            facts.setdefault(title, []).append(chapter.facts)
        elif chapter.facts:
            facts[title] = chapter.facts
    return facts | {"files": [name, *files]}


def page_name(language: str) -> str:
    """Return the file name of a run's page.

    >>> page_name("en"), page_name("de")
    ('explain.html', 'explain.de.html')
    """
    return "explain.html" if language == "en" else f"explain.{language}.html"


def chapters_of(source: Source, layer: str | None) -> Iterator[tuple[str, chapters.Chapter]]:
    """Yield (name, chapter) for all that this network has."""
    net = source.net
    every = convolutions(net)
    if source.pictured:
        for k, answer in enumerate(source.answers()):
            yield "samples", chapters.sample_chapter(source, k, answer, layer)
        if layer in every or (layer is None and every):
            yield "filters", chapters.filter_chapter(source, layer)
        for name in [layer] if layer is not None else _some(stages(net)):
            yield "maps", chapters.map_chapter(source, name)
        if layer is not None or every:
            limit = samples_for(net, LOOKED_AT, work=WORK)
            yield "exciting", chapters.exciting_chapter(source, _exciting(source, layer), limit)
        if every and insight.usual(convolution(net)[1]):
            yield "window", insight.window_chapter(source)
    indices = np.arange(min(samples_for(net, MEASURED, room=ROOM), len(source.train)))
    yield "health", chapters.health_chapter(source, *source.train.read(indices))


def _exciting(source: Source, layer: str | None) -> str:
    """Return the layer whose units are looked for: the named one, else the last maps, else the input of the head."""
    if layer is not None:
        return layer
    try:
        return last_maps(source.net)
    except UsageError:
        return source.net.checked.output


def _some(names: list[str]) -> list[str]:
    """Return at most STAGES names, evenly spread, the first and the last among them."""
    if len(names) <= STAGES:
        return names
    return [names[round(k * (len(names) - 1) / (STAGES - 1))] for k in range(STAGES)]


def _sections(made: list[tuple[str, chapters.Chapter]]) -> Iterator[str]:
    """Yield the page's cards: samples and maps are one each."""
    words = {
        "samples": (
            say("Samples"),
            say(
                "Grad-CAM asks the gradient where the answer was seen; occlusion covers a part of the image and "
                "watches the answer fall. Where both agree, the network probably looks there."
            ),
        ),
        "maps": (
            say("Feature maps"),
            say(
                "What layers make of the samples: each tile is one channel, from dark for its least to yellow for its "
                "largest value."
            ),
        ),
    }
    done = set()
    for title, chapter in made:
        if title not in words:
            yield chapter.html
        elif title not in done:
            done.add(title)
            yield page.section(*words[title], *(c.html for t, c in made if t == title))


def _lead(source: Source) -> str:
    metrics = source.run.test
    known = [f"{name} {metrics[name]:.4f}" for name in ("accuracy", "rmse", "loss") if name in metrics]
    text = say(
        "Run {run}: {input} in, {output} out. Samples are of the {part} part.",
        run=str(source.run.path),
        input=shape_text(source.net.input_shape),
        output=shape_text(source.net.output_shape),
        part=chapters.PART[source.name],
    )
    measured = chapters.PART.get(str(source.run.report.get("part", "test")), "test")
    more = say("On the {part} part: {metrics}.", part=measured, metrics=", ".join(known)) if known else ""
    return sentences(text, more)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files of one look; those of an earlier one with the same names are replaced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"Cannot make the folder {str(folder)!r}: {error.strerror or error}.") from None
    durable.replace([(folder / name, [content]) for name, content in files.items()])
