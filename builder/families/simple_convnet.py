"""SimpleConvNet, the first convolutional network of "Deep Learning from Scratch" (Saito 2016, chapter 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import affine, classifier, conv, document, layer, max_pool

CONV_PARAM = {"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1}


def simple_convnet(
    input_dim: Sequence[int] = (1, 28, 28),
    conv_param: Mapping[str, int] | None = None,
    hidden_size: int = 100,
    output_size: int = 10,
    weight_init_std: float = 0.01,
    **more: Any,
) -> dict[str, Any]:
    """Return Convolution, ReLU, 2×2 max pooling, Affine, ReLU, Affine and softmax with loss.

    conv_param holds filter_num, filter_size, pad and stride; what it leaves out is the book's. The weights start normal
    with standard deviation weight_init_std, the biases at zero: W1 (30, 1, 5, 5), W2 (4320, 100), W3 (100, 10).
    Raises ValueError for another key in conv_param.

    >>> simple_convnet(conv_param={"filter_num": 8})["model"]["layers"][0]["out_channels"]
    8
    """
    unknown = sorted(set(conv_param or {}) - set(CONV_PARAM))
    if unknown:
        raise ValueError(f"conv_param has {', '.join(unknown)}, but takes {', '.join(CONV_PARAM)}.")
    given = {**CONV_PARAM, **(conv_param or {})}
    small = {"weight_initializer": {"type": "gaussian", "std": weight_init_std}}
    layers = [
        conv(given["filter_num"], given["filter_size"], stride=given["stride"], padding=given["pad"], **small),
        layer("ReLU"),
        max_pool(),
        affine(hidden_size, **small),
        layer("ReLU"),
        *classifier(output_size, **small),
    ]
    return document("simple_convnet", input_dim, layers, **more)
