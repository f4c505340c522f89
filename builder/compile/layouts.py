"""How a parameter's public array is laid out for the kernels, and back."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from schemas import ops

from .tensors import image_axes, rounded


def _apart() -> bool:
    """Say whether a last vector of which at most half counts is a tile of its own.

    Where half of it is no faster it only loads as much for fewer products (Zen 5); with vectors of 32 bytes and less
    that was not tried. What plans without kernels (a summary's memory) does not load LLVM to know the processor.
    """
    cpu = sys.modules.get("builder.kernels.cpu")
    return cpu is None or cpu.HALF or cpu.VECTOR_BYTES < 64


def column_tiles(columns: int, lanes: int, apart: bool | None = None) -> list[tuple[int, int]]:
    """Split columns into tiles of 3, 2 or 1 vectors: [(vectors, first column)]. Those of one load most for a product.

    A last vector of which at most half counts lies `apart`, or as is best on this processor.

    >>> column_tiles(73, 16)
    [(3, 0), (2, 48)]
    >>> column_tiles(24, 16, apart=False), column_tiles(24, 16, apart=True)
    ([(2, 0)], [(1, 0), (1, 16)])
    """
    n = -(-columns // lanes)
    alone = (_apart() if apart is None else apart) and 0 < 2 * (columns - (n - 1) * lanes) <= lanes
    n -= alone
    if n % 3 == 0:
        sizes = [3] * (n // 3)
    else:
        sizes = [2] * (n // 2) if n % 2 == 0 else [3] * (n > 1) + [2] * ((n - 3) // 2) + [1] * (n == 1)
    sizes += [1] * alone
    starts = [sum(sizes[:i]) * lanes for i in range(len(sizes))]
    return list(zip(sizes, starts, strict=True))


@dataclass(frozen=True)
class Plain:
    """One value after the other; each of `groups` equal parts padded to whole vectors."""

    shape: tuple[int, ...]
    lanes: int
    groups: int = 1

    @property
    def group(self) -> int:
        """Values from one group to the next."""
        size = math.prod(self.shape)
        return size if self.groups == 1 else rounded(size // self.groups, self.lanes)

    @property
    def size(self) -> int:
        return rounded(self.group, self.lanes) * self.groups

    def pack(self, public: np.ndarray, packed: np.ndarray) -> None:
        packed[:] = 0
        part = math.prod(self.shape) // self.groups
        packed.reshape(self.groups, -1)[:, :part] = public.reshape(self.groups, part)

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        part = math.prod(self.shape) // self.groups
        return packed.reshape(self.groups, -1)[:, :part].reshape(self.shape).copy()


@dataclass(frozen=True)
class Matrix:
    """A weight as [group][column tile][row][lanes]; rows in (height, width, channel) order, so that pixels are dense.

    `shape` is (K, C/groups, FH, FW), or (C * H * W, K) of an Affine, whose image axes are `source`.
    """

    shape: tuple[int, ...]
    lanes: int
    groups: int = 1
    source: tuple[int, int, int] | None = None

    @property
    def rows(self) -> int:
        return self.shape[0] if self.source else math.prod(self.shape[1:])

    @property
    def columns(self) -> int:
        return self.shape[1] if self.source else self.shape[0] // self.groups

    @property
    def group(self) -> int:
        """Values from one group to the next."""
        return self.rows * rounded(self.columns, self.lanes)

    @property
    def size(self) -> int:
        return self.group * self.groups

    @property
    def tiles(self) -> list[tuple[int, int]]:
        return column_tiles(self.columns, self.lanes)

    def pack(self, public: np.ndarray, packed: np.ndarray) -> None:
        if self.source:
            h, w, c = self.source
            rows = public.reshape(1, c, h, w, self.columns).transpose(0, 2, 3, 1, 4)
        else:
            _, c, fh, fw = self.shape
            rows = public.reshape(self.groups, self.columns, c, fh, fw).transpose(0, 3, 4, 2, 1)
        grid = packed.reshape(self.groups, self.group)
        for vectors, first in self.tiles:
            width = vectors * self.lanes
            some = rows[..., first : first + width]  # a view: the one copy is the one into the tile
            tile = grid[:, self.rows * first : self.rows * (first + width)].reshape(*rows.shape[:-1], width)
            tile[..., : some.shape[-1]] = some
            tile[..., some.shape[-1] :] = 0

    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return where the public values lie: value (o, i) at outer[o] + inner[i] + factor[o] * stride[i].

        o are the rows of an Affine's weight and i its columns; of a convolution's filters o are the filters.
        """
        first, width = np.empty(self.columns, np.int64), np.empty(self.columns, np.int64)
        for vectors, start in self.tiles:
            some = slice(start, start + vectors * self.lanes)
            count = len(first[some])
            first[some], width[some] = self.rows * start + np.arange(count), vectors * self.lanes
        if self.source:
            h, w, c = self.source
            row = np.arange(self.rows, dtype=np.int64).reshape(h, w, c).transpose(2, 0, 1).ravel()
            return np.zeros_like(row), row, first, width
        _, c, fh, fw = self.shape
        row = np.arange(self.rows, dtype=np.int64).reshape(fh, fw, c).transpose(2, 0, 1).ravel()
        groups = np.arange(self.groups, dtype=np.int64)[:, None] * self.group
        return (groups + first).ravel(), np.tile(width, self.groups), np.zeros_like(row), row

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        grid = packed.reshape(self.groups, self.group)
        rows = np.empty((self.groups, self.rows, self.columns), packed.dtype)
        for vectors, first in self.tiles:
            width = vectors * self.lanes
            tile = grid[:, self.rows * first : self.rows * (first + width)].reshape(self.groups, self.rows, width)
            rows[:, :, first : first + width] = tile[:, :, : min(width, self.columns - first)]
        if self.source:
            h, w, c = self.source
            return np.ascontiguousarray(rows.reshape(h, w, c, self.columns).transpose(2, 0, 1, 3)).reshape(self.shape)
        _, c, fh, fw = self.shape
        back = rows.reshape(self.groups, fh, fw, c, self.columns).transpose(0, 4, 3, 1, 2)
        return np.ascontiguousarray(back).reshape(self.shape)


@dataclass(frozen=True)
class Channels:
    """A weight of depthwise convolution, (C, taps), as [tap][channel], channels padded to whole vectors."""

    channels: int
    taps: int
    lanes: int

    @property
    def wide(self) -> int:
        """Values from one tap to the next."""
        return rounded(self.channels, self.lanes)

    @property
    def size(self) -> int:
        return self.taps * self.wide

    def pack(self, public: np.ndarray, packed: np.ndarray) -> None:
        packed[:] = 0
        packed.reshape(self.taps, self.wide)[:, : self.channels] = public.reshape(self.channels, self.taps).T

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        return packed.reshape(self.taps, self.wide)[:, : self.channels].T.copy()


@dataclass(frozen=True)
class Sample:
    """One value for each of a sample's, in the engine's order: (C, H, W) as (H, W, C)."""

    axes: tuple[int, int, int]
    """(h, w, c)"""
    lanes: int

    @property
    def size(self) -> int:
        return rounded(math.prod(self.axes), self.lanes)

    def pack(self, public: np.ndarray, packed: np.ndarray) -> None:
        h, w, c = self.axes
        packed[:] = 0
        packed[: h * w * c] = public.reshape(c, h, w).transpose(1, 2, 0).reshape(-1)

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        h, w, c = self.axes
        return packed[: h * w * c].reshape(h, w, c).transpose(2, 0, 1).copy()


Layout = Plain | Matrix | Channels | Sample


def layout_of(op: ops.Op, parameter: ops.Parameter, lanes: int) -> Layout:
    """Return the layout in which the kernels of `op` want its parameter."""
    if isinstance(op, ops.Conv2d | ops.Deconv2d):
        k, _, fh, fw = op.filters
        if op.depthwise:
            return Channels(k, fh * fw, lanes) if parameter is op.weight else Plain(parameter.shape, lanes)
        if parameter is op.weight:
            return Matrix(op.filters, lanes, op.groups)
        return Plain(parameter.shape, lanes, op.groups)
    if isinstance(op, ops.Normalize) and parameter.shape == op.shape and len(op.shape) > 1:
        return Sample(image_axes(op.shape), lanes)
    if isinstance(op, ops.Affine) and parameter is op.weight:
        return Matrix(parameter.shape, lanes, 1, image_axes(op.inputs[0].shape))
    return Plain(parameter.shape, lanes)
