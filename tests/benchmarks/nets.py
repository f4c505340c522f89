"""A net of the peer benchmark (blocks with NNC's names) as one of our documents."""

from __future__ import annotations

from typing import Any


def _layer(block: dict[str, Any]) -> dict[str, Any]:
    kind = block["type"]
    if kind == "Convolution":
        return {
            "type": kind,
            "out_channels": block["OutMaps"],
            "kernel_size": block["KernelShape"],
            "stride": block["Strides"],
            "padding": block["Padding"],
            "bias": block["WithBias"],
        }
    if kind == "BatchNormalization":
        return {"type": kind, "momentum": block["DecayRate"], "epsilon": block["Epsilon"]}
    if kind == "MaxPooling":
        return {
            "type": kind,
            "kernel_size": block["KernelShape"],
            "stride": block["Strides"],
            "padding": block["Padding"],
        }
    if kind == "Affine":
        return {"type": kind, "out_features": block["OutShape"][0], "bias": block["WithBias"]}
    if kind == "Dropout":
        return {"type": kind, "p": block["P"]}
    return {"type": {"Add2": "Add"}.get(kind, kind)}


def document(net: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a net: the same layers, Softmax and CategoricalCrossEntropy for SoftmaxCrossEntropy."""
    layers: list[dict[str, Any]] = []
    for block in net["blocks"]:
        if block["type"] == "SoftmaxCrossEntropy":
            layers += [{"type": "Softmax", "inputs": block["inputs"]}, {"type": "CategoricalCrossEntropy"}]
        else:
            layers.append(_layer(block) | {"name": block["name"], "inputs": block["inputs"]})
    return {
        "format": 1,
        "name": net["name"],
        "task": "classification",
        "model": {"input": net["input"], "layers": layers},
        "training": {
            "batch_size": net["batch"],
            "optimizer": {"type": "Momentum", "learning_rate": 0.001, "momentum": 0.9},
        },
    }
