"""Whether training fits into the machine's memory, known from arithmetic before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builder.cost import Settings, estimate, machine_bytes
from builder.heads import WIDTHS
from builder.report.text import bytes_text
from schemas.errors import Fix
from schemas.say import listed, say

from .found import Found, changed, found, put

if TYPE_CHECKING:
    from builder.graph import Node

    from .shapes import Shapes

NARROWER = (65536, 8192, 1024, 256, 64, 16)
"""Widths that are tried for layers that are too wide."""

SURELY_FITS = 2**30
"""Below this the machine is not even asked how much it has, which costs some milliseconds at every start."""


def check(state: Shapes, raw: Mapping[str, Any], peak: int) -> Found | None:
    """Return a problem where training would take more memory than the machine has."""
    if peak <= SURELY_FITS or peak <= machine_bytes():
        return None
    settings = Settings.of(raw)
    infos = [info for info in state.infos.values() if info.output_shape is not None]
    if not infos:
        return None  # what keeps every shape unknown is a problem of its own, and comes first
    largest = max(infos, key=lambda info: estimate([info], (), settings))
    return found(
        "out_of_memory",
        say(
            "Training would take about {peak} of memory, but this machine has {has}.",
            peak=bytes_text(peak),
            has=bytes_text(machine_bytes()),
        ),
        say(
            "{name} takes most of it: {parameters:,} parameters, and {size} of values per sample, at "
            "{batch} samples per batch.",
            name=largest.name,
            parameters=largest.parameters or 0,
            size=bytes_text(largest.activation_bytes or 0),
            batch=settings.batch,
        ),
        pointer=largest.pointer,
        layer=largest.name,
        propose=lambda: _smaller(state, raw, settings),
    )


def _smaller(state: Shapes, raw: Mapping[str, Any], now: Settings) -> Iterator[Fix]:
    """Propose smaller batches, or narrower layers."""
    infos, shape = list(state.infos.values()), state.input_shape or ()
    limit = machine_bytes() * 8 // 10
    batch = 1 << (max(now.batch, now.evaluation).bit_length() - 1)
    while batch > 0:
        less = replace(now, batch=min(now.batch, batch), evaluation=min(now.evaluation, batch))
        if less != now and estimate(infos, shape, less) <= limit:
            sizes = {"batch_size": less.batch, "evaluation_batch_size": less.evaluation}
            patch = tuple(put(f"/training/{key}", value) for key, value in sizes.items())
            if "training" not in raw:
                patch = (put("/training", sizes),)
            yield Fix(
                say(
                    "Train with batches of {batch} and evaluate with {evaluation}",
                    batch=less.batch,
                    evaluation=less.evaluation,
                ),
                patch,
            )
            break
        batch //= 2
    wide = [(node, field) for node in state.graph.nodes.values() if (field := WIDTHS.get(node.type))]
    for most in NARROWER:
        fixes = [changed(node, {field: most}, "") for node, field in wide if _width(node, field) > most]
        if fixes:
            by_place = {operation["path"]: operation for fix in fixes for operation in fix.patch}
            names = listed([node.name for node, field in wide if _width(node, field) > most][:5])
            yield Fix(say("Make at most {most} outputs in {names}", most=most, names=names), tuple(by_place.values()))


def _width(node: Node, field: str) -> int:
    return int(getattr(node.layer, field, 0))
