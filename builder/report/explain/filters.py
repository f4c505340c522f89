"""The filters of a convolution: as they were drawn, as they are now, and what each of them looks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas import ops
from schemas.errors import UsageError
from schemas.say import say

from .probe import find

if TYPE_CHECKING:
    from builder.network import Network

CLEAR = 0.5
"""Share of a filter's energy that one pattern must explain before the filter is called by its name."""


@dataclass(frozen=True)
class Filters:
    """A convolution's filters (K, C/groups, FH, FW) before and after training; those along rows have FH 1.

    Of a transposed convolution there is one filter for each input channel: what that channel paints, over its outputs.
    """

    layer: str
    before: np.ndarray
    after: np.ndarray

    @property
    def change(self) -> np.ndarray:
        """How far each filter has moved, relative to where it began: (K,)."""
        axes = (1, 2, 3)
        moved = np.sqrt(((self.after - self.before) ** 2).sum(axes))
        return moved / np.maximum(np.sqrt((self.before**2).sum(axes)), np.finfo(np.float32).tiny)


Filtering = ops.Conv2d | ops.Deconv2d


def convolutions(net: Network) -> dict[str, Filtering]:
    """Return the convolution of each layer that holds one, in order; the first where it holds two.

    Those along rows and transposed ones are among them.
    """
    found: dict[str, Filtering] = {}
    for node in net.graph.nodes:
        if isinstance(node.op, Filtering) and len(node.op.weight.shape) > 2:
            found.setdefault(node.layer, node.op)
    return found


def convolution(net: Network, layer: str | None = None) -> tuple[str, Filtering]:
    """Return a layer and its convolution: the first one when `layer` is left out. Raises UsageError without one."""
    every = convolutions(net)
    if layer is not None:
        find(net, layer)
        if layer not in every:
            known = say(": {names} are", names=", ".join(list(every)[:8])) if every else ""
            raise UsageError(say("Layer {layer!r} is no convolution{known}.", layer=layer, known=known))
        return layer, every[layer]
    if not every:
        raise UsageError(say("The network has no convolution, so it has no filters to look at."))
    return next(iter(every.items()))


def filters(net: Network, layer: str | None = None) -> Filters:
    """Return the filters of a layer (the first convolution when left out), now and before training.

    The first ones are drawn again: document and seed determine them.
    """
    from builder.compile.initial import draw

    name, op = convolution(net, layer)
    key = net.graph.key(op.weight)
    before = draw(net.params.slots[key].parameter, key, net.random_seed, net.params.dtype)
    form = op.filters
    return Filters(name, before.reshape(form), net.params[key].reshape(form))


PATTERNS = {
    "brightness": say("brightness"),
    "vertical edge": say("vertical edge"),
    "horizontal edge": say("horizontal edge"),
    "blob": say("blob"),
    "diagonal edge, \\": say("diagonal edge, \\"),
    "diagonal edge, /": say("diagonal edge, /"),
}
"""How the patterns are called to people."""


def templates(height: int, width: int) -> dict[str, np.ndarray]:
    """Return the patterns that filters of this size are compared with, each of length one."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    y, x = y - y.mean(), x - x.mean()
    blob = np.exp(-(x**2 + y**2) / (0.25 * (height * width) ** 0.5))
    found = {
        "brightness": np.ones((height, width)),
        "vertical edge" if height > 1 else "rise or fall": x,
        "horizontal edge": y,
        "blob" if height > 1 else "bump": blob - blob.mean(),
    }
    if height > 1 and width > 1:
        found |= {"diagonal edge, \\": x - y, "diagonal edge, /": x + y}
    return {name: t / np.linalg.norm(t) for name, t in found.items() if np.linalg.norm(t) > 0}


def describe(weight: np.ndarray) -> tuple[str, float]:
    """Return which pattern a filter (C, FH, FW) or (FH, FW) resembles most, and the share of its energy that it is.

    The channels are compared one by one. A filter that resembles none in at least half of its energy is "mixed".

    >>> describe(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))[0]
    'vertical edge'
    """
    planes = np.asarray(weight, np.float64)
    planes = planes.reshape(-1, *planes.shape[-2:])
    energy = float((planes**2).sum())
    if energy == 0 or not np.isfinite(energy):
        return ("empty" if energy == 0 else "not finite"), 0.0
    shares = {
        name: float(((planes * t).sum(axis=(1, 2)) ** 2).sum()) / energy
        for name, t in templates(*planes.shape[1:]).items()
    }
    name = max(shares, key=lambda n: shares[n])
    return (name if shares[name] >= CLEAR else "mixed"), shares[name]


def apply_filter(
    image: np.ndarray, weight: np.ndarray, stride: tuple[int, int] = (1, 1), padding: ops.Padding = ((0, 0), (0, 0))
) -> np.ndarray:
    """Return the response (OH, OW) of one filter (C, FH, FW) to any image (C, H, W), without bias."""
    x, w = np.asarray(image, np.float64), np.asarray(weight, np.float64)
    if x.ndim != 3 or w.ndim != 3 or len(x) != len(w):
        raise UsageError(
            say(
                "A filter {filter} does not fit an image {image}: both are (channels, height, width).",
                filter=w.shape,
                image=x.shape,
            )
        )
    padded = np.pad(x, ((0, 0), *padding))
    if any(a < b for a, b in zip(padded.shape[1:], w.shape[1:], strict=True)):
        raise UsageError(
            say(
                "The filter, {height} × {width}, is larger than the image {image}.",
                height=w.shape[1],
                width=w.shape[2],
                image=x.shape[1:],
            )
        )
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[1:], axis=(1, 2))
    return np.einsum("chwij,cij->hw", windows[:, :: stride[0], :: stride[1]], w)
