"""Feature maps: what a layer makes of a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas import ops
from schemas.errors import UsageError
from schemas.say import say

from .probe import find, layer_names, score_node, shape_of, values

if TYPE_CHECKING:
    from builder.network import Network


def feature_maps(net: Network, x: Any, layer: str) -> np.ndarray:
    """Return a layer's values (N, C, H, W) or (N, F) for samples x (N, ...), as in use."""
    return values(net, x, [layer])[layer]


def map_layers(net: Network) -> list[str]:
    """Return the layers whose value is an image or row of more than one place, in order, without the output."""
    names = [name for name in layer_names(net) if name != net.checked.output]
    return [name for name in names if len(s := shape_of(net, name)) > 1 and math.prod(s[1:]) > 1]


def stages(net: Network) -> list[str]:
    """Return the layers that end a stage: the last of each image size, in order. Few maps that show the whole way."""
    last: dict[tuple[int, ...], str] = {}
    for name in map_layers(net):
        size = shape_of(net, name)[1:]
        last.pop(size, None)
        last[size] = name
    return list(last.values())


def last_maps(net: Network) -> str:
    """Return the layer that Grad-CAM looks at: the last one of the size that the last convolution gives."""
    score = score_node(net.graph)
    before = [node for node in _ancestors(score) if node is not score]
    kinds = ops.Conv2d | ops.Deconv2d
    sizes = [node.op.shape[1:] for node in net.graph.nodes if isinstance(node.op, kinds) and node in before]
    fitting = [
        name for name in map_layers(net) if sizes and find(net, name) in before and shape_of(net, name)[1:] == sizes[-1]
    ]
    if not fitting:
        raise UsageError(say("The network has no convolution whose maps lead to its scores; name a layer to look at."))
    return fitting[-1]


def _ancestors(node: Any) -> list[Any]:
    found, stack, seen = [], [node], set()
    while stack:
        here = stack.pop()
        if id(here) not in seen:
            seen.add(id(here))
            found.append(here)
            stack.extend(here.inputs)
    return found


def strongest(maps: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` channels of maps (C, H, W) with the largest spread, in their own order: the telling ones."""
    spread = maps.reshape(len(maps), -1).std(axis=1)
    return np.sort(np.argsort(-spread, kind="stable")[:count])
