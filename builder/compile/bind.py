"""From calls to the rows of a tape: addresses, byte strides and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from schemas import ops

from ..kernels import machine
from .folding import Derived
from .parameters import Parameters, aligned
from .tensors import Scratch, Tensor


@dataclass(eq=False)
class Answers:
    """What one loss compares with, and the loss that it finds.

    `labels` holds class numbers, -1 where nothing is compared; `others` those of the samples that were mixed in;
    `counted` over how many rows a mean goes where some are left out.
    """

    labels: np.ndarray
    others: np.ndarray
    targets: np.ndarray
    counted: np.ndarray
    loss: np.ndarray

    @classmethod
    def of(cls, batch: int, head: tuple[int, ...], dtype: np.dtype[Any]) -> Answers:
        """Make room for the targets of a prediction of shape `head`."""
        sites, size = int(np.prod(head[1:])), int(np.prod(head))
        labels, others = aligned(batch * sites, np.int64), aligned(batch * sites, np.int64)
        return cls(labels, others, aligned(batch * size, dtype), aligned(1, np.float64), aligned(1, np.float64))


@dataclass(eq=False)
class Feeds:
    """Memory that lives longer than a step: what the user gives and what he reads back.

    `answers` are those of the main loss and then of each auxiliary one; `loss` is the sum of what they find. Where
    `mixed` is not 0, `shares` (2, batch) are the weights of the two samples that each was mixed of.
    """

    inputs: np.ndarray
    answers: list[Answers]
    weights: np.ndarray
    shares: np.ndarray
    mixed: np.ndarray
    loss: np.ndarray
    key: np.ndarray
    momentum: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def labels(self) -> np.ndarray:
        return self.answers[0].labels

    @property
    def targets(self) -> np.ndarray:
        return self.answers[0].targets


@dataclass(frozen=True)
class Update:
    """An optimizer's step as part of the program: addresses of arrays laid out like the parameters, and by the
    parameters' keys those of the settings."""

    kind: int
    hyper: Mapping[str, int]
    first: int
    second: int


@dataclass(eq=False)
class Binder:
    """What a call's `bind` gets: addresses, and `row` to add one to the tape. Keeps every table alive.

    `owners` and `names` say which call (its number, -1 for none) each row belongs to, and its kernel.
    """

    arena: int
    parameters: Parameters
    feeds: Feeds
    dtype: Any
    graph: Any
    tape: list[np.ndarray] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    stated: list[tuple[int, str, int, dict[str, int]]] = field(default_factory=list)
    """Every row as it was asked for, (call, kernel, units, fields), for `reach.check`."""
    kept: list[np.ndarray] = field(default_factory=list)
    call: int = -1
    update: Update | None = None
    updated: set[str] = field(default_factory=set)
    derived: Derived | None = None
    prepared: list[np.ndarray] = field(default_factory=list)
    prepared_names: list[str] = field(default_factory=list)
    also: tuple[str, ...] = ()
    shared: dict[int, Scratch] = field(default_factory=dict)
    """Where a use of a parameter that several layers share puts its own gradient, by the record's id."""

    def keep(self, table: Any, dtype: Any = np.int64) -> int:
        """Return the address of a table that lives as long as the tape."""
        made = np.ascontiguousarray(table, dtype)
        self.kept.append(made)
        return int(made.ctypes.data)

    def at(self, tensor: Tensor) -> int:
        """Return the address of pixel (0, 0) of image 0."""
        return self.arena + tensor.origin

    def value_of(self, parameter: ops.Parameter) -> int:
        folded = self.derived.address(parameter) if self.derived is not None else None
        if folded is not None:
            return folded
        slot = self.parameters.slots[self.graph.key(parameter)]
        return int(self.parameters.packed.ctypes.data) + slot.start * self.parameters.dtype.itemsize

    def gradient_of(self, parameter: ops.Parameter) -> int:
        """Return where a rule puts the gradient; of a parameter that several layers share, its own part."""
        if id(parameter) in self.shared:
            return self.arena + self.shared[id(parameter)].offset
        return self.gradient_at(parameter)

    def gradient_at(self, parameter: ops.Parameter) -> int:
        """Return where the whole gradient is."""
        slot = self.parameters.slots[self.graph.key(parameter)]
        return int(self.parameters.gradients.ctypes.data) + slot.start * self.parameters.dtype.itemsize

    def update_of(self, parameter: ops.Parameter) -> dict[str, int]:
        """Return the fields of a kernel that updates the parameter itself, and note that it does."""
        assert self.update is not None
        key = self.graph.key(parameter)
        self.updated.add(key)
        offset = self.parameters.slots[key].start * self.parameters.dtype.itemsize
        return {
            "W": self.value_of(parameter),
            "FIRST": self.update.first + offset,
            "SECOND": self.update.second + offset,
            "KIND": self.update.kind,
            "HYPER": self.update.hyper[key],
            "DECAY": int(parameter.decays),
            "LOSS": int(self.feeds.loss.ctypes.data),
        }

    def floor(self, relu: bool) -> int:
        """Return the address of the least value an operation stores: 0 with ReLU, else -inf."""
        return self.keep([0.0 if relu else -np.inf], self.dtype)

    def room(self, at: int, each: int, pieces: int) -> dict[str, int]:
        """Return the fields of memory for units at work: so many pieces of `each` bytes from an address on."""
        return {"SPACE": at, "SLICE": each, "FLAGS": self.keep(np.zeros(8 * pieces)), "NSPACE": pieces}

    def weights(self, module: ModuleType, name: str, units: int, **fields: int) -> None:
        """Append a row that makes `Emitter.weights`; in use it runs only when the parameters have changed."""
        self.row(module, name, units, **fields)
        if self.derived is not None:
            self.prepared.append(self.tape.pop())
            self.prepared_names.append(self.names.pop())
            self.owners.pop()

    def row(self, module: ModuleType, name: str, units: int, **fields: int) -> None:
        """Append a row; the fields are the slot names of the kernel's module."""
        row = np.zeros(machine.SLOTS, np.int64)
        row[machine.UNITS] = units
        if name == "tiles_forward" and "FLOOR" not in fields:
            fields["FLOOR"] = self.floor(False)
        for key, value in fields.items():
            row[getattr(module, key)] = value
        self.tape.append(row)
        self.stated.append((self.call, name, units, fields))
        self.owners.append(self.call)
        self.names.append(name)

    def table(self) -> np.ndarray:
        """Return the finished tape, with every kernel loaded."""
        self._resolve(self.tape, self.names)
        return tape_of(self.tape)

    def prepared_table(self) -> np.ndarray:
        """Return the rows that run only when the parameters have changed."""
        self._resolve(self.prepared, self.prepared_names)
        return tape_of(self.prepared)

    def _resolve(self, rows: list[np.ndarray], names: list[str]) -> None:
        # All at once, so that what is missing is compiled together.
        machine.load([*self.names, *self.prepared_names, *self.also], self.dtype)
        for row, name in zip(rows, names, strict=True):
            row[machine.FUNCTION] = machine.address(name, self.dtype)


