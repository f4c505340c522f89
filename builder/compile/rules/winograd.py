"""Winograd's form of a convolution and of its two gradients: when it pays, and the rows of the tape that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from ..emit import Emitter, Sums
from ..fuse import ConvolutionReLU
from ..layouts import Matrix, column_tiles
from ..tensors import Block, Node, Tensor, rounded
from . import phases
from .forms import cost_of, edge_of
from .norm_act import wants_sums
from .sweep import columns_of

if TYPE_CHECKING:
    from ..bind import Binder

STEP = 24
"""Room for a block's tiles is a multiple of this, which every height of a product tile divides (kernels/tiles.py)."""

LINE = 64
"""Bytes between the ends of equal arrays, so that the points of a tile do not fall into the same sets of a cache."""

BLOCK_BYTES = 640 << 10
"""Bytes of a block's transformed tiles; with the weights at hand they stay in a second-level cache of 1 MiB."""

LARGEST_BLOCK, SMALLER, NARROW = 96, 48, 64
"""Tiles of a block at most; with up to NARROW values of a tile's point before and after the products SMALLER: what the
transforms write and the products read then goes less far (16 channels, 64 images of 32 x 32: 3 to 4 % less time)."""

PANEL, OWN_PANEL = 128, 64
"""Input channels transformed at a time; with OWN_PANEL so many columns as well."""

OWN_SUMS = 64 * 128
"""Values of each point of the weights' gradient that a unit sums up. Few channels on one side leave room for more on
the other: a second range of them would transform every tile again, and read half of each pixel."""

LARGEST_WEIGHTS = 16 << 20
"""Bytes of transformed weights that are worth keeping. Above, units make those they need, which stay in their cache:
13.4 to 8.8 ms for 512 to 512 channels on 32 images of 4 x 4."""

WORKERS, WORKING_BYTES = (8, 16), 12 << 20
"""Units that can be at work at once: from so many to so many, by the memory that a unit at work needs for itself."""


