"""What the families are written with: layers as the plain dicts of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Layers = list[dict[str, Any]]


def layer(kind: str, /, **fields: Any) -> dict[str, Any]:
    """Return one layer; fields that are None are left out.

    >>> layer("ReLU", name=None)
    {'type': 'ReLU'}
    """
    return {"type": kind, **{name: value for name, value in fields.items() if value is not None}}


def conv(channels: int | str, size: int, *, stride: Any = None, padding: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a Convolution with a square kernel; stride 1 and padding 0 are the defaults and not written."""
    given = {"stride": stride if stride != 1 else None, "padding": padding if padding != 0 else None}
    return layer("Convolution", out_channels=channels, kernel_size=size, **given, **fields)


def affine(features: int, **fields: Any) -> dict[str, Any]:
    """Return an Affine layer."""
    return layer("Affine", out_features=features, **fields)


def max_pool(size: int = 2, stride: int | None = None, **fields: Any) -> dict[str, Any]:
    """Return a MaxPooling with a square window that moves by its own size where no stride is said."""
    return layer("MaxPooling", kernel_size=size, stride=stride if stride != size else None, **fields)


def unit(name: str, **arguments: Any) -> dict[str, Any]:
    """Return a use of a unit."""
    return layer("Unit", unit=name, arguments=arguments or None)


def repeat(n: int, *layers: dict[str, Any]) -> Layers:
    """Return the layers n times: nothing, the layers themselves, or a Repeat."""
    if n == 0:
        return []
    return list(layers) if n == 1 else [{"type": "Repeat", "n": n, "layers": list(layers)}]


def classifier(classes: int, **fields: Any) -> Layers:
    """Return the end of a classification: Affine, Softmax, CategoricalCrossEntropy."""
    return [affine(classes, **fields), layer("Softmax"), layer("CategoricalCrossEntropy")]


def document(
    name: str,
    shape: Sequence[int],
    layers: Layers,
    *,
    task: str = "classification",
    units: Mapping[str, Any] | None = None,
    **sections: Any,
) -> dict[str, Any]:
    """Return a document; `sections` are its further fields: description, expect, data, training."""
    model: dict[str, Any] = {"input": list(shape)}
    if units:
        model["units"] = dict(units)
    made: dict[str, Any] = {"format": 1, "name": name, "task": task}
    made |= {key: sections.pop(key) for key in ("description", "expect") if key in sections}
    return made | {"model": {**model, "layers": layers}, **sections}