def tape_of(rows: list[np.ndarray]) -> np.ndarray:
    """Return rows as one tape that begins at a cache line."""
    tape = aligned(len(rows) * machine.SLOTS, np.int64).reshape(-1, machine.SLOTS)
    tape[:] = np.array(rows, np.int64).reshape(-1, machine.SLOTS)
    return tape


def image(prefix: str, tensor: Tensor, binder: Binder) -> dict[str, int]:
    """Return the four fields of an image operand: address and byte strides of image, row and pixel."""
    return {
        prefix: binder.at(tensor),
        f"{prefix}N": tensor.image,
        f"{prefix}H": tensor.row,
        f"{prefix}W": tensor.pixel,
    }


def strided(binder: Binder, length_is: str, **tensors: Tensor) -> dict[str, int]:
    """Return the fields of operands seen as D0 x D1 x D2 rows of equal length; the longest rows that all of them have.

    `length_is` names the field of the row length ("L" or "C").
    """
    first = next(iter(tensors.values()))
    n, h, w, c = first.n, first.h, first.w, first.c
    if any(t.bordered for t in tensors.values()):
        outer, length = (n, h, 1), w * c
        strides = {k: (t.image, t.row, 0) for k, t in tensors.items()}
    else:
        outer, length = (n, 1, 1), h * w * c
        strides = {k: (t.image, 0, 0) for k, t in tensors.items()}
    fields = {"D0": outer[0], "D1": outer[1], "D2": outer[2], length_is: length}
    for prefix, tensor in tensors.items():
        fields[prefix] = binder.at(tensor)
        for axis in range(3):
            fields[f"{prefix}{axis}"] = strides[prefix][axis]
    return fields


def pixels(binder: Binder, **tensors: Tensor) -> dict[str, int]:
    """Return the fields of operands seen as N x H x W rows of C values."""
    first = next(iter(tensors.values()))
    fields = {"D0": first.n, "D1": first.h, "D2": first.w, "C": first.c}
    for prefix, t in tensors.items():
        fields |= {prefix: binder.at(t), f"{prefix}0": t.image, f"{prefix}1": t.row, f"{prefix}2": t.pixel}
    return fields
