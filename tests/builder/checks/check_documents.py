"""Short ways to write documents, shared by the tests of the checker."""

from __future__ import annotations

from typing import Any

from schemas.patch import copy


def layer(kind: str, /, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def conv(channels: Any, /, **fields: Any) -> dict[str, Any]:
    return layer("Convolution", out_channels=channels, **fields)


def affine(features: Any, /, **fields: Any) -> dict[str, Any]:
    return layer("Affine", out_features=features, **fields)


def repeat(times: Any, layers: list[Any], /, **fields: Any) -> dict[str, Any]:
    return layer("Repeat", n=times, layers=layers, **fields)


def unit(name: str, /, **fields: Any) -> dict[str, Any]:
    return layer("Unit", unit=name, **fields)


SOFTMAX, SIGMOID, RELU = layer("Softmax"), layer("Sigmoid"), layer("ReLU")
CATEGORICAL, BINARY, SQUARED = layer("CategoricalCrossEntropy"), layer("BinaryCrossEntropy"), layer("SquaredError")
END = [affine(10), SOFTMAX, CATEGORICAL]


def document(
    layers: list[Any], shape: tuple[int, ...] = (1, 8, 8), task: str | None = "classification", **more: Any
) -> dict[str, Any]:
    """Return a document with these layers; `units` go into the model, everything else beside it."""
    model: dict[str, Any] = {"input": list(shape), "layers": copy(layers)}
    if "units" in more:
        model["units"] = more.pop("units")
    return {"format": 1, "name": "test", **({"task": task} if task else {}), "model": model, **more}


def resnet50() -> dict[str, Any]:
    """Return ResNet-50 (He et al. 2016) for 224 × 224 images, 1000 classes."""
    layers: list[Any] = []

    def norm(channels: int, size: int, stride: int, padding: int, name: str = "", reads: str = "") -> None:
        fields = {"kernel_size": size, "stride": stride, "padding": padding, "bias": False}
        layers.append(conv(channels, **fields, **({"inputs": [reads]} if reads else {})))
        layers.append(layer("BatchNormalization", **({"name": name} if name else {})))

    norm(64, 7, 2, 3)
    layers.extend([RELU, layer("MaxPooling", kernel_size=3, stride=2, padding=1, name="stem")])
    before, number = "stem", 0
    for channels, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            number += 1
            step = stride if block == 0 else 1
            norm(channels, 1, 1, 0, reads=before)
            layers.append(RELU)
            norm(channels, 3, step, 1)
            layers.append(RELU)
            norm(4 * channels, 1, 1, 0, name=f"main{number}")
            skip = before
            if block == 0:
                skip = f"skip{number}"
                norm(4 * channels, 1, step, 0, name=skip, reads=before)
            before = f"out{number}"
            layers.extend([layer("Add", inputs=[f"main{number}", skip]), layer("ReLU", name=before)])
    layers.extend([layer("GlobalAveragePooling"), affine(1000), SOFTMAX, CATEGORICAL])
    return document(layers, (3, 224, 224))
