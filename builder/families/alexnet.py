"""AlexNet (Krizhevsky et al. 2012), and the form with batch normalisation that Chainer's examples call AlexBN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, affine, classifier, conv, document, layer, max_pool

INPUT = (3, 227, 227)


def _dense(classes: int, hidden_size: int, p: float) -> Layers:
    part = [affine(hidden_size), layer("ReLU"), layer("Dropout", p=p)]
    return [*part, *part, *classifier(classes)]


def alexnet(
    input_dim: Sequence[int] = INPUT,
    classes: int = 1000,
    *,
    groups: int = 2,
    hidden_size: int = 4096,
    p: float = 0.5,
    **more: Any,
) -> dict[str, Any]:
    """Return AlexNet: local response normalisation after the first two stages, ReLU, overlapping pooling, Dropout.

    With groups=2, the paper's two GPUs, it has 60,965,224 parameters at 1000 classes; with groups=1, as most write it
    today, 62,378,344.
    """
    split = groups if groups != 1 else None
    relu, lrn, pool = layer("ReLU"), layer("LRN", size=5, alpha=1e-4, beta=0.75, k=2.0), max_pool(3, 2)
    layers = [
        *[conv(96, 11, stride=4), relu, lrn, pool],
        *[conv(256, 5, padding=2, groups=split), relu, lrn, pool],
        *[conv(384, 3, padding=1), relu],
        *[conv(384, 3, padding=1, groups=split), relu],
        *[conv(256, 3, padding=1, groups=split), relu, pool],
        *_dense(classes, hidden_size, p),
    ]
    return document("alexnet", input_dim, layers, **more)


def alexbn(
    input_dim: Sequence[int] = INPUT, classes: int = 1000, *, hidden_size: int = 4096, p: float = 0.5, **more: Any
) -> dict[str, Any]:
    """Return Chainer's AlexBN: batch normalisation in the first two stages, and pooling that rounds up (cover_all).

    A 227×227 image ends as 256×6×6 = 9216 inputs of the first Affine (55, 27, 13, 6).

    >>> alexbn(classes=10)["model"]["layers"][1]["type"]
    'BatchNormalization'
    """
    relu, norm, pool = layer("ReLU"), layer("BatchNormalization"), max_pool(3, 2, ceil_mode=True)
    layers = [
        *[conv(96, 11, stride=4), norm, relu, pool],
        *[conv(256, 5, padding=2), norm, relu, pool],
        *[conv(384, 3, padding=1), relu],
        *[conv(384, 3, padding=1), relu],
        *[conv(256, 3, padding=1), relu, pool],
        *_dense(classes, hidden_size, p),
    ]
    return document("alexbn", input_dim, layers, **more)
