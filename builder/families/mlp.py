"""A multilayer perceptron: Affine layers with ReLU between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, affine, classifier, document, layer


def mlp(
    input_dim: Sequence[int] = (1, 28, 28), hidden_sizes: Sequence[int] = (256, 128), output_size: int = 10, **more: Any
) -> dict[str, Any]:
    """Return a classifier of Affine layers with ReLU, e.g. 784-256-128-10.

    >>> [layer["type"] for layer in mlp(hidden_sizes=[5])["model"]["layers"]]
    ['Affine', 'ReLU', 'Affine', 'Softmax', 'CategoricalCrossEntropy']
    """
    hidden: Layers = [part for size in hidden_sizes for part in (affine(size), layer("ReLU"))]
    return document("mlp", input_dim, hidden + classifier(output_size), **more)
