"""All parameters of a network in one array, in the kernels' layouts; the user reads and writes public arrays."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas import ops
from schemas.errors import UsageError

from ..kernels.cpu import VECTOR_BYTES
from .initial import deviation, draw, seed_of
from .layouts import Layout, Matrix, layout_of
from .lower import Lowered
from .pages import zeros
from .tensors import ALIGNMENT, SLACK, rounded

LARGE = 1 << 16
"""Values from which a weight is drawn by a kernel (kernels/normals.py)."""


def aligned(count: int, dtype: Any, whole: bool = True) -> np.ndarray:
    """Return a zeroed array whose address is a multiple of 64, with slack behind it: tiles may read past the end.

    `whole` says that all of it will be used.
    """
    size = count * np.dtype(dtype).itemsize
    raw = zeros(size + ALIGNMENT + SLACK, whole)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype)


@dataclass(frozen=True)
class Slot:
    """Where a parameter lives in the common array: values [start, start + layout.size)."""

    key: str
    parameter: ops.Parameter
    layout: Layout
    start: int


class Parameters(MutableMapping[str, np.ndarray]):
    """'<layer>/<parameter>' -> NumPy array in the public layout. Reading copies; assigning checks and writes."""

    def __init__(self, graph: Lowered, dtype: Any, seed: int, threads: int = 1) -> None:
        self.dtype = np.dtype(dtype)
        self.version = 0
        lanes = self.lanes = VECTOR_BYTES // self.dtype.itemsize
        self.slots: dict[str, Slot] = {}
        place = 0
        for node in graph.nodes:
            for parameter in node.op.parameters:
                key = graph.key(parameter)
                if graph.parameters[key] is not parameter:
                    continue  # another layer's
                layout = layout_of(node.op, parameter, lanes)
                self.slots[key] = Slot(key, parameter, layout, place)
                place += rounded(layout.size, ALIGNMENT // self.dtype.itemsize)
        self.count = place
        self.packed = aligned(place, self.dtype)
        self._gradients: np.ndarray | None = None
        self.missing: tuple[str, ...] = ()
        """Kernels that would have helped but are not compiled yet; the first program brings them along."""
        drawn = self._draw_large(seed, threads)
        for slot in self.slots.values():
            if slot.key not in drawn:
                slot.layout.pack(draw(slot.parameter, slot.key, seed, self.dtype), self.part(slot, self.packed))

    def _draw_large(self, seed: int, threads: int) -> set[str]:
        """Draw large normal weights by a kernel, to the same bits as `draw`; return the keys of those drawn."""
        large: list[tuple[Slot, float, Matrix]] = []
        for slot in self.slots.values():
            std = deviation(slot.parameter)
            if std is not None and slot.parameter.size >= LARGE and isinstance(slot.layout, Matrix):
                large.append((slot, std, slot.layout))
        if not large or self.dtype != np.float32:
            return set()
        from ..kernels import normals, objects

        if not objects.compiled("draw_normals", "float32"):
            self.missing = ("draw_normals",)
            return set()
        jobs = [
            normals.Job(seed_of(slot.key, seed), std, self.part(slot, self.packed), layout.places())
            for slot, std, layout in large
        ]
        normals.draw(jobs, threads)
        return {slot.key for slot, _, _ in large}

    @property
    def gradients(self) -> np.ndarray:
        """The gradients, in the same layout as `packed`; made at the first use."""
        if self._gradients is None:
            self._gradients = aligned(self.count, self.dtype, whole=False)  # those of large Affines are never written
        return self._gradients

    @property
    def has_gradients(self) -> bool:
        """Whether gradients have been asked for."""
        return self._gradients is not None

    def part(self, slot: Slot, whole: np.ndarray) -> np.ndarray:
        """Return the slot's packed piece of an array laid out like `packed`."""
        return whole[slot.start : slot.start + slot.layout.size]

    def public(self, key: str, whole: np.ndarray) -> np.ndarray:
        """Return the public array of a key out of an array laid out like `packed`."""
        slot = self.slots[key]
        return slot.layout.unpack(self.part(slot, whole)).reshape(slot.parameter.shape)

    def put(self, key: str, public: np.ndarray, whole: np.ndarray) -> None:
        """Write a public array into an array laid out like `packed`."""
        slot = self.slots[key]
        slot.layout.pack(public, self.part(slot, whole))
        self.touch()

    def touch(self) -> None:
        """Note that values have changed: what is made of them is then made anew."""
        self.version += 1

    def __getitem__(self, key: str) -> np.ndarray:
        self._known(key)
        return self.public(key, self.packed)

    def __setitem__(self, key: str, value: Any) -> None:
        self._known(key)
        shape = self.slots[key].parameter.shape
        try:
            given = np.asarray(value, dtype=self.dtype)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The value for {key!r} is not an array of numbers: {error}.") from None
        if given.shape != shape:
            raise UsageError(f"{key!r} has the shape {shape}, but received {given.shape}.")
        self.put(key, given, self.packed)

    def __delitem__(self, key: str) -> None:
        raise UsageError(
            "A network's parameters cannot be removed; set trainable to false in the document to freeze them"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.slots)

    def __len__(self) -> int:
        return len(self.slots)

    def _known(self, key: str) -> None:
        if key not in self.slots:
            import difflib

            near = difflib.get_close_matches(str(key), self.slots, n=1)
            raise KeyError(
                f"{key!r} is not a parameter of this network" + (f"; did you mean {near[0]!r}?" if near else "")
            )