@dataclass(frozen=True)
class Sides:
    """One direction's convolution: y (n, h, w, k) from x (n, ?, ?, c), `top` and `left` pixels of padding, in tiles of
    `edge` x `edge` outputs."""

    x: Tensor
    y: Tensor
    taps: int
    top: int
    left: int
    edge: int

    @property
    def side(self) -> int:
        """Pixels along one side of a tile."""
        return self.edge + self.taps - 1

    @property
    def points(self) -> int:
        """Points of a transformed tile."""
        return self.side**2

    @property
    def per(self) -> int:
        """Tiles of an image."""
        return -(-self.y.h // self.edge) * -(-self.y.w // self.edge)

    @property
    def count(self) -> int:
        return self.y.n * self.per

    def demand(self) -> None:
        """Ask x for the zeros that tiles read."""
        bottom = max(self.y.h, self.edge) + self.taps - 1 - self.top - self.x.h
        right = max(self.y.w, self.edge) + self.taps - 1 - self.left - self.x.w
        self.x.demand(max(0, self.top), max(0, bottom), max(0, self.left), max(0, right))


def possible(op: ops.Conv2d) -> bool:
    """Say whether there is a Winograd form at all."""
    square = op.weight.shape[2:] in ((3, 3), (5, 5))
    return square and op.stride == (1, 1) and op.dilation == (1, 1) and op.groups == 1


def chosen(em: Emitter, op: ops.Conv2d, out: Tensor, c: int, k: int) -> bool:
    """Say whether Winograd's form computes `out` (n, h, w, k) from c channels faster than the direct form.

    Costs are counted in multiply-adds of a vector. The constants were fitted to 1074 shapes on Zen 4 (1 to 256
    channels, images of 2 to 32, batches of 1 to 64): all together 0.5 % above the better form of each, where always
    direct would be 110 % above.
    """
    if em.exact or not possible(op):
        return False
    if em.winograd:
        return True
    taps, columns = op.weight.shape[2], -(-2 * k // em.lanes) / 2
    cost = cost_of(em, taps, edge_of(em, taps, out, c, k), out, c, k)
    return em.item == 4 and cost < out.n * out.h * out.w * taps * taps * c * columns


def _axis(size: int, edge: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first output of each tile, and which of its outputs are its own: (tiles,), (tiles, edge).

    The last tile is moved back into the image; what it shares with its neighbour is the neighbour's.
    """
    first = np.arange(0, size, edge)
    origin = np.minimum(first, max(0, size - edge))
    place = origin[:, None] + np.arange(edge)
    return origin, (place >= first[:, None]) & (place < size)


def _own_outputs(s: Sides) -> np.ndarray:
    """Return which outputs belong to each tile of an image: (tiles, outputs)."""
    (_, down), (_, across) = _axis(s.y.h, s.edge), _axis(s.y.w, s.edge)
    return (down[:, None, :, None] & across[None, :, None, :]).reshape(s.per, -1)


def _offsets(s: Sides, t: Tensor) -> np.ndarray:
    """Return the byte offset of every tile of an image in t."""
    (rows, _), (columns, _) = _axis(s.y.h, s.edge), _axis(s.y.w, s.edge)
    return (rows[:, None] * t.row + columns[None] * t.pixel).ravel()


def _every(s: Sides, t: Tensor) -> np.ndarray:
    """Return the byte offset of every tile of the batch in t."""
    return (np.arange(t.n)[:, None] * t.image + _offsets(s, t)).ravel()


def tile_fields(b: Binder, s: Sides) -> dict[str, int]:
    """Return the fields that say where tiles lie."""
    bits = _own_outputs(s)
    return {
        "TAPS": s.taps,
        "SIDE": s.side,
        "X": b.at(s.x) - s.top * s.x.row - s.left * s.x.pixel,
        "XR": s.x.row,
        "XP": s.x.pixel,
        "XT": b.keep(_every(s, s.x)),
        "Y": b.at(s.y),
        "YR": s.y.row,
        "YP": s.y.pixel,
        "YT": b.keep(_every(s, s.y)),
        "OWNED": b.keep((bits << np.arange(bits.shape[1])).sum(1)),
        "PER": s.per,
        "COUNT": s.count,
    }


@dataclass(frozen=True)
class Cut:
    """How the work is cut into units, and a unit's memory. Depends on the shape alone."""

    block: int
    blocks: int
    panel: int
    split: int
    columns: int
    own: bool
    item: int
    lanes: int
    taps: int
    points: int

    @property
    def steps(self) -> tuple[int, int]:
        """Bytes from one tile to the next, before and after the products."""
        return rounded(self.panel, self.lanes) * self.item, self.columns * self.item

    @property
    def planes(self) -> tuple[int, int, int]:
        """Bytes per point of transformed inputs, of outputs, of weights."""
        room, (before, after) = rounded(self.block, STEP), self.steps
        return room * before + LINE, room * after + LINE, self.panel * self.columns * self.item + LINE

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """Byte offsets of products, own weights and turned taps in a unit's memory, and its size."""
        before, after, weights = (self.points * p for p in self.planes)
        third = before + after + (weights if self.own else 0)
        return before, before + after, third, rounded(third + turned_bytes(self.taps, self.lanes, self.item) + LINE)

    def fields(self, b: Binder, at: int, pieces: int) -> dict[str, int]:
        room, (before, after) = np.arange(rounded(self.block, STEP)), self.steps
        return {
            "BLOCK": self.block,
            "BLOCKS": self.blocks,
            "PANEL": self.panel,
            "SPLIT": self.split,
            "VPLANE": self.planes[0],
            "MPLANE": self.planes[1],
            "VSTEP": before,
            "MSTEP": after,
            "VO": b.keep(room * before),
            "MO": b.keep(room * after),
            "MAT": self.parts[0],
            "UAT": self.parts[1],
            "TAT": self.parts[2],
            **b.room(at, self.parts[3], pieces),
            "ZERO": b.keep([0]),
        }

    def pieces(self, units: int) -> int:
        """Return for how many units at work there is memory."""
        return pieces_of(units, self.parts[3])


def pieces_of(units: int, each: int) -> int:
    """Return for how many of so many units there is memory at once, where a unit at work takes `each` bytes."""
    least, most = WORKERS
    return min(units, max(least, min(most, WORKING_BYTES // each)))


def turned_bytes(taps: int, lanes: int, item: int) -> int:
    """Return the memory in which lanes x lanes filters are turned."""
    return rounded(taps * taps * lanes * lanes * item)


def widest(columns: int, lanes: int, split: int) -> int:
    """Return the columns of the widest range when the column tiles are cut into `split` ranges."""
    tiles = column_tiles(columns, lanes)
    ends = [*(first for _, first in tiles), rounded(columns, lanes)]
    n = len(tiles)
    return max(ends[(s + 1) * n // split] - ends[s * n // split] for s in range(split))


def _cut(em: Emitter, s: Sides, panel: int, columns: int, units: int, room: int, own: bool) -> Cut:
    """Return the cut into panels and ranges of at most so many columns, with at least `units` units if possible.

    A block of tiles takes `room` bytes at most.
    """
    n, channels = len(column_tiles(s.y.c, em.lanes)), rounded(s.x.c, em.lanes)
    panel = min(channels, panel)
    split = min(n, -(-rounded(s.y.c, em.lanes) // columns))
    bytes_of_tile = s.points * (panel + widest(s.y.c, em.lanes, split)) * em.item
    largest = SMALLER if bytes_of_tile <= s.points * NARROW * em.item else LARGEST_BLOCK
    enough = largest if own else rounded(-(-s.count // units), STEP)
    block = max(STEP, min(largest, enough, room // bytes_of_tile // STEP * STEP))
    block = min(s.count, rounded(-(-s.count // -(-s.count // block)), STEP // 2))
    blocks = -(-s.count // block)
    while split < n and blocks * split < units:
        split = min(n, 2 * split)
    return Cut(block, blocks, panel, split, widest(s.y.c, em.lanes, split), own, em.item, em.lanes, s.taps, s.points)


def cut_forward(em: Emitter, s: Sides) -> Cut:
    """Return the cut of a convolution."""
    if s.points * s.x.c * rounded(s.y.c, em.lanes) * em.item > LARGEST_WEIGHTS:
        # Larger blocks, because each makes its weights anew.
        return _cut(em, s, OWN_PANEL, OWN_PANEL, 8, 2 * BLOCK_BYTES, own=True)
    return _cut(em, s, PANEL, 256, 8, BLOCK_BYTES, own=False)


def convolve(em: Emitter, node: Node, op: ops.Conv2d, s: Sides, turn: bool, adds: bool = False) -> None:
    """y = conv(x, weight) + bias, or with `turn` dx = conv(dy, turned weight); with `adds` added to what is there."""
    s.demand()
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    c, k = s.x.c, s.y.c
    cut = cut_forward(em, s)
    into = column_tiles(k, em.lanes)
    plane = c * rounded(k, em.lanes) * em.item + LINE
    makers = len(into) * -(-c // em.lanes)
    turned = turned_bytes(s.taps, em.lanes, em.item)
    pieces = cut.pieces(cut.blocks * cut.split)
    space = em.scratch(pieces * cut.parts[3], 1)
    touched: list[Block] = [s.x, s.y, space]
    weights, turning = em.weights(s.points * plane, 1), em.scratch(makers * turned, 1)
    if not cut.own:
        touched += [weights, turning] if turn else [weights]
    part = None
    if not turn and cut.split == 1 and wants_sums(em, node):
        # The sums of a normalisation that follows are taken while a block is still in cache.
        part = em.scratch(2 * k * cut.blocks)
        touched.append(part)
        em.sums[id(node)] = Sums(part, _counts(s, cut))

    def bind(b: Binder) -> None:
        from ...kernels import winograd as kernels

        source = columns_of(b, into, k, em.lanes) | {
            "TAPS": s.taps,
            "SIDE": s.side,
            "C": c,
            "W": b.value_of(op.weight),
            "TURN": int(turn),
            "ROWS": layout.rows,
            "WTILES": b.keep(layout.tiles),
            "NWTILES": len(layout.tiles),
            "U": 0 if cut.own else b.arena + weights.offset,
            "UPLANE": cut.planes[2] if cut.own else plane,
        }
        if not cut.own:
            space_ = {"SPACE": b.arena + turning.offset, "SLICE": turned} if turn else {}
            b.weights(kernels, "winograd_weights", makers, **source, **space_)
        fields = source | tile_fields(b, s) | cut.fields(b, b.arena + space.offset, pieces)
        fields |= {"FLOOR": b.floor(isinstance(op, ConvolutionReLU) and not turn), "ADDS": int(adds)}
        if op.bias is not None and not turn:
            fields["START"] = b.value_of(op.bias)
        if part is not None:
            fields |= _sum_tables(b, s, cut) | {"STAT": b.arena + part.offset}
        b.row(kernels, "winograd_forward", cut.blocks * cut.split, **fields)

    em.call(node, "input gradient" if turn else "convolution", touched, bind)


def _counts(s: Sides, cut: Cut) -> np.ndarray:
    """Return how many outputs each block has."""
    each = np.tile(_own_outputs(s).sum(1), s.y.n)
    return np.add.reduceat(each, np.arange(0, s.count, cut.block))


def _sum_tables(b: Binder, s: Sides, cut: Cut) -> dict[str, int]:
    """Return the fields that list the outputs of every block: byte offsets of pixels from the block's first image."""
    own, inner = _own_outputs(s), np.indices((s.edge, s.edge)).reshape(2, -1)
    pixels = _offsets(s, s.y)[:, None] + inner[0] * s.y.row + inner[1] * s.y.pixel
    known: dict[tuple[int, int], tuple[int, int]] = {}
    rows = []
    for first in range(0, s.count, cut.block):
        image, start = divmod(first, s.per)
        key = start, min(cut.block, s.count - first)
        if key not in known:
            tile = start + np.arange(key[1])
            listed = (pixels[tile % s.per] + (tile // s.per * s.y.image)[:, None])[own[tile % s.per]]
            known[key] = b.keep(listed), len(listed)
        rows.append((image * s.y.image, *known[key]))
    return {"SUMS": b.keep(rows)}


def cut_gradient(em: Emitter, s: Sides) -> tuple[Cut, int]:
    """Return the cut of a weight gradient and the number of its partial sums."""
    wide = rounded(s.x.c, em.lanes), rounded(s.y.c, em.lanes)
    panel = min(wide[0], max(OWN_PANEL, OWN_SUMS // wide[1] // em.lanes * em.lanes))
    cut = _cut(em, s, panel, max(OWN_PANEL, OWN_SUMS // panel), 1, BLOCK_BYTES, own=True)
    groups = cut.split * -(-s.x.c // cut.panel)
    return cut, max(1, min(cut.blocks, 16 // groups))


def weights_gradient(em: Emitter, node: Node, op: ops.Conv2d, s: Sides) -> None:
    """dW in partial sums over chunks of tiles, then added in order."""
    from .convolution import sum_columns

    s.demand()
    layout = em.layout(node, op.weight)
    assert isinstance(layout, Matrix)
    cut, chunks = cut_gradient(em, s)
    images = phases.chunk(em, s, max(cut.split, -(-s.x.c // cut.panel)))
    if images:
        phases.weights_gradient(em, node, op, s, images)
        return
    units = chunks * cut.split * -(-s.x.c // cut.panel)
    pieces = cut.pieces(units)
    # A single sum that fills its column tiles is the gradient itself.
    direct = chunks == 1 and layout.columns % em.lanes == 0
    part, space = em.scratch(0 if direct else chunks * layout.size), em.scratch(pieces * cut.parts[3], 1)

    def bind(b: Binder) -> None:
        from ...kernels import winograd as kernels

        to = b.gradient_of(op.weight)
        fields = columns_of(b, layout.tiles, s.y.c, em.lanes) | tile_fields(b, s)
        fields |= cut.fields(b, b.arena + space.offset, pieces)
        fields |= {"C": s.x.c, "UPLANE": cut.planes[2], "CHUNKS": chunks, "SIZE": layout.size}
        b.row(kernels, "winograd_gradient", units, PART=to if direct else b.arena + part.offset, **fields)
        if not direct:
            sum_columns(b, layout, b.arena + part.offset, chunks, to, em.item, em.lanes)

    em.call(node, "weight gradient", (s.x, s.y, part, space), bind)
