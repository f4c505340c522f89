"""Fit a network to its data and task: input shape, number of outputs, head and loss. Pure functions of documents.

The rules are those of builder/heads.py; here a head that belongs to another task is taken away first.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from builder.data.facts import DataFacts
from builder.heads import HEADS, stated_task, wanted_shape, wanted_width
from builder.init import settings, stack
from schemas.layer import REGISTRY

ACTIVATIONS = ("Softmax", "Sigmoid")
"""Activations that make a prediction; others before a loss are the network's own."""


def losses() -> list[str]:
    """Return the names of all losses."""
    return [name for name, kind in REGISTRY.items() if kind.category == "Loss"]


def adapted(document: Mapping[str, Any], facts: DataFacts | None, task: str | None = None) -> dict[str, Any]:
    """Return the document with the input of its data, and the head and the loss of `task` (the data's, its own).

    What the data do not tell stays as it is.
    """
    made: dict[str, Any] = deepcopy(dict(document))
    chosen = task or stated_task(made) or (facts.kind if facts is not None else None) or "classification"
    made["task"] = chosen
    model = made.get("model")
    if not isinstance(model, dict):
        model = made["model"] = {"layers": []}
    if facts is not None and facts.shape is not None:
        made["model"] = model = {"input": list(facts.shape), **{k: v for k, v in model.items() if k != "input"}}
    layers = model.get("layers")
    if not isinstance(layers, list):
        layers = []
    if wanted_shape(chosen, facts) is not None:  # targets are images: the check fills in what fits the last maps
        model["layers"] = without_head(layers)
    else:
        model["layers"] = with_head(layers, chosen, wanted_width(chosen, facts))
    return made


def suited(document: Mapping[str, Any], facts: DataFacts | None, task: str | None = None) -> dict[str, Any]:
    """Return the document with a whole stack and training settings that suit its data, as `tsumiki init` writes them.

    Targets that are images keep the document's own layers: what suits them depends on what they show.
    """
    made = adapted(document, facts, task)
    if facts is None or facts.shape is None or wanted_shape(made["task"], facts) is not None:
        return made
    made["model"] = {
        "input": list(facts.shape),
        "layers": stack(facts.shape, made["task"], wanted_width(made["task"], facts)),
    }
    made["training"] = settings(facts.samples or 0, made["task"])
    return made


def bare(document: Mapping[str, Any]) -> bool:
    """Tell whether the document has no layers yet but a head and a loss.

    >>> bare({"model": {"layers": [{"type": "Affine", "out_features": 10}, {"type": "Softmax"}]}})
    True
    """
    model = document.get("model")
    layers = model.get("layers") if isinstance(model, Mapping) else None
    if not isinstance(layers, list):
        return True
    return all(_type(entry) in (*losses(), *ACTIVATIONS, "Affine") for entry in layers) and (
        sum(_type(entry) == "Affine" for entry in layers) < 2
    )


def without_head(layers: list[Any]) -> list[Any]:
    """Return the layers without the activations that make a prediction, and without losses, at their end."""
    body = list(layers)
    while body and _type(body[-1]) in (*losses(), *ACTIVATIONS):
        body.pop()
    return body


def with_head(layers: list[Any], task: str, width: int | None) -> list[Any]:
    """Return the layers ending in the head and the loss of a task, with `width` outputs where it is known.

    >>> with_head([{"type": "Affine", "out_features": 4}, {"type": "SquaredError"}], "binary", 1)
    [{'type': 'Affine', 'out_features': 1}, {'type': 'Sigmoid'}, {'type': 'BinaryCrossEntropy'}]
    """
    body = list(layers)
    names: dict[str, Any] = {}
    while body and _type(body[-1]) in (*losses(), *ACTIVATIONS):
        if body[-1].get("name"):
            names[_type(body[-1])] = body[-1]["name"]
        body.pop()
    if width is not None:
        last = body[-1] if body else None
        if isinstance(last, dict) and _type(last) == "Affine":
            body[-1] = {**last, "out_features": width}
        else:
            body.append({"type": "Affine", "out_features": width})
    activation, loss = HEADS[task]
    ending = [{"type": kind} for kind in (activation, loss) if kind is not None]
    return [*body, *({**entry, "name": names[entry["type"]]} if entry["type"] in names else entry for entry in ending)]


def with_loss(document: Mapping[str, Any], loss: str) -> dict[str, Any]:
    """Return the document with another loss at its end; the check says whether it suits."""
    made: dict[str, Any] = deepcopy(dict(document))
    model = made.get("model")
    layers = model.get("layers") if isinstance(model, dict) else None
    if not isinstance(layers, list):
        return made
    if layers and _type(layers[-1]) in losses():
        layers.pop()
    layers.append({"type": loss})
    return made


def loss_of(document: Mapping[str, Any]) -> str | None:
    """Return the loss that the document itself ends with, None where the task's own is filled in."""
    model = document.get("model")
    layers = model.get("layers") if isinstance(model, Mapping) else None
    last = _type(layers[-1]) if isinstance(layers, list) and layers else ""
    return last if last in losses() else None


def _type(entry: Any) -> str:
    kind = entry.get("type") if isinstance(entry, dict) else None
    return kind if isinstance(kind, str) else ""
