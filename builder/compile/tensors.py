"""What a program's calls read and write: images with a border of zeros, scratch memory, and parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.ops import Op
from schemas.shapes import Shape

SLACK = 4096
"""Bytes behind every array: tiles may read a little past its end (what they read there is never stored)."""

ALIGNMENT = 64
"""Bytes; a cache line and the widest vector."""


def rounded(n: int, multiple: int = ALIGNMENT) -> int:
    return -(-n // multiple) * multiple


def odd_lines(n: int) -> int:
    """Return room for n bytes: an odd number of cache lines, so that neighbours fall into different sets of a cache."""
    lines = -(-n // ALIGNMENT)
    return ALIGNMENT * (lines + 1 - lines % 2)


@dataclass(eq=False)
class Block:
    """A piece of the arena, alive from the first call that touches it to the last."""

    offset: int = field(default=-1, init=False)
    first: int = field(default=-1, init=False)
    last: int = field(default=-1, init=False)

    @property
    def bytes(self) -> int:
        raise NotImplementedError  # both kinds of block override it


@dataclass(eq=False)
class Scratch(Block):
    """Memory without a shape: partial sums, repacked weights. What is `lasting` is written when parameters have
    changed, and read by every step: its memory is its own."""

    size: int
    lasting: bool = False

    @property
    def bytes(self) -> int:
        return self.size


@dataclass(eq=False)
class Tensor(Block):
    """One value of a whole batch, NHWC with a border of zeros that its readers asked for.

    The axes of a sample (C, H, W), (C, L) and (F,) are held as (h, w, c), (1, l, c) and (1, 1, f).
    """

    n: int
    h: int
    w: int
    c: int
    item: int
    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def demand(self, top: int, bottom: int, left: int, right: int) -> None:
        """Make the border at least this wide."""
        self.top, self.bottom = max(self.top, top), max(self.bottom, bottom)
        self.left, self.right = max(self.left, left), max(self.right, right)

    @property
    def bordered(self) -> bool:
        return bool(self.top or self.bottom or self.left or self.right)

    @property
    def rows(self) -> int:
        """Image rows, border included."""
        return self.top + self.h + self.bottom

    @property
    def columns(self) -> int:
        """Pixels of an image row, border included."""
        return self.left + self.w + self.right

    @property
    def pixel(self) -> int:
        """Bytes from one pixel to the next."""
        return self.c * self.item

    @property
    def row(self) -> int:
        """Bytes from one image row to the next."""
        return self.columns * self.pixel

    @property
    def image(self) -> int:
        """Bytes from one image to the next."""
        return self.rows * self.row

    @property
    def bytes(self) -> int:
        return self.n * self.image

    @property
    def origin(self) -> int:
        """Byte offset of pixel (0, 0) of image 0 in the arena."""
        return self.offset + self.top * self.row + self.left * self.pixel


def image_axes(shape: Shape) -> tuple[int, int, int]:
    """Return (h, w, c) of a sample's shape."""
    if len(shape) == 3:
        return shape[1], shape[2], shape[0]
    if len(shape) == 2:
        return 1, shape[1], shape[0]
    return 1, 1, shape[0] if shape else 1


@dataclass(eq=False)
class Node:
    """An operation of the network and the layer it came from. Rewrite rules replace nodes, never records."""

    op: Op
    inputs: list[Node]
    layer: str
