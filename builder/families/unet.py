"""A small U-Net (Ronneberger et al. 2015): a class for every pixel, from what is near and from the whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, conv, document, layer, max_pool, unit


def unet(
    input_dim: Sequence[int] = (1, 8, 8), classes: int = 11, *, depth: int = 2, width: int = 16, **more: Any
) -> dict[str, Any]:
    """Return a U-Net with `depth` poolings and `width` channels before the first; each pooling doubles the channels.

    On the way up, each stage is enlarged by a Deconvolution and joined with the stage of the same size on the way down.
    Unlike the paper's, convolutions keep the size and are normalised. Height and width must be multiples of 2 ** depth.
    Raises ValueError where they are not.

    >>> unet(depth=1)["model"]["layers"][-3]["out_channels"]
    11
    """
    fold = 2**depth
    if any(size % fold for size in tuple(input_dim)[1:]):
        raise ValueError(f"unet with depth {depth} needs height and width that are multiples of {fold}: {input_dim}.")
    same = layer("Convolution", out_channels="$channels", kernel_size=3, padding=1, bias=False)
    block = [same, layer("BatchNormalization"), layer("ReLU")]
    units = {"Block": {"arguments": {"channels": None}, "layers": [*block, *block]}}
    layers: Layers = []
    for stage in range(depth):
        layers += [{**unit("Block", channels=width << stage), "name": f"down_{stage + 1}"}, max_pool()]
    layers.append({**unit("Block", channels=width << depth), "name": "bottom"})
    for stage in reversed(range(depth)):
        up = layer("Deconvolution", name=f"enlarge_{stage + 1}", out_channels=width << stage, kernel_size=2, stride=2)
        join = layer("Concatenate", inputs=[f"enlarge_{stage + 1}", f"down_{stage + 1}"])
        layers += [up, join, {**unit("Block", channels=width << stage), "name": f"up_{stage + 1}"}]
    layers += [conv(classes, 1), layer("Softmax"), layer("CategoricalCrossEntropy")]
    return document("unet", input_dim, layers, units=units, **more)
