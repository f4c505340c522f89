"""Every address in a row of a tape lies in memory that its call names: a block of the arena, parameters, or a table."""

from __future__ import annotations

from typing import Any

import engine_harness as engine
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from builder.kernels import fused, machine, maxpool, pointwise

HIGH = 1 << 32
"""Addresses lie above, counts and strides below."""

SLACK = 4096
"""Bytes before and behind a parameter or table that a walk may name and never reach."""

UNREAD = {
    ("norm_act_sums", fused.A),
    ("norm_gradient", fused.A),
    ("norm_act_backward", fused.A),
    ("max_backward", maxpool.P),
    ("max_backward", maxpool.Y),
    ("pair_max_backward", maxpool.P),
    ("pair_max_backward", maxpool.Y),
    ("pointwise_backward", pointwise.X),
    ("pointwise_backward", pointwise.Y),
}
"""Slots of values that these kernels read in some forms only; in the others they may have given up their memory."""


def strays(made: Any) -> list[str]:
    """Return the slots whose address belongs to nothing that the row's call touches."""
    b, found = made.binder, []
    arrays = [*b.kept, b.parameters.packed, b.parameters.gradients, made.output, made.tape]
    arrays += [value for value in vars(made.feeds).values() if isinstance(value, np.ndarray)]
    arrays += [value for answers in made.feeds.answers for value in vars(answers).values()]
    arrays += list(made.feeds.momentum.values())
    arrays += [made.derived.values] if made.derived is not None else []
    common = [(a.ctypes.data, a.ctypes.data + a.nbytes + SLACK) for a in arrays]
    for row, owner, name in zip(made.tape, b.owners, b.names, strict=True):
        touched = made.emitted.calls[owner].touches if owner >= 0 else made.blocks
        own = [(b.arena + t.offset, b.arena + t.offset + max(t.bytes, 1)) for t in touched]
        for slot in range(machine.ARGUMENTS, machine.NEXT):
            value = int(row[slot])
            if (
                value > HIGH
                and (name, slot) not in UNREAD
                and not any(low <= value < high for low, high in (*own, *common))
            ):
                found.append(f"{name}, slot {slot}")
    return found


@pytest.mark.parametrize("mode", ["predict", "evaluate", "train"])
@given(st.data())
@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow])
def test_no_row_names_memory_that_its_call_does_not(mode: Any, data: Any) -> None:
    shape, stack = engine.some_stack(data.draw, st)
    _, made = engine.program(shape, stack, data.draw(st.integers(1, 9)), mode, np.float64)
    assert [] == strays(made)


def test_a_stray_address_is_found() -> None:
    _, made = engine.program((2, 9, 9), [engine.conv(3), engine.affine(3), *engine.HEAD], 2, "predict", np.float64)
    convolution = made.binder.names.index("tiles_forward")
    made.tape[convolution, machine.ARGUMENTS] += made.arena.nbytes + (1 << 20)
    assert [f"tiles_forward, slot {machine.ARGUMENTS}"] == strays(made)
