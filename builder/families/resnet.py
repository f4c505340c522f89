"""Residual networks (He et al. 2016): stacks of blocks that add their input to what they computed.

ImageNet's form (18 to 152 layers) begins with a 7×7 convolution and has four stages; its bottleneck takes the stride in
the 3×3 convolution, as torchvision's does. CIFAR's form (20, 32, 44, 56, 110: 6n + 2) begins with 3×3 and has three.
Where a block changes the shape, the shortcut is a 1×1 convolution (the paper's option B).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Layers, classifier, conv, document, layer, max_pool, repeat, unit

BASIC: dict[int, tuple[int, ...]] = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK: dict[int, tuple[int, ...]] = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
CIFAR = (20, 32, 44, 56, 110)

RELU, NORM = layer("ReLU"), layer("BatchNormalization")


def _conv(channels: Any, size: int, stride: Any = 1) -> dict[str, Any]:
    """Return a convolution without bias: batch normalisation follows, which takes any bias away again."""
    return conv(channels, size, stride=stride, padding=size // 2, bias=False)


def _block(*main: dict[str, Any], project: Any = None) -> Layers:
    """Return a block: the main path, the shortcut where it is projected, and their sum."""
    path = [*main, layer("BatchNormalization", name="main")]
    shortcut = "Input"
    if project is not None:
        path += [{**project, "inputs": ["Input"]}, layer("BatchNormalization", name="shortcut")]
        shortcut = "shortcut"
    return [*path, layer("Add", inputs=["main", shortcut]), RELU]


def _basic() -> dict[str, Any]:
    first, second = _conv("$channels", 3), _conv("$channels", 3)
    strided = _conv("$channels", 3, "$stride")
    return {
        "Block": {"arguments": {"channels": None}, "layers": _block(first, NORM, RELU, second)},
        "Widen": {
            "arguments": {"channels": None, "stride": 2},
            "layers": _block(strided, NORM, RELU, second, project=_conv("$channels", 1, "$stride")),
        },
    }


def _bottleneck() -> dict[str, Any]:
    def main(stride: Any) -> Layers:
        narrow, middle, wide = _conv("$channels", 1), _conv("$channels", 3, stride), _conv("$out", 1)
        return [narrow, NORM, RELU, middle, NORM, RELU, wide]

    return {
        "Block": {"arguments": {"channels": None, "out": None}, "layers": _block(*main(1))},
        "Widen": {
            "arguments": {"channels": None, "out": None, "stride": 2},
            "layers": _block(*main("$stride"), project=_conv("$out", 1, "$stride")),
        },
    }


def resnet(
    depth: int = 18, input_dim: Sequence[int] | None = None, classes: int | None = None, **more: Any
) -> dict[str, Any]:
    """Return ResNet-18, 34, 50, 101, 152 (3×224×224, 1000 classes) or ResNet-20, 32, 44, 56, 110 (3×32×32, 10 classes).

    At these sizes ResNet-18 has 11,689,512 parameters, 34 has 21,797,672 and 50 has 25,557,032. Raises ValueError for
    another depth.

    >>> len(resnet(50)["model"]["layers"])
    16
    """
    stages: tuple[int, ...]
    if depth in CIFAR:
        stages, channels, expansion, units = ((depth - 2) // 6,) * 3, 16, 1, _basic()
        layers = [_conv(16, 3), NORM, RELU]
        shape, answers = (3, 32, 32), 10
    elif depth in BASIC or depth in BOTTLENECK:
        stages, channels, shape, answers = (BASIC | BOTTLENECK)[depth], 64, (3, 224, 224), 1000
        expansion, units = (1, _basic()) if depth in BASIC else (4, _bottleneck())
        layers = [conv(64, 7, stride=2, padding=3, bias=False), NORM, RELU, max_pool(3, 2, padding=1)]
    else:
        known = ", ".join(map(str, sorted((*CIFAR, *BASIC, *BOTTLENECK))))
        raise ValueError(f"resnet has a depth of {known}, but received {depth}.")
    for number, times in enumerate(stages):
        arguments: dict[str, Any] = {"channels": channels << number}
        if expansion > 1:
            arguments["out"] = expansion * arguments["channels"]
        if number == 0 and expansion == 1:  # the stem has these channels already
            layers += repeat(times, unit("Block", **arguments))
            continue
        stride = {"stride": 1} if number == 0 else {}
        layers += [unit("Widen", **arguments, **stride), *repeat(times - 1, unit("Block", **arguments))]
    layers += [layer("GlobalAveragePooling"), *classifier(classes or answers)]
    return document(f"resnet{depth}", input_dim or shape, layers, units=units, **more)
