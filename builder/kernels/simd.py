"""Micro-kernels as Numba intrinsics: LLVM vector IR, sizes at run time, tile shape fixed when it is built.

Every intrinsic takes `real`, a pointer whose type says float32 or float64 (its value is not used), and one tuple of
int64: byte addresses, byte offsets and counts. So one compiled kernel serves every shape, and no array descriptor or
bounds code is left in the hot path. Pixel tables (xo, yo) hold byte offsets per pixel relative to a block's base: they
absorb padding, strides and image edges, so that the tiles have no edge code.

Intrinsics must stay module-level names: a kernel that holds one in a closure never hits Numba's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from llvmlite import ir

from .cpu import VECTOR_BYTES
from .jit import cgutils, intrinsic, types
from .memory import I32, I64

LINE = 64
"""Bytes of a cache line."""

I1, I8 = ir.IntType(1), ir.IntType(8)


class Load:
    """Loads a vector of channels from an address, the lanes of a mask alone where there is one."""

    def __init__(self, e: Emit, mask: Any = None) -> None:
        self.e, self.mask = e, mask

    def __call__(self, address: Any) -> Any:
        return self.e.load(address) if self.mask is None else self.e.load_masked(address, self.mask)

    def bytes(self, address: Any) -> Any:
        """Load a signed byte per lane, as whole numbers of the lanes' size; what lies behind the last is read too."""
        e = self.e
        loaded = e.b.load(e.pointer(address, ir.VectorType(I8, e.lanes)))
        loaded.align = 1
        return e.b.sext(loaded, e.wholes)


class Store:
    """Stores a vector of channels at an address, the lanes of a mask alone where there is one."""

    def __init__(self, e: Emit, mask: Any = None) -> None:
        self.e, self.mask = e, mask

    def __call__(self, v: Any, address: Any) -> None:
        if self.mask is None:
            self.e.store(v, address)
        else:
            self.e.store_masked(v, address, self.mask)

    def bytes(self, v: Any, address: Any) -> None:
        """Store whole numbers of the lanes' size as a byte per lane."""
        e, kind = self.e, ir.VectorType(I8, self.e.lanes)
        place, few = e.pointer(address, kind), e.b.trunc(v, kind)
        if self.mask is None:
            e.b.store(few, place).align = 1
            return
        put = e.function(f"llvm.masked.store.v{e.lanes}i8.p0", ir.VoidType(), [kind, place.type, I32, e.mask])
        e.b.call(put, [few, place, ir.Constant(I32, 1), self.mask])


