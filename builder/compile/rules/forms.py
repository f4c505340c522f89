"""Sizes of Winograd's tiles: what each costs, and which is taken."""

from __future__ import annotations

from ..emit import Emitter
from ..tensors import Tensor, rounded

FORMS = {3: (4, 5), 5: (4,)}
"""Taps along one side -> the outputs along one side of a tile that there are transforms for."""

BETTER = 0.92
"""Cost of a larger tile, beside the smallest one's, at which it is taken."""

TRANSFORM, WEIGHTS = {6: 200, 7: 300, 8: 800}, {6: 300, 7: 420, 8: 550}
"""Vector multiply-adds that cost as much as the transform of a tile, and of a filter, by the pixels along a tile's
side. 64 values of a tile are twice what the registers hold: at 400 LeNet took Winograd's form and lost 12 %."""

FILLED, CACHE, WAY = 8, 1 << 20, 15
"""In use, where there may be few tiles: pixels of a register tile; bytes of transformed weights that stay in a cache;
vector multiply-adds in whose time a point of a filter comes from further away (64 bytes: 2.5 ns at 25 GB/s)."""


def edge_of(em: Emitter, taps: int, out: Tensor, c: int, k: int) -> int:
    """Return the outputs along one side of a tile. The batch does not matter: a sample's bits must not depend on it."""
    first, *larger = FORMS[taps]
    if em.mode != "train":  # larger tiles have more weights, whose way takes the time where pixels are few
        return first
    one = Tensor(1, out.h, out.w, out.c, out.item)
    costs = {edge: cost_of(em, taps, edge, one, c, k, 0) for edge in (first, *larger)}
    best = min(costs, key=costs.__getitem__)
    return best if costs[best] < BETTER * costs[first] else first


def cost_of(em: Emitter, taps: int, edge: int, out: Tensor, c: int, k: int, filters: int = 1) -> float:
    """Return what `out` (n, h, w, k) from c channels costs in multiply-adds of a vector, and that so many times its
    filters are transformed."""
    writes, channels = (-(-i // em.lanes) for i in (k, c))
    columns = -(-2 * k // em.lanes) / 2  # a last vector may be computed by half, see kernels/tiles.py
    side = edge + taps - 1
    tiles = out.n * -(-out.h // edge) * -(-out.w // edge)
    whole, weights = tiles, WEIGHTS[side]
    if em.mode != "train":  # few tiles: those that only fill register tiles count, and the way of the weights
        whole = rounded(tiles, FILLED)
        weights = WAY * side**2 if side**2 * c * k * em.item > CACHE else weights
    transforms = TRANSFORM[side] * (channels + writes)
    return whole * side**2 * c * columns + tiles * transforms + filters * weights * c * columns
