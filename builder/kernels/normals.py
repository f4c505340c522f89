"""First values of large weights: NumPy's own normal numbers, the same bits in a third of the time, at their places.

NumPy draws one value after the other through a pointer, in float64 and in the public order; they are then multiplied,
rounded and packed, and the public array takes as much memory as the weight. Here the generator (PCG64, O'Neill 2014)
fills a block, two steps at once; the ziggurat (Marsaglia and Tsang 2000, NumPy's tables and order of draws) takes from
it, and each value goes to its place: 7 ns each on Emerald Rapids, against 18 and 5. Units: parameters.

PLANS has one line per parameter. Value (o, i) of the public order lies at OUTER[o] + INNER[i] + FACTOR[o] * STRIDE[i].
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from . import machine
from .jit import intrinsic, njit, types
from .machine import FUNCTION, SLOTS, UNITS, address, arguments, array, kernel, slots
from .memory import I64, floats, ints

if os.environ.get("TSUMIKI_COMPILES"):
    from numba.np.random import _constants as numbers

    KI: Any = numbers.ki_double.astype(np.int64)
    WI: Any = numbers.wi_double
    FI: Any = numbers.fi_double
else:
    KI = WI = FI = None  # the tables are in the compiled kernel

PLANS, WORDS = slots(2)
STATE, DEST, STD, OUTERS, INNERS, OUTER, FACTOR, INNER, STRIDE = 0, 4, 5, 6, 7, 8, 9, 10, 11
PLAN = 12
"""Slots of a line: state and increment of PCG64 (four), where the packed weight begins, the address of its standard
deviation, how many values o and i have, and the addresses of the four tables."""

BLOCK = 1024
"""Numbers that the generator makes at a time: they stay in the first-level cache."""

AT, RAW = 0, 8
VALUES, EACH = RAW + BLOCK, RAW + 2 * BLOCK
"""A unit's own words: how many of the numbers are used, the numbers, and a value for each."""

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
"""PCG64's, of 128 bits."""

R, INVERSE_R = 3.6541528853610087963519472518, 0.27366123732975827203338247596
"""Where the ziggurat's tail begins, and 1 / R."""


@intrinsic
def pcg64(context: Any, state: Any, out: Any, count: Any) -> Any:
    """Write `count` (even) numbers of the generator whose state and increment are at an address; move the state on.

    Two states that lie one step apart each go two steps at once, so that neither waits for the other's product.
    """

    def codegen(target: Any, b: Any, signature: Any, given: Any) -> Any:
        wide = ir.IntType(128)
        place = b.inttoptr(given[0], wide.as_pointer())
        step = b.load(b.gep(place, [ir.Constant(I64, 1)]), align=8)
        times = ir.Constant(wide, MULTIPLIER)
        twice = ir.Constant(wide, MULTIPLIER * MULTIPLIER % 2**128)
        both = b.mul(step, ir.Constant(wide, MULTIPLIER + 1))
        begin = b.load(place, align=8)
        first = b.add(b.mul(begin, times), step)
        second = b.add(b.mul(first, times), step)
        entry, loop, end = b.block, b.append_basic_block("loop"), b.append_basic_block("end")
        b.branch(loop)
        b.position_at_end(loop)
        index, one, two = b.phi(I64), b.phi(wide), b.phi(wide)
        rotate = b.module.declare_intrinsic("llvm.fshr", [I64], ir.FunctionType(I64, [I64] * 3))

        def put(value: Any, at: Any) -> None:
            high, low = b.trunc(b.lshr(value, ir.Constant(wide, 64)), I64), b.trunc(value, I64)
            mixed = b.xor(high, low)
            made = b.call(rotate, [mixed, mixed, b.lshr(high, ir.Constant(I64, 58))])
            b.store(made, b.gep(b.inttoptr(given[1], I64.as_pointer()), [at]), align=8)

        put(one, index)
        put(two, b.add(index, ir.Constant(I64, 1)))
        following = b.add(index, ir.Constant(I64, 2))
        next_one, next_two = (b.add(b.mul(value, twice), both) for value in (one, two))
        index.add_incoming(ir.Constant(I64, 0), entry)
        index.add_incoming(following, loop)
        one.add_incoming(first, entry)
        one.add_incoming(next_one, loop)
        two.add_incoming(second, entry)
        two.add_incoming(next_two, loop)
        b.cbranch(b.icmp_signed("<", following, given[2]), loop, end)
        b.position_at_end(end)
        b.store(two, place, align=8)
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@njit
def _refill(state, words_at, words, values, std):  # type: ignore[no-untyped-def]  # Numba
    """Fill the block, and make a value of every number in it: NaN where the ziggurat does not take it at once."""
    raw = ints(words_at + RAW * 8)
    pcg64(state, words_at + RAW * 8, BLOCK)
    for i in range(BLOCK):
        number = raw[i]
        k, size = number & 0xFF, (number >> 9) & 0xFFFFFFFFFFFFF
        x = size * WI[k] * (-std if number & 0x100 else std)
        values[i] = x if size < KI[k] else np.nan
    words[AT] = 0