class Emit:
    """Helper around an IR builder: byte-addressed vector loads and stores, broadcast, fused multiply-add, loops."""

    def __init__(self, builder: ir.IRBuilder, real: types.Type, half: bool = False) -> None:
        self.b = builder
        self.double = real.dtype == types.float64
        self.size = 8 if self.double else 4
        self.scalar = ir.DoubleType() if self.double else ir.FloatType()
        self.lanes = VECTOR_BYTES // self.size // (2 if half else 1)
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.mask = ir.VectorType(I1, self.lanes)
        self.whole = ir.IntType(8 * self.size)
        self.wholes = ir.VectorType(self.whole, self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)
        self.suffix = f"v{self.lanes}f{8 * self.size}"
        self._fma = self.function(f"llvm.fma.{self.suffix}", self.vector, [self.vector] * 3)

    def function(self, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
        return cgutils.get_or_insert_function(self.b.module, ir.FunctionType(result, arguments), name)

    def count(self, v: Any) -> Any:
        return ir.Constant(I64, v) if isinstance(v, int) else v

    def add(self, a: Any, k: Any) -> Any:
        return self.b.add(a, self.count(k))

    def mul(self, a: Any, k: Any) -> Any:
        return self.b.mul(a, self.count(k))

    def pointer(self, address: Any, kind: ir.Type) -> Any:
        return self.b.inttoptr(address, kind.as_pointer())

    def load(self, address: Any) -> Any:
        loaded = self.b.load(self.pointer(address, self.vector))
        loaded.align = self.size
        return loaded

    def store(self, v: Any, address: Any) -> None:
        self.b.store(v, self.pointer(address, self.vector)).align = self.size

    def first(self, lanes: Any) -> Any:
        """Return a mask whose first `lanes` lanes are set."""
        numbers = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return self.b.icmp_signed("<", numbers, self.spread(lanes, I64))

    def store_masked(self, v: Any, address: Any, mask: Any) -> None:
        place = self.pointer(address, self.vector)
        name = f"llvm.masked.store.{self.suffix}.p0"
        put = self.function(name, ir.VoidType(), [self.vector, place.type, I32, self.mask])
        self.b.call(put, [v, place, ir.Constant(I32, self.size), mask])

    def load_masked(self, address: Any, mask: Any) -> Any:
        """Load the lanes of the mask, zero in the others."""
        place = self.pointer(address, self.vector)
        name = f"llvm.masked.load.{self.suffix}.p0"
        get = self.function(name, self.vector, [place.type, I32, self.mask, self.vector])
        return self.b.call(get, [place, ir.Constant(I32, self.size), mask, self.zero])

    def over(self, channels: Any, body: Callable[[Any, Load, Store], None]) -> None:
        """Emit body(byte offset, load, store) for every vector of channels; the last may have fewer lanes."""
        b = self.b
        with self.loop(b.sdiv(channels, self.count(self.lanes))) as q:
            body(self.mul(q.index, VECTOR_BYTES), Load(self), Store(self))
        rest = b.srem(channels, self.count(self.lanes))
        with b.if_then(b.icmp_signed(">", rest, self.count(0))):
            mask = self.first(rest)
            offset = self.mul(b.sub(channels, rest), self.size)
            body(offset, Load(self, mask), Store(self, mask))

    def at_least(self, v: Any, floor: Any) -> Any:
        """Return v, or floor where v is below it; NaN stays."""
        return self.b.select(self.b.fcmp_ordered("<", v, floor), floor, v)

    def number(self, k: int) -> Any:
        """Return a whole number in every lane."""
        return ir.Constant(self.wholes, [k] * self.lanes)

    def counted(self, offset: Any) -> Any:
        """Return how many values lie in so many bytes."""
        return self.b.lshr(offset, self.count(self.size.bit_length() - 1))

    def table(self, base: Any, index: Any) -> Any:
        """Load the int64 at base[index]."""
        return self.b.load(self.pointer(self.add(base, self.mul(self.count(index), 8)), I64))

    def spread(self, scalar: Any, kind: ir.Type) -> Any:
        """Return a vector with the scalar in every lane."""
        vector = ir.VectorType(kind, self.lanes)
        empty = ir.Constant(vector, ir.Undefined)
        one = self.b.insert_element(empty, scalar, ir.Constant(I32, 0))
        return self.b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes))

    def broadcast(self, address: Any) -> Any:
        return self.spread(self.b.load(self.pointer(address, self.scalar)), self.scalar)

    def fma(self, a: Any, x: Any, y: Any) -> Any:
        return self.b.call(self._fma, [a, x, y])

    def accumulators(self, n: int) -> list[Any]:
        """Return n zeroed vector variables: LLVM promotes these allocas to registers."""
        made = [cgutils.alloca_once(self.b, self.vector) for _ in range(n)]
        for a in made:
            self.b.store(self.zero, a)
        return made

    def loop(self, n: Any) -> AbstractContextManager[Any]:
        return cgutils.for_range(self.b, n, intp=I64)

    @contextmanager
    def plain_loop(self, n: Any) -> Iterator[Any]:
        """A loop that LLVM does not unroll."""
        with self.loop(n) as made:
            yield made
        module = self.b.module
        never = module.add_metadata(["llvm.loop.unroll.disable"])
        name = module.add_metadata([never, ir.Constant(I64, len(module.metadata))])
        name.operands = (name, never)  # a loop's metadata begin with themselves
        made.index.incomings[-1][1].terminator.set_metadata("llvm.loop", name)


