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


Ask = Callable[[Any, Any], None]
"""Asks memory at row j of a tap (its byte offset, j) for what is needed soon."""


def add_taps(e: Emit, acc: list[Any], xs: list[Any], a: list[Any], vectors: int, ask: Ask | None = None) -> None:
    """acc[i] += sum over t, j of xs[i][taps[t] + j] * w[t, j, :]. Arguments (taps, T, J, w)."""
    taps, n_taps, n_j, w = a
    b, width = e.b, VECTOR_BYTES * vectors
    with e.loop(n_taps) as t:
        row = e.add(w, e.mul(e.mul(t.index, n_j), width))
        offset = e.table(taps, t.index)
        at = [e.add(p, offset) for p in xs]
        with e.loop(n_j) as j:
            here = e.add(row, e.mul(j.index, width))
            ws = [e.load(e.add(here, VECTOR_BYTES * q)) for q in range(vectors)]
            if ask is not None:
                ask(offset, j.index)
            step = e.mul(j.index, e.size)
            for i, place in enumerate(at):
                xv = e.broadcast(e.add(place, step))
                for q in range(vectors):
                    p = acc[i * vectors + q]
                    b.store(e.fma(xv, ws[q], b.load(p)), p)


def conv_tile(pixels: int, vectors: int, half: bool = False, asks: int = 0) -> Any:
    """Make y[p, :] = start + sum over t, j of x[p + taps[t] + j] * w[t, j, :] for `pixels` pixels, `vectors` vectors.

    Arguments (x, xo, taps, T, J, w, y, yo, start, lanes, floor, soon, later): w is packed [T][J][vectors * lanes];
    start is 0 for zero, 1 to accumulate into y, else the address of a bias; `lanes` of the last vector are stored; what
    is below the value at address `floor` is stored as that value (0 for ReLU, -inf for none). `half` (of one vector)
    computes the first half of the lanes alone.

    Memory is asked for what is written `later` bytes further on, and at each row for what is read soon: the pixels
    behind the tile's last, `soon` bytes further on than at the row before. With `asks` it is asked for so many of the
    cache lines from address `soon` on instead.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, xo, _, _, _, _, y, yo, start, lanes, floor, soon, later = a
        b, acc = e.b, e.accumulators(pixels * vectors)
        xs = [e.add(x, e.table(xo, i)) for i in range(pixels)]
        written = e.add(y, later)
        for i in range(pixels):
            for o in range(0, VECTOR_BYTES * vectors, max(LINE, VECTOR_BYTES)):
                prefetch(e, e.add(e.add(written, e.table(yo, i)), o), write=True)
        with b.if_then(b.icmp_unsigned(">", start, e.count(1))):
            for q in range(vectors):
                v = e.load(e.add(start, VECTOR_BYTES * q))
                for i in range(pixels):
                    b.store(v, acc[i * vectors + q])
        with b.if_then(b.icmp_signed("==", start, e.count(1))):
            for i in range(pixels):
                before = e.add(y, e.table(yo, i))
                for q in range(vectors):
                    b.store(e.load(e.add(before, VECTOR_BYTES * q)), acc[i * vectors + q])

        def ask(tap: Any, j: Any) -> None:
            if not asks:
                prefetch(e, e.add(e.add(xs[-1], tap), b.mul(j, soon)))
            for q in range(asks):
                prefetch(e, e.add(e.add(soon, e.mul(j, LINE * asks)), LINE * q))

        add_taps(e, acc, xs, a[2:6], vectors, ask)
        last = vectors - 1
        ys = [e.add(y, e.table(yo, i)) for i in range(pixels)]
        least = e.broadcast(floor)
        result = [e.at_least(b.load(v), least) for v in acc]
        for i in range(pixels):
            for q in range(last):
                e.store(result[i * vectors + q], e.add(ys[i], VECTOR_BYTES * q))
        with b.if_else(b.icmp_signed("==", lanes, e.count(e.lanes))) as (whole, partial):
            with whole:
                for i in range(pixels):
                    e.store(result[i * vectors + last], e.add(ys[i], VECTOR_BYTES * last))
            with partial:
                mask = e.first(lanes)
                for i in range(pixels):
                    e.store_masked(result[i * vectors + last], e.add(ys[i], VECTOR_BYTES * last), mask)

    return emitted(13, generate, half)


def gradient_tile(taps: int, rows: int, vectors: int, half: bool = False) -> Any:
    """Make dst[h, i, :] (+)= sum over pixels p of x[p + tap[h] + i] * dy[p, :] for h < taps, i < rows.

    Arguments (x, xo, P, dy, yo, tap, dst, tap_stride, row_stride, valid, accumulate, soon): rows i >= valid are
    computed, not stored; strides are in bytes; at each pixel memory is asked for one cache line from address `soon` on.
    `half` (of one vector) computes the first half of the lanes and stores zero in the rest.
    """

    def generate(e: Emit, a: list[Any]) -> None:
        x, xo, count, dy, yo, tap, dst, stride, step, valid, accumulate, soon = a
        b, acc = e.b, e.accumulators(taps * rows * vectors)
        stored = [b.icmp_signed("<", e.count(i), valid) for i in range(rows)]
        place = [[e.add(e.add(dst, e.mul(stride, h)), e.mul(step, i)) for i in range(rows)] for h in range(taps)]
        with b.if_then(b.icmp_signed("==", accumulate, e.count(1))):
            for i in range(rows):
                with b.if_then(stored[i]):
                    for h in range(taps):
                        for q in range(vectors):
                            b.store(e.load(e.add(place[h][i], VECTOR_BYTES * q)), acc[(h * rows + i) * vectors + q])
        at = [e.add(x, e.table(tap, h)) for h in range(taps)]
        with e.loop(count) as p:
            px, py = e.table(xo, p.index), e.add(dy, e.table(yo, p.index))
            ds = [e.load(e.add(py, VECTOR_BYTES * q)) for q in range(vectors)]
            prefetch(e, e.add(soon, e.mul(p.index, LINE)))
            for h in range(taps):
                here = e.add(at[h], px)
                for i in range(rows):
                    xv = e.broadcast(e.add(here, e.size * i))
                    for q in range(vectors):
                        v = acc[(h * rows + i) * vectors + q]
                        b.store(e.fma(xv, ds[q], b.load(v)), v)
        for i in range(rows):
            with b.if_then(stored[i]):
                for h in range(taps):
                    for q in range(vectors):
                        e.store(b.load(acc[(h * rows + i) * vectors + q]), e.add(place[h][i], VECTOR_BYTES * q))
                    if half:
                        e.store(e.zero, e.add(place[h][i], VECTOR_BYTES // 2))

    return emitted(12, generate, half)


def _ahead(e: Emit, a: list[Any]) -> None:
    """Ask memory for `count` bytes at an address, which are written or read soon. Arguments (address, count)."""
    with e.loop(e.b.sdiv(e.add(a[1], LINE - 1), e.count(LINE))) as i:
        prefetch(e, e.add(a[0], e.mul(i.index, LINE)))


ahead = emitted(2, _ahead)


def sum_of_parts(e: Emit, a: list[Any]) -> None:
    """to[i] = part[0][i] + part[1][i] + ... in this order. Arguments (part, stride, parts, to, values): bytes apart."""
    part, stride, parts, to, n = a
    b, run = e.b, 4  # four chains of additions hide their latency

    def total(offset: Any, load: Callable[[Any], Any], store: Callable[[Any, Any], None], vectors: int) -> None:
        places = [e.add(offset, VECTOR_BYTES * v) for v in range(vectors)]
        sums = e.accumulators(vectors)
        for place, s in zip(places, sums, strict=True):
            b.store(load(e.add(part, place)), s)
        with e.loop(e.add(parts, -1)) as i:
            here = e.add(part, e.mul(stride, e.add(i.index, 1)))
            for place, s in zip(places, sums, strict=True):
                b.store(b.fadd(b.load(s), load(e.add(here, place))), s)
        for place, s in zip(places, sums, strict=True):
            store(b.load(s), e.add(to, place))

    whole = b.sdiv(n, e.count(run * e.lanes))
    with e.loop(whole) as r:
        total(e.mul(r.index, run * VECTOR_BYTES), e.load, e.store, run)
    done = e.mul(whole, run * e.lanes)
    start = e.mul(done, e.size)
    e.over(b.sub(n, done), lambda o, load, store: total(e.add(start, o), load, store, 1))


def turned(e: Emit, a: list[Any]) -> None:
    """dst[i, :] = column i of the lanes x lanes values at src, for i < rows. (src, stride, dst, stride, rows)"""
    src, stride, dst, to, count = a
    rows = [e.load(e.add(src, e.mul(stride, i))) for i in range(e.lanes)]
    half = e.lanes // 2
    while half:  # swap the off-diagonal half x half blocks of every 2 half x 2 half block
        low = [(i & ~half) + (e.lanes if i & half else 0) for i in range(e.lanes)]
        high = [(i | half) + (e.lanes if i & half else 0) for i in range(e.lanes)]
        masks = [ir.Constant(ir.VectorType(I32, e.lanes), m) for m in (low, high)]
        for i in range(e.lanes):
            if not i & half:
                x, y = rows[i], rows[i + half]
                rows[i], rows[i + half] = (e.b.shuffle_vector(x, y, m) for m in masks)
        half //= 2
    for i, row in enumerate(rows):
        with e.b.if_then(e.b.icmp_signed("<", e.count(i), count)):
            e.store(row, e.add(dst, e.mul(to, i)))
