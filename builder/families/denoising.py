"""A denoising autoencoder (Vincent et al. 2008): the picture itself from a disturbed one, through a narrow middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, conv, document, layer, max_pool


def denoising(
    input_dim: Sequence[int] = (1, 8, 8), channels: Sequence[int] = (16, 8), *, noise: float = 0.2, **more: Any
) -> dict[str, Any]:
    """Return an autoencoder of convolutions. Each entry of `channels` but the last is a stage that halves height and
    width; the last one is the middle, and the same stages lead back.

    noise: standard deviation of the Gaussian noise that is added to the input in training, for values from 0 to 1.
    The document's data need `"target": "input"`. Raises ValueError where height or width cannot be halved so often.

    >>> denoising(channels=[4])["model"]["layers"][1]["out_channels"]
    4
    """
    *stages, middle = channels
    fold = 2 ** len(stages)
    if any(size % fold for size in tuple(input_dim)[1:]):
        raise ValueError(f"height and width must be multiples of {fold}, but the input is {tuple(input_dim)}.")
    layers: Layers = [layer("GaussianNoise", std=noise)]
    for count in stages:
        layers += [conv(count, 3, padding=1), layer("ReLU"), max_pool()]
    layers += [conv(middle, 3, padding=1), layer("ReLU")]
    for count in reversed(stages):
        layers += [layer("Upsample"), conv(count, 3, padding=1), layer("ReLU")]
    layers += [conv(input_dim[0], 3, padding=1), layer("SquaredError")]
    return document("denoising", input_dim, layers, task="regression", **more)
