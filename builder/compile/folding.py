"""In use, batch normalisation is a fixed scale and shift: they become part of the layer before it.

    gamma * (conv(x, W) + b - mean) / std + beta  =  conv(x, W * s) + (b - mean) * s + beta,   s = gamma / std

The folded weights are made anew when the parameters have changed, in float64, and lie beside the program's memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops

from .layouts import Layout, layout_of
from .tensors import ALIGNMENT, Node, rounded

if TYPE_CHECKING:
    from .lower import Lowered
    from .parameters import Parameters

Product = ops.Conv2d | ops.Affine


@dataclass(frozen=True, eq=False)
class Folded:
    """Two parameters made of others: the weight and bias of `op` with `norm`."""

    weight: ops.Parameter
    bias: ops.Parameter
    op: Product
    norm: ops.BatchNorm


def normalisation_folds(graph: Lowered) -> None:
    """BatchNorm(Convolution(x)) and BatchNorm(Affine(x)), in use: one operation with other weights.

    Not where the next is a sum: a pass over memory is needed there anyway, and takes one normalisation along for
    nothing.
    """
    from .fuse import absorbs, consumers

    counts = consumers(graph)
    taken = {id(norm) for node in graph.nodes for norm in _with_sums(node, counts, graph)}
    gone: dict[int, Node] = {}
    folded: list[Folded] = []
    for node in graph.nodes:
        node.inputs = [gone.get(id(i), i) for i in node.inputs]
        norm = node.op
        if not isinstance(norm, ops.BatchNorm) or id(node) in taken:
            continue
        source = node.inputs[0]
        op = source.op
        if type(op) not in (ops.Conv2d, ops.Affine) or not absorbs(graph, counts, source):
            continue
        assert isinstance(op, Product)
        if any(op.weight is made.weight for made in folded):
            continue  # of two in a row the first is taken
        channels = (op.shape[0],)
        made = Folded(replace(op.weight), ops.Parameter("bias", channels, kind="bias"), op, norm)
        key = graph.key(op.weight)
        graph.keys = graph.keys | {id(made.weight): f"{key} folded", id(made.bias): f"{key} folded bias"}
        folded.append(made)
        source.op = replace(op, weight=made.weight, bias=made.bias)
        gone[id(node)] = source
    graph.layers = {name: gone.get(id(node), node) for name, node in graph.layers.items()}
    graph.output = gone.get(id(graph.output), graph.output)
    graph.folded = (*graph.folded, *folded)


def _with_sums(node: Node, counts: dict[int, int], graph: Lowered) -> list[Node]:
    """Return the normalisation that the pass of a sum of two takes along, if there is one."""
    from .fuse import absorbs

    if not isinstance(node.op, ops.Add) or len(node.inputs) != 2 or node.inputs[0] is node.inputs[1]:
        return []
    norms = [i for i in node.inputs if isinstance(i.op, ops.BatchNorm) and absorbs(graph, counts, i)]
    return norms[:1]


class Derived:
    """The memory of folded parameters, in the kernels' layouts."""

    def __init__(self, folded: Iterable[Folded], nodes: Iterable[Node], parameters: Parameters) -> None:
        from .parameters import aligned

        self.parameters, self.folded = parameters, tuple(folded)
        owner = {id(p): node.op for node in nodes for p in node.op.parameters}
        lanes = ALIGNMENT // parameters.dtype.itemsize
        self._slots: dict[int, tuple[int, Layout]] = {}
        place = 0
        for made in self.folded:
            for parameter in (made.weight, made.bias):
                layout = layout_of(owner[id(parameter)], parameter, parameters.lanes)
                self._slots[id(parameter)] = place, layout
                place += rounded(layout.size, lanes)
        self.values = aligned(place, parameters.dtype)

    def address(self, parameter: ops.Parameter) -> int | None:
        """Return where a folded parameter lies, or None for any other."""
        found = self._slots.get(id(parameter))
        return None if found is None else int(self.values.ctypes.data) + found[0] * self.parameters.dtype.itemsize

    def refresh(self, key_of: Lowered) -> None:
        """Make the folded parameters from the present ones."""
        for made in self.folded:
            weight, mean, variance, gamma, beta = (
                self.parameters[key_of.key(p)].astype(np.float64)
                for p in (made.op.weight, made.norm.mean, made.norm.variance, made.norm.gamma, made.norm.beta)
            )
            bias = self.parameters[key_of.key(made.op.bias)].astype(np.float64) if made.op.bias is not None else 0.0
            scale = gamma / np.sqrt(variance + made.norm.epsilon)
            wide = scale if isinstance(made.op, ops.Affine) else scale.reshape(-1, *[1] * (weight.ndim - 1))
            self._put(made.weight, weight * wide)
            self._put(made.bias, (bias - mean) * scale + beta)

    def _put(self, parameter: ops.Parameter, public: np.ndarray) -> None:
        start, layout = self._slots[id(parameter)]
        layout.pack(public.astype(self.values.dtype), self.values[start : start + layout.size])
