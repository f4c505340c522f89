"""A document that goes on from a run with a new head: other outputs, other data, frozen layers."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.heads import HEADS, WIDTHS
from schemas.errors import UsageError
from schemas.patch import apply, join

from .source import Source

TASKS = tuple(HEADS)
_ENDS = ("Softmax", "Sigmoid", "LogSoftmax", "Identity", "Flatten", "Dropout")
"""What may stand between the last weighted layer and the loss, and is replaced with them."""


def transfer(
    run: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    classes: int | None = None,
    task: str | None = None,
    freeze: bool = False,
    target: str | None = None,
    base: str | os.PathLike[str] = ".",
) -> dict[str, Any]:
    """Return a document whose network is that of a run, with a new last layer, starting from what the run has learned.

    run: a run folder, or a file that a network was saved to
    data: what `builder.init` takes; without it the new document has no data section
    classes: outputs of the new last layer; those of the data when left out
    task: 'classification', 'binary' or 'regression'; that of the data, else the run's, when left out
    freeze: whether only the new last layer learns
    target: column to predict, in a table
    base: folder that the document will lie in; its paths are relative to it

    The new layer has a name of its own, so nothing is copied into it. Preprocessing is the run's, with the numbers that
    were measured there. Raises UsageError where the number of outputs is not known, or the network ends otherwise.
    """
    source = Source(Path(run))
    texts = source.texts
    old = texts.get("document")
    if not isinstance(old, Mapping):
        raise UsageError(f"{run} does not say which document its network has.")
    found = None
    if data is not None:
        from builder.data import suggest

        found = suggest(os.fspath(data), Path(base), target)
    kind = task or (found["task"] if found else None) or old.get("task") or "classification"
    if kind not in TASKS:
        raise UsageError(f"There is no task {kind!r}: use one of {', '.join(TASKS)}.")
    outputs = classes or _outputs(kind, found)
    if outputs is None:
        raise UsageError("How many classes are there? Say it with classes (--classes), or give the data.")
    model = _main_head_alone(copy.deepcopy(dict(old["model"])))
    model["layers"], head = _new_head(model["layers"], str(kind), outputs, run)
    if freeze:
        model = _freeze(model, head)
    name = f"{old.get('name', 'network')}_{Path(data).resolve().stem if data is not None else 'transfer'}"
    made: dict[str, Any] = {
        "format": 1,
        "name": name[:60],
        "task": kind,
        "description": f"Made by tsumiki transfer: starts from {Path(run).name} of {old.get('name', 'a network')}.",
        "initialise": {"from": Path(os.path.relpath(Path(run).resolve(), Path(base).resolve())).as_posix()},
        "model": model,
    }
    if found:
        made["data"] = {**found["data"], "preprocessing": _preprocessing(old, texts.get("data"), found, model)}
    made["training"] = {**old.get("training", {})}
    return made


def _outputs(task: str, found: Mapping[str, Any] | None) -> int | None:
    if task == "binary":
        return 1
    if found is None:
        return None
    return found["classes"] if task == "classification" else found["targets"]


def _main_head_alone(model: dict[str, Any]) -> dict[str, Any]:
    """Return the model without auxiliary losses and the layers that only they need: they know the old classes."""
    from builder.checks.unread import needed_by, outermost
    from builder.graph import Graph

    graph = Graph({"format": 1, "model": model})
    gone: set[int] = set()
    for node in graph.nodes.values():
        item = outermost(node)
        if node.is_loss and node is not graph.last and item.scope is graph.root:
            gone |= needed_by(graph, item)
    return {**model, "layers": [layer for place, layer in enumerate(model["layers"]) if place not in gone]}


def _new_head(layers: list[dict[str, Any]], task: str, outputs: int, run: Any) -> tuple[list[dict[str, Any]], str]:
    """Return the layers with a new weighted last layer, activation and loss, and the name of the new layer."""
    place = max((i for i, layer in enumerate(layers) if layer.get("type") in WIDTHS), default=None)
    behind = layers[place + 1 :] if place is not None else []
    if (
        place is None
        or any(layer.get("type") not in _ENDS for layer in behind[:-1])
        or any("inputs" in layer for layer in behind)
    ):
        raise UsageError(
            f"The network of {run} does not end with Affine or Convolution, activation and loss, so its head cannot be "
            'exchanged. Write the document yourself: "initialise" says which layers start from the run.'
        )
    old = layers[place]
    new = {key: value for key, value in old.items() if key not in ("trainable", "learning_rate_factor")}
    taken = {layer.get("name") for layer in layers}
    new["name"] = next(
        name for name in ("head", *(f"head_{k}" for k in range(2, len(layers) + 3))) if name not in taken
    )
    new[WIDTHS[old["type"]]] = outputs
    activation, loss = HEADS[task]
    tail = [{"type": kind} for kind in (activation, loss) if kind]
    return [*layers[:place], new, *tail], new["name"]


def _freeze(model: dict[str, Any], head: str) -> dict[str, Any]:
    """Return the model with `trainable` set to false in every layer that has parameters but the head, in units too."""
    from builder.check import check

    document = {"format": 1, "model": model}
    places = {info.pointer for info in check(document).layers if info.parameters and info.name != head}
    frozen = [{"op": "add", "path": join(place, "trainable"), "value": False} for place in sorted(places)]
    changed: dict[str, Any] = apply(document, frozen)["model"]
    return changed


def _preprocessing(
    old: Mapping[str, Any], data: Any, found: Mapping[str, Any], model: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the run's preprocessing with the numbers measured there, and a Resize where the new images need one."""
    if not old.get("data"):
        return list(found["data"].get("preprocessing", []))
    stated = old["data"].get("preprocessing", [])
    fitted = ((data or {}).get("pipeline") or {}).get("steps", [])
    steps = [dict(step) for step in stated]
    for step, measured in zip(steps, fitted, strict=False):
        if step["type"] == measured.get("type") == "Normalize":
            step |= {"mean": measured["subtract"], "std": [1 / m for m in measured["multiply"]]}
    size, given = model.get("input"), found["input"]
    resized = any(step["type"] == "Resize" for step in steps)
    if size and len(size) == 3 and not resized and (given is None or list(given)[1:] != list(size)[1:]):
        steps.append({"type": "Resize", "size": list(size[1:])})
    return steps
