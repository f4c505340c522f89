"""LeNet-5 (LeCun et al. 1998) as it is built today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import affine, classifier, conv, document, layer, max_pool

INPUT = (1, 28, 28)


def lenet5(input_dim: Sequence[int] = INPUT, output_size: int = 10, **more: Any) -> dict[str, Any]:
    """Return today's form of the network: ReLU and max pooling; 61,706 parameters at 28×28.

    >>> len(lenet5()["model"]["layers"])
    13
    """
    stages = [part for maps, padding in ((6, 2), (16, 0)) for part in (
        conv(maps, 5, padding=padding), layer("ReLU"), max_pool())]  # fmt: skip
    dense = [part for size in (120, 84) for part in (affine(size), layer("ReLU"))]
    return document("lenet5", input_dim, stages + dense + classifier(output_size), **more)
