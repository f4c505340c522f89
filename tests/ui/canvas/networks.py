"""Networks for the browser test's page, as a page would send them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypedDict

CATEGORY = {
    "Affine": "Basic",
    "Convolution": "Convolution",
    "MaxPooling": "Pooling",
    "GlobalAveragePooling": "Pooling",
    "BatchNormalization": "Normalization",
    "ReLU": "Activation",
    "Sigmoid": "Activation",
    "Softmax": "Activation",
    "Dropout": "Regularization",
    "Add": "Arithmetic",
    "Concatenate": "Shape",
    "Flatten": "Shape",
    "CategoricalCrossEntropy": "Loss",
}


class Stack(TypedDict):
    nodes: list[dict[str, Any]]
    edges: list[list[str]]


def block(id: str, type: str, **more: Any) -> dict[str, Any]:
    settings = {"Convolution": "3×3, 16, padding 1", "MaxPooling": "2×2", "Affine": "10"}.get(type, "")
    badge = {"Convolution": "2,320", "Affine": "7,850", "BatchNormalization": "32"}.get(type, "")
    category = CATEGORY.get(type, "Structure" if type in ("Repeat", "Unit") else "Input")
    shape = "16 × 28 × 28" if category not in ("Loss", "Input") else ("1 × 28 × 28" if category == "Input" else "")
    node = {"id": id, "name": f"{type}_1", "type": type, "category": category, "settings": settings, "shape": shape}
    return {**node, "badge": badge, "problem": None, "message": None, "fixed": category == "Input", **more}


def stacked(*types: str) -> Stack:
    nodes = [block("Input", "Input"), *(block(f"b{i}", type) for i, type in enumerate(types, 1))]
    edges = [[a["id"], b["id"]] for a, b in pairwise(nodes)]
    return {"nodes": nodes, "edges": edges}


def small() -> Stack:
    types = ("Convolution", "BatchNormalization", "ReLU", "MaxPooling", "Affine", "Softmax", "CategoricalCrossEntropy")
    stack = stacked(*types)
    stack["nodes"][1]["name"] = "stem"
    return stack


def many() -> Stack:
    """Every look that a block can have, and branches."""
    stack = stacked("Convolution", "ReLU", "Repeat", "Add", "Convolution", "ReLU", "Concatenate", "Affine", "Softmax")
    nodes = {node["id"]: node for node in stack["nodes"]}
    nodes["b3"].update(fold=True, settings="3 times: 5 blocks", name="body", badge="27,840")
    nodes["b5"].update(name="a rather long name of a convolution", settings="5×5, 128, padding 2, stride 2")
    nodes["b8"].update(problem="error", message="Affine needs 10 outputs for 10 classes, not 12.", shape="12")
    nodes["b7"].update(problem="warning", message="Both inputs come from one block.")
    nodes["b6"].update(health="watch", note="41 % dead")
    nodes["b2"].update(health="good", note="gradient 0.02")
    branch = [block("c1", "Convolution"), block("c2", "BatchNormalization"), block("d1", "MaxPooling")]
    stack["nodes"][5:5] = branch
    stack["edges"] += [["b1", "b4"], ["b4", "c1"], ["c1", "c2"], ["c2", "b7"], ["b4", "d1"], ["d1", "b7"]]
    return stack


def resnet() -> Stack:
    """177 layers."""
    stack = stacked("Convolution", "BatchNormalization", "ReLU", "MaxPooling")
    nodes, edges = stack["nodes"], stack["edges"]
    body = ("Convolution", "BatchNormalization", "ReLU") * 2 + ("Convolution", "BatchNormalization")

    def put(id: str, type: str, *inputs: str) -> str:
        nodes.append(block(id, type))
        edges.extend([one, id] for one in inputs)
        return id

    start = "b4"
    for stage, count in enumerate((3, 4, 6, 3), 1):
        for i in range(1, count + 1):
            last = skip = start
            for place, type in enumerate(body, 1):
                last = put(f"{stage}.{i}.{place}", type, last)
            if i == 1:
                skip = put(f"{stage}.{i}.p", "Convolution", start)
                skip = put(f"{stage}.{i}.q", "BatchNormalization", skip)
            start = put(f"{stage}.{i}.relu", "ReLU", put(f"{stage}.{i}.add", "Add", last, skip))
    for type in ("GlobalAveragePooling", "Affine", "Softmax", "CategoricalCrossEntropy"):
        start = put(f"end {type}", type, start)
    return stack


def unet() -> Stack:
    """Four levels, each skip beside the ones inside it."""
    stack = stacked("Convolution")
    nodes, edges = stack["nodes"], stack["edges"]
    last, skips = "b1", []

    def put(type: str, *inputs: str) -> str:
        nodes.append(block(f"u{len(nodes)}", type))
        edges.extend([one, nodes[-1]["id"]] for one in inputs)
        return str(nodes[-1]["id"])

    for _ in range(4):
        last = put("ReLU", put("Convolution", last))
        skips.append(last)
        last = put("MaxPooling", last)
    for skip in reversed(skips):
        last = put("Concatenate", put("Convolution", last), skip)
        last = put("ReLU", put("Convolution", last))
    return stack


def inception() -> Stack:
    stack = stacked("Convolution")
    nodes, edges = stack["nodes"], stack["edges"]
    last = "b1"
    for module in range(1, 3):
        ends = []
        for branch, depth in enumerate((1, 2, 3, 2)):
            end = last
            for place in range(depth):
                id = f"m{module}.{branch}.{place}"
                nodes.append(block(id, "MaxPooling" if branch == 3 and not place else "Convolution"))
                edges.append([end, id])
                end = id
            ends.append(end)
        last = f"concat{module}"
        nodes.append(block(last, "Concatenate"))
        edges.extend([end, last] for end in ends)
    return stack


NETWORKS: dict[str, Callable[[], Stack]] = {
    "small": small,
    "many": many,
    "resnet": resnet,
    "unet": unet,
    "inception": inception,
    "empty": lambda: {"nodes": [], "edges": []},
}