@njit
def _uniform(state, words_at, words, values, std):  # type: ignore[no-untyped-def]  # Numba
    """Return the next number as one in [0, 1)."""
    if words[AT] == BLOCK:
        _refill(state, words_at, words, values, std)
    number = words[RAW + words[AT]]
    words[AT] += 1
    return ((number >> 11) & 0x1FFFFFFFFFFFFF) * (1.0 / 9007199254740992.0)


@njit
def _doubted(number, state, words_at, words, values, std):  # type: ignore[no-untyped-def]  # Numba
    """Return whether a number that was not taken at once counts, and its normal value."""
    k, size = number & 0xFF, (number >> 9) & 0xFFFFFFFFFFFFF
    if k == 0:
        while True:
            xx = -INVERSE_R * math.log1p(-_uniform(state, words_at, words, values, std))
            yy = -math.log1p(-_uniform(state, words_at, words, values, std))
            if yy + yy > xx * xx:
                return True, -(R + xx) if (size >> 8) & 1 else R + xx
    x = size * WI[k] * (-1.0 if number & 0x100 else 1.0)
    height = (FI[k - 1] - FI[k]) * _uniform(state, words_at, words, values, std) + FI[k]
    return height < math.exp(-0.5 * x * x), x


@kernel
def draw_normals(row, unit, real):  # type: ignore[no-untyped-def]  # Numba
    """Draw one parameter."""
    d = arguments(row)
    plan = ints(d[PLANS] + unit * PLAN * 8)
    state, words_at = d[PLANS] + (unit * PLAN + STATE) * 8, d[WORDS] + unit * EACH * 8
    words = ints(words_at)
    values, std = array(real, words_at + VALUES * 8, BLOCK), floats(plan[STD])[0]
    outers, inners, w = plan[OUTERS], plan[INNERS], array(real, plan[DEST], 1)
    outer, factor, inner, stride = (
        ints(plan[OUTER]), ints(plan[FACTOR]), ints(plan[INNER]), ints(plan[STRIDE]),
    )  # fmt: skip
    words[AT] = BLOCK
    o, i = 0, 0
    while o < outers:
        if words[AT] == BLOCK:
            _refill(state, words_at, words, values, std)
        at, begin, times = words[AT], outer[o], factor[o]
        end = min(BLOCK, at + inners - i)
        while at < end:
            value = values[at]
            if value != value:
                break
            w[begin + inner[i] + times * stride[i]] = value
            at, i = at + 1, i + 1
        words[AT] = at
        if at < end:
            words[AT] += 1
            counts, x = _doubted(words[RAW + at], state, words_at, words, values, std)
            if counts:
                w[begin + inner[i] + times * stride[i]] = x * std
                i += 1
        if i == inners:
            o, i = o + 1, 0


@dataclass(frozen=True, eq=False)
class Job:
    """A parameter to draw: its generator's seed, standard deviation, packed memory and the four tables of places."""

    seed: int
    std: float
    packed: np.ndarray
    places: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def draw(jobs: Sequence[Job], threads: int) -> None:
    """Draw every job's values into its zeroed memory, the largest first. NumPy's twin: `compile.initial.draw`."""
    ordered = sorted(jobs, key=lambda job: -job.packed.size)
    plans = np.zeros((len(ordered), PLAN), np.int64)
    words = np.empty((len(ordered), EACH), np.int64)
    stds = np.array([job.std for job in ordered], np.float64)
    for number, (plan, job) in enumerate(zip(plans, ordered, strict=True)):
        state = np.random.PCG64(job.seed).state["state"]
        parts = [state[name] >> shift & (2**64 - 1) for name in ("state", "inc") for shift in (0, 64)]
        plan[STATE : STATE + 4] = np.array(parts, np.uint64).view(np.int64)
        plan[DEST], plan[STD] = job.packed.ctypes.data, stds[number:].ctypes.data
        plan[OUTERS], plan[INNERS] = len(job.places[0]), len(job.places[2])
        for slot, table in zip((OUTER, FACTOR, INNER, STRIDE), job.places, strict=True):
            assert table.dtype == np.int64 and table.flags.c_contiguous
            plan[slot] = table.ctypes.data
    tape = np.zeros((1, SLOTS), np.int64)
    tape[0, FUNCTION], tape[0, UNITS] = address("draw_normals", ordered[0].packed.dtype.type), len(ordered)
    tape[0, PLANS], tape[0, WORDS] = plans.ctypes.data, words.ctypes.data
    machine.run(tape, threads)
