"""The input's gradient of a convolution of direct form with few pixels and many weights: their way takes the time.

The weights must be packed by input channels for it (`tiles.flip_weights`). Here a unit does so for one column tile,
which stays in its cache, and uses it for all pixels: the turned weights never go to memory and back.

The NumPy twin is that of the convolution.
"""

from __future__ import annotations

from .machine import arguments, claim, kernel, release, slots
from .memory import ints, size_of
from .tiles import (  # noqa: F401  # the compiler takes the slots of convolution from here
    BLOCKS,
    COUNT,
    FLOOR,
    LANES,
    NJ,
    NT,
    NTILES,
    ROWS,
    SG,
    START,
    TABLE,
    TAPS,
    TILES,
    TILES_SLOTS,
    WG,
    XB,
    XG,
    XO,
    YB,
    YG,
    YO,
    W,
    X,
    Y,
    flip_tile,
    tile_row,
)

(
    SOURCES, NSOURCES, HEIGHT,     # column tiles of W, their number; rows of one of them
    TURNS, IN, OUT,                # for each turned tap the tap of W; input and output channels of a group
    SPACE, SLICE, FLAGS, NSPACE,   # memory for units at work: address, bytes of one, flags, number
) = slots(TILES_SLOTS + 10)[TILES_SLOTS:]  # fmt: skip


@kernel
def turned_forward(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Units: groups x column tiles. TURNS has ROWS / OUT taps."""
    d = arguments(row)
    k, g = unit % d[NTILES], unit // d[NTILES]
    own = claim(d[FLAGS], d[NSPACE])
    at, size, tiles = d[SPACE] + own * d[SLICE], size_of(real), ints(d[TILES])
    sources, turns = ints(d[SOURCES]), ints(d[TURNS])
    w, shape = d[W] + g * d[WG], (d[IN], d[OUT], d[NSOURCES], d[ROWS] // d[OUT])
    flip_tile(real, w, sources, d[HEIGHT], turns, shape, at, tiles[2 * k], tiles[2 * k + 1])
    packed = (at - d[ROWS] * tiles[2 * k + 1] * size, 0)
    start = d[START] + g * d[SG] if d[START] > 1 else d[START]
    blocks = d[BLOCKS]
    for b in range(blocks):
        x, y = d[X] + g * d[XG] + ints(d[XB])[b], d[Y] + g * d[YG] + ints(d[YB])[b]
        table, count = ints(d[TABLE])[b], ints(d[COUNT])[b]
        tile_row(d, real, x, y, packed, start, count, d[XO] + table, d[YO] + table, k, k + 1)
    release(d[FLAGS], own)
