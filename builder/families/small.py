"""Two small convolutional networks for the other tasks: a yes or no, and a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, affine, conv, document, layer, max_pool


def _stages(channels: Sequence[int]) -> Layers:
    return [
        part
        for count in channels
        for part in (conv(count, 3, padding=1), layer("BatchNormalization"), layer("ReLU"), max_pool())
    ]


def binary_cnn(
    input_dim: Sequence[int] = (1, 8, 8), channels: Sequence[int] = (16, 32), hidden_size: int = 32, **more: Any
) -> dict[str, Any]:
    """Return stages of convolution, normalisation, ReLU and pooling that end in the probability of yes.

    >>> [layer["type"] for layer in binary_cnn()["model"]["layers"][-2:]]
    ['Sigmoid', 'BinaryCrossEntropy']
    """
    end = [affine(hidden_size), layer("ReLU"), affine(1), layer("Sigmoid"), layer("BinaryCrossEntropy")]
    return document("binary_cnn", input_dim, _stages(channels) + end, task="binary", **more)


def regression_cnn(
    input_dim: Sequence[int] = (1, 8, 8), channels: Sequence[int] = (16, 32), hidden_size: int = 64, outputs: int = 1,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return stages of convolution, normalisation, ReLU and pooling that end in numbers, without an activation.

    >>> regression_cnn(outputs=3)["model"]["layers"][-2]["out_features"]
    3
    """
    end = [affine(hidden_size), layer("ReLU"), affine(outputs), layer("SquaredError")]
    return document("regression_cnn", input_dim, _stages(channels) + end, task="regression", **more)
