"""The checked mode, TSUMIKI_CHECKED=1: slow steps that find a kernel which reads or writes memory that is not its own.

Every block of the arena has memory to itself, with guard bytes on both sides. Before a step everything is NaN, so that
whoever reads what nobody wrote spoils the loss; after each row of the tape the guards must be as they were.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..kernels import machine
from .reach import BrokenPlan
from .tensors import Tensor

if TYPE_CHECKING:
    from .program import Program

MARK = 0xA5
"""What guards are filled with."""


def wanted() -> bool:
    """Say whether the environment asks for the checked mode."""
    return os.environ.get("TSUMIKI_CHECKED", "") not in ("", "0")


class Checked:
    """A program's steps, one row after the other, with its memory watched."""

    def __init__(self, program: Program) -> None:
        self.program = program
        guard = np.ones(len(program.arena), bool)
        for block in program.blocks:
            guard[block.offset : block.offset + block.bytes] = False
        self._guards = np.flatnonzero(guard)

    def poison(self) -> None:
        """Fill the arena with NaN but for guards and the zeros of borders; what lasts is to be made anew."""
        program = self.program
        program.arena.view(program.parameters.dtype)[:] = np.nan
        program.arena[self._guards] = MARK
        for t in program.blocks:
            if isinstance(t, Tensor) and t.bordered:
                inner = np.zeros((t.n, t.rows, t.columns, t.c), bool)
                inner[:, t.top : t.top + t.h, t.left : t.left + t.w] = True
                program.whole(t)[~inner] = 0

    def run(self, tape: np.ndarray, names: Sequence[str], threads: int) -> None:
        """Run the rows. Raises BrokenPlan where one of them wrote beside its blocks."""
        for i, name in enumerate(names):
            machine.run(tape[i : i + 1], threads)
            if (self.program.arena[self._guards] != MARK).any():
                raise BrokenPlan(f"{name}, row {i} of {len(names)}, wrote beside its memory.")
