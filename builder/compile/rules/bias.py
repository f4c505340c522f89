"""The gradient of a bias: the sum of dy over batch and pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas import ops

from ..emit import Emitter, rows, slices
from ..tensors import Node, Tensor, rounded

if TYPE_CHECKING:
    from ..bind import Binder


def bias_gradient(em: Emitter, node: Node, bias: ops.Parameter, dy: Tensor, groups: int) -> None:
    """db[c] = sum of dy[..., c], in partial sums by a cut that depends on the shape alone."""
    chunks = slices(rows(dy) * dy.w * dy.c, most=16)
    run = max(1, 256 // dy.c)
    part, work = em.scratch((chunks + 1) * dy.c), em.scratch(chunks * run * dy.c)

    def bind(b: Binder) -> None:
        from ...kernels import elementwise, tiles

        at, item = b.arena + part.offset, dy.item
        # The border of dy is zero, so the sum may run over the whole buffer.
        count = dy.bytes // dy.pixel
        b.row(
            tiles,
            "column_sums",
            chunks,
            C_X=b.arena + dy.offset,
            C_TO=at,
            C_N=count,
            C_C=dy.c,
            C_CHUNKS=chunks,
            C_RUN=run,
            C_WORK=b.arena + work.offset,
        )
        to = b.gradient_of(bias)
        whole = at + chunks * dy.c * item if groups > 1 else to
        add_sums(b, at, chunks, dy.c, whole)
        if groups > 1:
            each = dy.c // groups
            b.row(
                elementwise,
                "copy",
                1,
                A=whole,
                A0=each * item,
                Y=to,
                Y0=rounded(each, em.lanes) * item,
                D0=groups,
                D1=1,
                D2=1,
                L=each,
                SLICES=1,
            )

    em.call(node, "bias gradient", (dy, part, work), bind)


def add_sums(b: Binder, part: int, chunks: int, c: int, to: int) -> None:
    """Add a row that adds up partial sums of c channels."""
    from ...kernels import tiles

    sizes = {"S_CHUNKS": chunks, "S_STRIDE": c, "S_SIZE": c, "S_SLICE": c}
    b.row(tiles, "sum_parts", 1, S_PART=part, S_TO=to, S_WIDTH=1, S_VALID=1, S_FROM=0, **sizes)
