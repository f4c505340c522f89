"""What kernels and their loops do with addresses: pointers, calls, atomic changes of a word, and waiting for one.

As all intrinsics these must stay module-level names, see simd.py.
"""

from __future__ import annotations

import os
from typing import Any

from llvmlite import ir

from .cpu import PROCESSOR
from .jit import cgutils, intrinsic, types

I32, I64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def reals(context: Any, real: Any, address: Any) -> Any:
    """int64 address -> pointer of `real`'s type."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[1], target.get_value_type(signature.return_type))

    return real(real, types.int64), codegen


@intrinsic
def floats(context: Any, address: Any) -> Any:
    """int64 address -> float64 pointer."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(types.int64), codegen


@intrinsic
def ints(context: Any, address: Any) -> Any:
    """int64 address -> int64 pointer."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

    return types.CPointer(types.int64)(types.int64), codegen


@intrinsic
def small(context: Any, address: Any) -> Any:
    """int64 address -> int8 pointer."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], target.get_value_type(signature.return_type))

    return types.CPointer(types.int8)(types.int64), codegen


@intrinsic
def size_of(context: Any, real: Any) -> Any:
    """Return the bytes of one value of `real`'s type, a constant."""
    size = real.dtype.bitwidth // 8

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(I64, size)

    return types.int64(real), codegen


@intrinsic
def call(context: Any, function: Any, row: Any, unit: Any) -> Any:
    """Call the operation at address `function`: void(row, unit, unused pointer)."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64, I64, I64])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [*arguments[1:], ir.Constant(I64, 0)])
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def change(context: Any, address: Any, value: Any) -> Any:
    """Atomically add value to the int64 at address and return what was there; all threads see one order of changes."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], I64.as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def load_acquire(context: Any, address: Any) -> Any:
    """Return the int64 at address; what others wrote before they changed it is then seen too."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], I64.as_pointer()), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def relax(context: Any) -> Any:
    """Wait a moment in a loop that looks at memory: the core has more for its other thread, and uses less power."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if PROCESSOR in ("x86_64", "i686"):
            pause = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, pause, "llvm.x86.sse2.pause"), [])
        elif PROCESSOR in ("aarch64", "arm64"):
            hint = ir.FunctionType(ir.VoidType(), [I32])
            builder.call(
                cgutils.get_or_insert_function(builder.module, hint, "llvm.aarch64.hint"), [ir.Constant(I32, 1)]
            )
        return target.get_dummy_value()

    return types.void(), codegen


@intrinsic
def give_way(context: Any) -> Any:
    """Offer this thread's core to whoever waits for one (POSIX; elsewhere nothing)."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if os.name == "posix":
            kind = ir.FunctionType(I32, [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return target.get_dummy_value()

    return types.void(), codegen


@intrinsic
def exchange(context: Any, address: Any, value: Any) -> Any:
    """Atomically put value at address and return the int64 that was there; orders memory as taking or giving a lock."""

    def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], I64.as_pointer())
        return builder.atomic_rmw("xchg", place, arguments[1], "acq_rel")

    return types.int64(types.int64, types.int64), codegen
