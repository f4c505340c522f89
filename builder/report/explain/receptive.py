"""Receptive fields: which pixels of the input a value deep in the network can depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas import ops
from schemas.errors import UsageError
from schemas.shapes import Pair

from .probe import find, images, layer_names

if TYPE_CHECKING:
    from builder.compile.tensors import Node
    from builder.network import Network

Box = tuple[Pair, Pair]
"""((first row, last row), (first column, last column)) of an image; both ends belong to it."""

SAME_PLACE = (
    ops.BatchNorm,
    ops.LRN,
    ops.Pointwise,
    ops.Binary,
    ops.Dropout,
    ops.GaussianNoise,
    ops.Add,
    ops.Multiply,
    ops.Softmax,
)
"""Operations whose every pixel depends on the same pixel of their inputs alone."""


def receptive_fields(net: Network) -> list[dict[str, Any]]:
    """Return for each layer {"layer", "field": [rows, columns] or None where a value sees the whole input}."""
    images(net, "A receptive field")
    shown = set(layer_names(net))
    kept = [info for info in net.report.layers if info.name in shown]
    found = {info.name: list(info.receptive_field) if info.receptive_field else None for info in kept}
    if images(net, "A receptive field")[1] == 1:  # of rows the check does not count them
        found |= {name: _along(net, name) for name, field in found.items() if field is None}
    return [{"layer": name, "field": field} for name, field in found.items()]


def _along(net: Network, layer: str) -> list[int] | None:
    """Return [1, how many places of a row a value sees], or None where it sees the whole row."""
    shape = find(net, layer).op.shape
    seen = _box(net, layer, 0, shape[-1] // 2) if len(shape) == 2 else None
    return [1, seen[1][1] - seen[1][0] + 1] if seen is not None else None


def box(net: Network, layer: str, row: int = 0, column: int = 0) -> Box:
    """Return the pixels of the input that a layer's value at (row, column) depends on.

    They may lie outside the image, in the padding; `inside` cuts them. A value behind an Affine sees everything.
    """
    _, height, width = images(net, "A receptive field")
    return _box(net, layer, row, column) or ((0, height - 1), (0, width - 1))


def _box(net: Network, layer: str, row: int, column: int) -> Box | None:
    """Return those pixels, or None where they are all."""
    node = find(net, layer)
    size = (1, 1, *node.op.shape[1:])[-2:]
    if not (0 <= row < size[0] and 0 <= column < size[1]):
        raise UsageError(f"Layer {layer!r} has the positions (0, 0) to ({size[0] - 1}, {size[1] - 1}).")
    wanted: dict[int, Box] = {id(node): ((row, row), (column, column))}
    for here in reversed(net.graph.nodes):
        seen = wanted.get(id(here))
        if seen is None or here is net.graph.input:
            continue
        for source in here.inputs:
            first = source is net.graph.input and isinstance(here.op, ops.Reshape)  # it says what the values are
            needed = seen if first else _reads(here, seen)
            if needed is None:
                return None
            wanted[id(source)] = _union(wanted.get(id(source)), needed)
    return wanted.get(id(net.graph.input))


def inside(seen: Box, size: Pair) -> Box:
    """Cut a box at the image's edges."""
    (a, b), (c, d) = seen
    return (max(a, 0), min(b, size[0] - 1)), (max(c, 0), min(d, size[1] - 1))


def _reads(node: Node, seen: Box) -> Box | None:
    """Return what of its input an operation reads for this part of its value; None for all of it."""
    op = node.op
    if isinstance(op, SAME_PLACE) or (isinstance(op, ops.Concatenate) and op.axis == 0):
        return seen
    if isinstance(op, ops.Normalize) and op.groups is None:
        return seen
    if isinstance(op, ops.Deconv2d):
        return _span(op, seen, 0), _span(op, seen, 1)
    if isinstance(op, ops.Resample):
        return _enlarged(op, seen, 0), _enlarged(op, seen, 1)
    if isinstance(op, ops.Conv2d):
        kernel, spread = op.filters[2:], op.dilation
    elif isinstance(op, ops.MaxPool2d | ops.AveragePool2d):
        kernel, spread = op.kernel, (1, 1)
    else:
        return None
    rows, columns = (
        (
            seen[a][0] * op.stride[a] - op.padding[a][0],
            seen[a][1] * op.stride[a] - op.padding[a][0] + spread[a] * (kernel[a] - 1),
        )
        for a in (0, 1)
    )
    return rows, columns


def _span(op: ops.Deconv2d, seen: Box, a: int) -> Pair:
    """Return the inputs whose filter paints one of the outputs seen: those i with o = i * stride + tap - padding."""
    first = seen[a][0] + op.padding[a][0] - op.dilation[a] * (op.filters[2 + a] - 1)
    return -(-first // op.stride[a]), (seen[a][1] + op.padding[a][0]) // op.stride[a]


def _enlarged(op: ops.Resample, seen: Box, a: int) -> Pair:
    """Return the inputs between whose places the outputs seen lie."""
    from builder.kernels.resample import axis_entries

    size, out = op.inputs[0].shape[1 + a], op.shape[1 + a]
    outputs, inputs, _ = axis_entries(size, out, op.mode, op.align_corners)
    read = inputs[(outputs >= seen[a][0]) & (outputs <= seen[a][1])]
    return int(read.min()), int(read.max())


def _union(one: Box | None, two: Box) -> Box:
    if one is None:
        return two
    rows, columns = ((min(one[a][0], two[a][0]), max(one[a][1], two[a][1])) for a in (0, 1))
    return rows, columns
