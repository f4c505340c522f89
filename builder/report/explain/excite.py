"""The inputs that excite a unit most: found in the data, not made up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import UsageError

from .probe import MOST, grid, shape_of, values
from .receptive import Box, box, inside

if TYPE_CHECKING:
    from builder.data.part import Part
    from builder.network import Network


@dataclass(frozen=True)
class Exciting:
    """One sample for one unit: its largest value, where in the layer's map it is, and what of the image it sees."""

    unit: int
    sample: int
    value: float
    position: tuple[int, int]
    box: Box | None


def most_exciting(
    net: Network, part: Part, layer: str, units: Sequence[int] | None = None, count: int = 5, limit: int | None = None
) -> list[list[Exciting]]:
    """Return for each unit (channel) of a layer the `count` samples that excite it most, the strongest first.

    The part's first `limit` samples are looked at, all when left out. A unit of an image layer counts by its largest
    pixel.
    """
    shape = shape_of(net, layer)
    chosen = list(range(shape[0])) if units is None else list(units)
    wrong = [u for u in chosen if not 0 <= u < shape[0]]
    if wrong:
        raise UsageError(f"Layer {layer!r} has the units 0 to {shape[0] - 1}, but received {wrong[0]}.")
    if count < 1:
        raise UsageError(f"count must be at least 1, but received {count}.")
    total = len(part) if limit is None else min(limit, len(part))
    best = np.full((0, len(chosen)), -np.inf)
    where = samples = np.zeros((0, len(chosen)), np.int64)
    for indices in _chunks(total, MOST * 4):
        x, _ = part.read(indices)
        flat = values(net, x, [layer])[layer][:, chosen].reshape(len(x), len(chosen), -1)
        best = np.vstack([best, flat.max(axis=2)])
        where = np.vstack([where, flat.argmax(axis=2)])
        samples = np.vstack([samples, np.repeat(indices[:, None], len(chosen), axis=1)])
        order = np.argsort(-best, axis=0, kind="stable")[:count]
        best, where, samples = (np.take_along_axis(a, order, axis=0) for a in (best, where, samples))
    width = shape[-1] if len(shape) > 1 else 1
    pixels = grid(net)
    seen = pixels[1:] if pixels is not None and len(shape) > 1 else None
    found = []
    for k, unit in enumerate(chosen):
        row = []
        for j in range(len(best)):
            place = divmod(int(where[j, k]), width)
            crop = inside(box(net, layer, *place), seen) if seen else None
            row.append(Exciting(unit, int(samples[j, k]), float(best[j, k]), place, crop))
        found.append(row)
    return found


def _chunks(total: int, size: int) -> Iterable[np.ndarray]:
    return (np.arange(start, min(start + size, total)) for start in range(0, total, size))
