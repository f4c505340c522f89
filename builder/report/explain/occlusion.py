"""Occlusion: cover a part of the image and see how much less sure the network is (Zeiler and Fergus 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import UsageError
from schemas.say import say

from .gradcam import targets
from .probe import images

if TYPE_CHECKING:
    from builder.network import Network

MOST = 20_000
"""Positions of the patch: one prediction each."""


@dataclass(frozen=True)
class Occlusion:
    """`drop` (rows, columns): how much the output falls for each position of the patch. `heat` (H, W): per pixel."""

    output: int
    probability: float
    patch: tuple[int, int]
    drop: np.ndarray
    heat: np.ndarray


def occlusion(
    net: Network, x: Any, output: int | None = None, *, patch: int | None = None, stride: int | None = None,
    fill: float | None = None,
) -> Occlusion:  # fmt: skip
    """Return how much the output falls where a patch covers one sample x (C, H, W) or (C, L).

    The patch is a quarter of the smaller side (of a row an eighth) and steps by half of itself when left out; it is
    filled with the sample's mean of each channel, or with `fill`. For classes the output is a probability.
    """
    c, h, w = images(net, "Occlusion")
    sample = np.asarray(x, net.params.dtype)
    form = tuple(net.input_shape)
    if sample.shape not in (form, (c, h, w)):
        raise UsageError(
            say(
                "Occlusion takes one sample of the shape {needed}, but received {shape}.",
                needed=form,
                shape=sample.shape,
            )
        )
    sample = sample.reshape(c, h, w)
    most = min(h, w) if h > 1 else w
    side = max(1, round(most / (4 if h > 1 else 8))) if patch is None else patch
    high = min(side, h) if h == 1 else side  # of a row it covers so many places
    step = max(1, side // 2) if stride is None else stride
    if not 1 <= side <= most or step < 1:
        raise UsageError(
            say(
                "The patch must have 1 to {most} pixels and step by at least 1: received {side}, {step}.",
                most=most,
                side=side,
                step=step,
            )
        )
    tops, lefts = _starts(h, high, step), _starts(w, side, step)
    if len(tops) * len(lefts) > MOST:
        raise UsageError(
            say(
                "{count:,} positions are too many: take a larger stride than {step}.",
                count=len(tops) * len(lefts),
                step=step,
            )
        )
    chosen = targets(net, sample.reshape(1, *form), None if output is None else [output])[0]
    grey = sample.mean(axis=(1, 2)) if fill is None else np.full(c, fill, sample.dtype)
    places = [(top, left) for top in tops for left in lefts]
    whole = float(_likelihood(net, sample[None], int(chosen[0]))[0])
    drop = np.empty(len(places))
    for start in range(0, len(places), 256):
        some = places[start : start + 256]
        covered = np.repeat(sample[None], len(some), axis=0)
        for k, (top, left) in enumerate(some):
            covered[k, :, top : top + high, left : left + side] = grey[:, None, None]
        drop[start : start + 256] = whole - _likelihood(net, covered, int(chosen[0]))
    heat, count = np.zeros((h, w)), np.zeros((h, w))
    for (top, left), value in zip(places, drop, strict=True):
        heat[top : top + high, left : left + side] += value
        count[top : top + high, left : left + side] += 1
    seen = np.maximum(count, 1)  # with a stride beyond the patch, some pixels are never covered: they stay 0
    return Occlusion(int(chosen[0]), whole, (high, side), drop.reshape(len(tops), len(lefts)), heat / seen)


def _starts(size: int, side: int, step: int) -> list[int]:
    """Return where the patch begins along one axis; the last one ends at the edge."""
    return sorted({*range(0, size - side + 1, step), size - side})


def _likelihood(net: Network, x: np.ndarray, output: int) -> np.ndarray:
    """Return the chosen output of each sample (N,), over pixels their mean."""
    prediction = net.predict(x.reshape(len(x), *net.input_shape))
    flat = prediction.reshape(len(prediction), prediction.shape[1], -1).mean(axis=2).astype(np.float64)
    if net.task == "binary" and flat.shape[1] == 1:
        return flat[:, 0] if output == 1 else 1 - flat[:, 0]
    return flat[:, output]
