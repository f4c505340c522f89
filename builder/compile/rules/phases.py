"""When Winograd's gradient of the weights is made in three passes, and their rows: see kernels/phases.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter
from ..layouts import Matrix
from ..tensors import Node, odd_lines, rounded
from .sweep import columns_of

if TYPE_CHECKING:
    from ..bind import Binder
    from .winograd import Sides

FEWEST = 96
"""Tiles of a chunk: fewer are summed as fast, or faster, by units that transform them themselves."""

CHUNK = 8 << 20
"""Bytes of transformed tiles that a third-level cache holds beside others."""

MOST = 48 << 20
"""Bytes of transformed tiles at most."""

STEP = 24
"""As in winograd.py."""

ROWS = 32
"""Rows of a unit that transforms sums back."""


def chunk(em: Emitter, s: Sides, units: int) -> int:
    """Return how many images are taken at once, or 0 where units better transform tiles themselves. `units`: how many
    would transform each tile."""
    wide = rounded(s.x.c, em.lanes), rounded(s.y.c, em.lanes)
    sums = s.points * s.x.c * wide[1] * em.item
    image = s.points * s.per * sum(wide) * em.item
    # The sums are written and read again for each chunk: more tiles at once where they are many.
    room = min(MOST, max(CHUNK, 2 * sums))
    images = min(s.y.n, max(room // image, -(-FEWEST // s.per)))
    if units == 1 or images * s.per < FEWEST or images * image > MOST:
        return 0
    return -(-s.y.n // -(-s.y.n // images))


def weights_gradient(em: Emitter, node: Node, op: ops.Conv2d, s: Sides, images: int) -> None:
    """dW in passes over `images` images at a time."""
    from .convolution import sum_columns
    from .winograd import LINE, tile_fields

    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    tiles, c = images * s.per, s.x.c
    steps = odd_lines(c * em.item), odd_lines(s.y.c * em.item)
    planes = tiles * steps[0] + LINE, tiles * steps[1] + LINE, c * steps[1] + LINE
    inputs, slopes, sums = (em.scratch(s.points * plane + LINE, 1) for plane in planes)
    direct = layout.columns % em.lanes == 0
    part = em.scratch(0 if direct else layout.size)

    def bind(b: Binder) -> None:
        from ...kernels import phases, winograd as kernels  # noqa: F401  # phases registers its kernels

        to = b.gradient_of(op.weight)
        columns, room = columns_of(b, layout.tiles, s.y.c, em.lanes), np.arange(tiles)
        shared = columns | {"TAPS": s.taps, "SIDE": s.side, "C": c, "X": b.at(s.x)}
        fields = tile_fields(b, s) | columns | {
            "C": c, "BLOCK": STEP // 2, "SPLIT": min(2, len(layout.tiles)), "ZERO": b.keep([0]),
            "SPACE": b.arena + inputs.offset, "U": b.arena + slopes.offset,
            "VPLANE": planes[0], "MPLANE": planes[1], "UPLANE": planes[2], "VSTEP": steps[0], "MSTEP": steps[1],
            "VO": b.keep(room * steps[0]), "MO": b.keep(room * steps[1]), "PART": b.arena + sums.offset,
        }  # fmt: skip
        for first in range(0, s.count, tiles):
            count = min(tiles, s.count - first)
            here = fields | {"COUNT": count, "XT": fields["XT"] + 8 * first, "YT": fields["YT"] + 8 * first}
            here["START"] = int(first > 0)
            b.row(kernels, "winograd_spread", -(-count // here["BLOCK"]), **here)
            b.row(kernels, "winograd_sums", s.points * here["SPLIT"], **here)
        units = len(layout.tiles) * -(-c // ROWS)
        end = {"U": b.arena + sums.offset, "UPLANE": planes[2], "PANEL": ROWS}
        end["PART"] = to if direct else b.arena + part.offset
        b.row(kernels, "winograd_back", units, **shared | end)
        if not direct:
            sum_columns(b, layout, b.arena + part.offset, 1, to, em.item, em.lanes)

    em.call(node, "weight gradient", (s.x, s.y, inputs, slopes, sums, part), bind)