def emitted(count: int, generate: Callable[[Emit, list[Any]], None], half: bool = False) -> Any:
    """Make an intrinsic (real, tuple of `count` int64) -> None whose IR `generate` emits; `half`: on half vectors."""

    @intrinsic
    def made(context: Any, real: Any, numbers: Any) -> Any:
        def codegen(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = [builder.extract_value(arguments[1], i) for i in range(count)]
            generate(Emit(builder, signature.args[0], half), values)
            return target.get_dummy_value()

        return types.void(real, types.UniTuple(types.int64, count)), codegen

    return made


def prefetch(e: Emit, address: Any, write: bool = False) -> None:
    """Ask memory for the cache line at an address, which need not exist; `write`: it will be written."""
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), I32, I32, I32])
    fetch = cgutils.get_or_insert_function(e.b.module, kind, "llvm.prefetch.p0")
    e.b.call(fetch, [e.pointer(address, ir.IntType(8)), *(ir.Constant(I32, k) for k in (int(write), 3, 1))])


RUN, FEWEST, SOON = 2048, 4, 2048
"""Bytes of a run of pixels, its pixels at least, and how far ahead of it memory is asked for what comes."""

Pixels = Callable[[], AbstractContextManager[Any]]


def in_runs(
    e: Emit,
    n: Any,
    channels: Any,
    body: Callable[[Any, Load, Store, Pixels], None],
    read: Sequence[Any] = (),
    written: Sequence[Any] = (),
    doubled: Sequence[Any] = (),
    winners: Sequence[Any] = (),
) -> None:
    """Emit body(byte offset, load, store, pixels) for every vector of channels of runs of RUN bytes of n dense pixels.

    `with pixels() as place` loops over the run's pixels, `place` being a pixel's byte offset. Each time memory is asked
    for a line of each stream, some SOON bytes further on: a core's own looking ahead ends with a page, and is late for
    several streams at once. A run of them at once would make the core wait until it can remember more requests (Zen 4:
    half as fast from memory). Streams that are `doubled` are read, and have two pixels for each of the n; `winners`
    have a byte for each value.
    """
    b, pixel = e.b, e.mul(channels, e.size)
    step = b.select(b.icmp_signed("<", pixel, e.count(VECTOR_BYTES)), pixel, e.count(VECTOR_BYTES))
    room = b.sdiv(e.count(RUN - 1), pixel)
    room = e.add(b.select(b.icmp_signed("<", room, e.count(FEWEST - 1)), e.count(FEWEST - 1), room), 1)
    with e.loop(b.sdiv(e.add(e.add(n, room), -1), room)) as r:
        begin = b.mul(r.index, room)
        rest = b.sub(n, begin)
        some = b.select(b.icmp_signed("<", rest, room), rest, room)
        offset = b.mul(begin, pixel)

        def vector(o: Any, load: Load, store: Store) -> None:
            soon = e.add(b.add(offset, b.mul(o, some)), SOON)

            @contextmanager
            def pixels() -> Iterator[Any]:
                with e.loop(some) as p:
                    line = b.add(soon, b.mul(p.index, step))
                    for stream in read:
                        prefetch(e, e.add(stream, line))
                    for stream in written:
                        prefetch(e, e.add(stream, line), True)
                    for stream in doubled:
                        for k in range(2):
                            prefetch(e, e.add(e.add(stream, e.mul(line, 2)), LINE * k))
                    for stream in winners:
                        prefetch(e, e.add(stream, e.counted(line)))
                    yield e.add(offset, b.mul(p.index, pixel))

            body(o, load, store, pixels)

        e.over(channels, vector)


def _ahead(e: Emit, a: list[Any]) -> None:
    """Ask memory for `count` bytes at an address, which are written or read soon. Arguments (address, count)."""
    with e.loop(e.b.sdiv(e.add(a[1], LINE - 1), e.count(LINE))) as i:
        prefetch(e, e.add(a[0], e.mul(i.index, LINE)))


ahead = emitted(2, _ahead)
