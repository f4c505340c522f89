"""How helpers and loops are compiled: looked at in a process that compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

ONCE = """
from builder.kernels.jit import cfunc, njit, types

@njit
def total(a, pair):
    return a + pair[0] + pair[1]

@njit
def kept(flag, a):
    return a if flag else -a

made = cfunc(types.int64(types.int64))(
    lambda n: total(n, (n, 1)) + total(3, (n, n)) + total(n, (1, 2)) + kept(True, n) + kept(False, 4)
)
print(len(total.overloads), len(kept.overloads), made._library.get_pointer_to_function("none"))
"""

LOOPS = """
from builder.kernels import simd
from builder.kernels.jit import cfunc, types

def body(loop):
    def generate(e, a):
        with loop(e)(a[1]) as i:
            place = e.add(a[0], e.mul(i.index, simd.VECTOR_BYTES))
            e.store(e.fma(e.load(place), e.load(place), e.zero), place)
    return simd.emitted(2, generate)

unrolled, plain = body(lambda e: e.loop), body(lambda e: e.plain_loop)
real = types.CPointer(types.float32)

@cfunc(types.void(real, types.int64, types.int64))
def one(p, a, n):
    unrolled(p, (a, n))

@cfunc(types.void(real, types.int64, types.int64))
def two(p, a, n):
    plain(p, (a, n))

@cfunc(types.void(real, types.int64, types.int64))
def both(p, a, n):
    plain(p, (a, n))
    plain(p, (a, n))

for made in (one, two, both):
    made._library.machine_code()
    print(str(made._library._final_module).count("call <"), end=" ")
"""


def answer(source: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={**os.environ, "TSUMIKI_COMPILES": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_a_helper_is_compiled_once_for_any_whole_numbers_and_runs_nowhere_else() -> None:
    once, twice, address = answer(ONCE)
    assert once == 1  # whichever constants a call names
    assert twice == 2  # True and False choose branches: both forms are wanted
    assert address == 0


def test_a_plain_loop_is_not_unrolled() -> None:
    unrolled, plain, two = answer(LOOPS)
    assert unrolled > 1
    assert plain == 1
    assert two == 2  # each loop by itself
