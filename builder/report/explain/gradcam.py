"""Grad-CAM: where in the image a class is seen (Selvaraju et al. 2017, "Grad-CAM: visual explanations")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.errors import UsageError
from schemas.say import say
from schemas.shapes import shape_text

from .maps import last_maps
from .probe import images, planes, score_gradients, shape_of

if TYPE_CHECKING:
    from builder.network import Network


@dataclass(frozen=True)
class GradCam:
    """`maps` (N, h, w) in the layer's size, `heat` (N, H, W) in the image's, 0 or more; `outputs` (N,) explained."""

    layer: str
    outputs: np.ndarray
    maps: np.ndarray
    heat: np.ndarray


def grad_cam(net: Network, x: Any, outputs: Sequence[int] | None = None, layer: str | None = None) -> GradCam:
    """Return where in each sample x (N, C, H, W) or (N, C, L) the score of `outputs[i]` comes from.

    A channel counts as much as the mean of the score's gradient over its pixels; the weighted sum of the channels, and
    of it what speaks for the class, is the map. `outputs` are the predicted ones when left out; `layer` is the last one
    of the last convolution's size. With one output (binary), 0 explains class 0 and 1 class 1.
    """
    size = images(net, "Grad-CAM")[1:]
    name = layer or last_maps(net)
    shape = shape_of(net, name)
    if len(shape) < 2 or math.prod(shape[1:]) < 2:
        raise UsageError(
            say(
                "Grad-CAM needs a layer with maps, but {name!r} gives {shape}: try {other!r}.",
                name=name,
                shape=shape_text(shape),
                other=last_maps(net),
            )
        )
    chosen, rows, sign = targets(net, x, outputs)
    _, seen, slopes = score_gradients(net, x, rows, [name])
    values, slope = planes(seen[name]), planes(slopes[name])
    weights = slope.mean(axis=(2, 3)) * sign[:, None]
    maps = np.maximum(np.einsum("nc,nchw->nhw", weights, values), 0)
    return GradCam(name, chosen, maps, np.stack([enlarge(m, size) for m in maps]))


def targets(net: Network, x: Any, outputs: Sequence[int] | None) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Return (what is explained (N,), the score's row for each sample, its sign)."""
    prediction = net.predict(x)
    flat = prediction.reshape(len(prediction), prediction.shape[1], -1).mean(axis=2)
    single = net.task == "binary" and flat.shape[1] == 1
    count = 2 if single else flat.shape[1]
    if outputs is None:
        chosen = (flat[:, 0] >= 0.5).astype(np.int64) if single else flat.argmax(axis=1)
    else:
        chosen = np.asarray(outputs, np.int64).reshape(-1)
        if len(chosen) != len(flat) or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < count):
            raise UsageError(
                say(
                    "Give an output from 0 to {last} for each of the {count} samples.",
                    last=count - 1,
                    count=len(flat),
                )
            )
    sign = np.where(chosen == 1, 1.0, -1.0) if single else np.ones(len(chosen))
    return chosen, [0] * len(chosen) if single else chosen.tolist(), sign


def enlarge(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a map (h, w) at another size, linear between the centres of its pixels."""
    found = np.asarray(values, np.float64)
    for axis in (0, 1):
        old, new = found.shape[axis], size[axis]
        place = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, old - 1)
        share = (place - low)[:, None] if axis == 0 else place - low
        found = found.take(low, axis) * (1 - share) + found.take(high, axis) * share
    return found
