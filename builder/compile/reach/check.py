"""Check the rows of a program, or of an update, against the buffers they were given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...kernels.cpu import VECTOR_BYTES
from ...kernels.optimizers import HYPERS
from ..parameters import Parameters
from ..tensors import Block
from . import BrokenPlan, Range, Regions, Row, Tables, ranges
from .regions import Span

if TYPE_CHECKING:
    from ..bind import Binder
    from ..emit import Call


def span(array: np.ndarray) -> Span:
    """Return where an array lies."""
    first = int(array.ctypes.data)
    return first, first + array.nbytes


def parts(parameters: Parameters, base: int) -> list[Span]:
    """Return the span of every parameter in an array laid out like the parameters."""
    item = parameters.dtype.itemsize
    slots = parameters.slots.values()
    return [(base + slot.start * item, base + (slot.start + slot.layout.size) * item) for slot in slots]


def regions_of(binder: Binder, more: Iterable[np.ndarray]) -> Regions:
    """Return the buffers that lie outside the arena."""
    p, feeds = binder.parameters, binder.feeds
    own = [array for part in (feeds, *feeds.answers) for array in vars(part).values() if isinstance(array, np.ndarray)]
    others = [span(array) for array in (*own, *feeds.momentum.values(), *more)]
    packed = int(p.packed.ctypes.data)
    if p.has_gradients:
        others += parts(p, int(p.gradients.ctypes.data))
    if binder.derived is not None:
        others.append(span(binder.derived.values))
    if binder.update is not None:
        others += [part for base in {binder.update.first, binder.update.second} - {packed} for part in parts(p, base)]
        others += [(at, at + 8 * HYPERS) for at in {*binder.update.hyper.values()}]
    return Regions(map(span, binder.kept), parts(p, packed), others)


def rows_of(binder: Binder) -> list[tuple[Row, list[Range], int]]:
    """Return every row with its ranges and the number of its call."""
    tables = Tables(binder.kept)
    found = []
    for call, kernel, units, fields in binder.stated:
        row = Row(kernel, fields, units, binder.parameters.dtype.itemsize, VECTOR_BYTES, tables)
        found.append((row, ranges(row), call))
    return found


def spans_of(binder: Binder, blocks: Iterable[Block]) -> list[Span]:
    """Return where blocks of the arena lie."""
    return [(binder.arena + block.offset, binder.arena + block.offset + block.bytes) for block in blocks]


def check(binder: Binder, calls: Sequence[Call], more: Iterable[np.ndarray], last: Iterable[Block]) -> None:
    """Refuse a program one of whose rows would leave its buffers. `more`: arrays beside the feeds; `last`: the blocks
    that rows without a call read. Raises BrokenPlan."""
    regions = regions_of(binder, more)
    blocks = [spans_of(binder, call.touches) for call in calls]
    final = spans_of(binder, last)
    for row, found, call in rows_of(binder):
        mine = final if call < 0 else blocks[call]
        for item in found:
            if not regions.allows(item, mine):
                what = "writes" if item.writes else "reads"
                where = "" if call < 0 else f" ({calls[call].layer}: {calls[call].name})"
                raise BrokenPlan(
                    f"{row.kernel}{where} {what} {item.end - item.first} bytes through {item.field} that do not lie "
                    "within one of its buffers."
                )


def check_update(
    parameters: Parameters,
    rows: Iterable[tuple[str, int, dict[str, int]]],
    arrays: Iterable[np.ndarray],
    others: Iterable[np.ndarray],
) -> None:
    """Refuse rows (kernel, units, fields) of an optimizer that would leave a parameter, its place in `arrays` (laid out
    like the parameters) or one of `others`. Raises BrokenPlan."""
    spans = [part for array in arrays for part in parts(parameters, int(array.ctypes.data))]
    regions = Regions([], parts(parameters, int(parameters.packed.ctypes.data)), [*spans, *map(span, others)])
    for kernel, units, fields in rows:
        row = Row(kernel, fields, units, parameters.dtype.itemsize, VECTOR_BYTES, Tables([]))
        for item in ranges(row):
            if not regions.allows(item, ()):
                raise BrokenPlan(f"{kernel} would leave its buffers through {item.field}.")
