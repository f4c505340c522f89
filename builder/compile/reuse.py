"""How far away the data of every call are: the bytes that were touched since these were touched last.

A cache that keeps what was used last holds data whose distance is smaller than itself (Mattson et al. 1970), so the
distance says which cache or memory serves a read or takes a write. Nothing has to be placed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from .emit import Call, Emitter
from .tensors import Block, Tensor


@dataclass(frozen=True)
class Move:
    """Bytes read or written, and their distance. What is written `again` was read by the same call; what
    is a thread's `own` no other thread touches."""

    bytes: float
    distance: float
    written: bool = False
    again: bool = False
    own: bool = False


def size(block: Block) -> int:
    """Return the bytes of a block without its border."""
    return block.n * block.h * block.w * block.c * block.item if isinstance(block, Tensor) else block.bytes


def footprint(em: Emitter) -> int:
    """Return the bytes that a step touches at least: what lives at once, the parameters and their gradients."""
    lives: dict[int, tuple[Block, int, int]] = {}
    for i, call in enumerate(em.calls):
        for block in call.touches:
            lives[id(block)] = block, lives.get(id(block), (block, i, i))[1], i
    change = [0] * (len(em.calls) + 1)
    for block, first, last in lives.values():
        change[first] += block.bytes
        change[last + 1] -= block.bytes
    held = sum(p.size for p in em.graph.parameters.values()) * em.item
    return max(accumulate(change)) + (2 * held if em.mode == "train" else held)


def moves(em: Emitter, whole: int, beside: Callable[[Call], float], inner: Callable[[Call], bool]) -> list[list[Move]]:
    """Return what each call reads and writes of its tensors, and of its scratch memory but where that is `inner`.

    The distance of what no call has touched yet, and the largest, is `whole`, a step's. `beside` says what a call
    touches besides: its weights.
    """
    clock, last, found = 0.0, dict[int, float](), []
    for call in em.calls:
        listed, seen, inside = list[Move](), set[int](), inner(call)
        for block in call.touches:
            if inside and not isinstance(block, Tensor):
                continue
            here = id(block)
            distance = min(float(whole), clock - last[here]) if here in last else float(whole)
            again = here in seen
            listed.append(Move(size(block), distance, again or here not in last, again))
            seen.add(here)
        found.append(listed)
        touched = {id(block): size(block) for block in call.touches}
        last |= dict.fromkeys(touched, clock)
        clock += sum(touched.values()) + beside(call)
    return found
