"""Whether training fits into the machine's memory, known from arithmetic before anything is allocated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builder.cost import SLOTS, estimate, machine_bytes, training_settings
from builder.heads import WIDTHS
from builder.report.text import bytes_text
from schemas.errors import Fix

from .found import Found, changed, found, put

if TYPE_CHECKING:
    from .shapes import Shapes

SURELY_FITS = 2**30
"""Below this the machine is not even asked how much it has, which costs some milliseconds at every start."""


def check(state: Shapes, raw: Mapping[str, Any], peak: int) -> Found | None:
    """Return a problem where training would take more memory than the machine has."""
    if peak <= SURELY_FITS or peak <= machine_bytes():
        return None
    batch, optimizer = training_settings(raw)
    infos = [info for info in state.infos.values() if info.output_shape is not None]
    largest = max(infos, key=lambda i: (2 + SLOTS[optimizer]) * (i.parameters or 0) + 2 * batch * (i.activation_bytes or 0) // 4)
    return found(
        "out_of_memory",
        f"Training would take about {bytes_text(peak)} of memory, but this machine has {bytes_text(machine_bytes())}.",
        f"{largest.name} takes most of it: {largest.parameters or 0:,} parameters and {bytes_text(largest.activation_bytes or 0)} "
        f"of values per sample, at {batch} samples per batch.",
        pointer=largest.pointer,
        layer=largest.name,
        propose=lambda: _smaller(state, raw, peak),
    )


def _smaller(state: Shapes, raw: Mapping[str, Any], peak: int) -> Iterator[Fix]:
    """Propose a smaller batch, or a narrower layer."""
    batch, optimizer = training_settings(raw)
    shape = state.input_shape or (1,)
    infos = list(state.infos.values())
    limit = machine_bytes() * 8 // 10
    fitting = 1 << (batch.bit_length() - 1)
    while fitting > 0 and (fitting >= batch or estimate(infos, shape, fitting, optimizer) > limit):
        fitting //= 2
    if fitting > 0:
        patch = put("/training/batch_size", fitting) if "training" in raw else put("/training", {"batch_size": fitting})
        yield Fix(f"Train with batches of {fitting}", (patch,))
    by_size = sorted(infos, key=lambda info: -(info.parameters or 0))
    for info in by_size[:2]:
        node = state.graph.nodes[info.name]
        field = WIDTHS.get(info.type)
        width = node.fields.get(field) if field else None
        if field and isinstance(width, int) and width > 1:
            less = _narrower([i for i in infos if i is not info], info.parameters or 0, width, shape, batch, optimizer, limit)
            if less is not None:
                yield changed(node, {field: less}, f"Make {less} outputs in {info.name}")


def _narrower(
    rest: list[Any], parameters: int, width: int, shape: tuple[int, ...], batch: int, optimizer: str, limit: int
) -> int | None:
    """Return the largest power of two of outputs with which the layer fits beside the rest, or None."""
    less = 1 << (width - 1).bit_length() - 1
    while less >= 1:
        share = replace(rest[0], parameters=parameters * less // width, statistics=0, activation_bytes=4 * less) if rest else None
        if estimate([*rest, *([share] if share else [])], shape, batch, optimizer) <= limit:
            return less
        less //= 2
    return None
