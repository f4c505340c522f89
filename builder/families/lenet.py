"""LeNet-5 (LeCun et al. 1998), as it was and as it is built today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import affine, classifier, conv, document, layer, max_pool

INPUT = (1, 28, 28)


def lenet(input_dim: Sequence[int] = INPUT, output_size: int = 10, **more: Any) -> dict[str, Any]:
    """Return the original form: sigmoids, and subsampling with a trained scale and bias for each map.

    6 maps of 5×5 (padding 2 makes 32×32 of MNIST's 28×28), 16 maps of 5×5, then 120, 84 and the classes. As in today's
    textbooks every map reads all maps before it, and the end is a softmax instead of radial basis functions.
    """
    stages = [part for maps, padding in ((6, 2), (16, 0)) for part in (
        conv(maps, 5, padding=padding), layer("Sigmoid"), layer("Subsampling"))]  # fmt: skip
    dense = [part for size in (120, 84) for part in (affine(size), layer("Sigmoid"))]
    glorot = {"weight_initializer": "glorot_normal"}
    layers = [{**part, **glorot} if part["type"] in ("Convolution", "Affine") else part for part in stages + dense]
    return document("lenet", input_dim, layers + classifier(output_size, **glorot), **more)


def lenet5(input_dim: Sequence[int] = INPUT, output_size: int = 10, **more: Any) -> dict[str, Any]:
    """Return today's form of the same network: ReLU and max pooling; 61,706 parameters at 28×28.

    >>> len(lenet5()["model"]["layers"])
    13
    """
    stages = [part for maps, padding in ((6, 2), (16, 0)) for part in (
        conv(maps, 5, padding=padding), layer("ReLU"), max_pool())]  # fmt: skip
    dense = [part for size in (120, 84) for part in (affine(size), layer("ReLU"))]
    return document("lenet5", input_dim, stages + dense + classifier(output_size), **more)
