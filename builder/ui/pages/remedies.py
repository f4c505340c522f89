"""What the training doctor advises, as changes of the document: one button each. Pure, without Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.ui.state.actions import Fix, Set

LARGEST_RATE = 1.0
"""Learning rate beyond which no button goes."""


@dataclass(frozen=True)
class Remedy:
    """A button: the key of its title in builder/ui/texts, the values in it, and what it does."""

    key: str
    values: Mapping[str, Any]
    actions: tuple[Set | Fix, ...]


def remedies(code: str, document: Mapping[str, Any], layers: Sequence[str] = ()) -> list[Remedy]:
    """Return the buttons for one finding of builder/training/doctor.py, or for "fault" (a number not finite).

    `layers` are those that a finding of builder/report/explain/health.py is about.
    """
    training = document.get("training")
    training = training if isinstance(training, Mapping) else {}
    found: list[Remedy | None] = []
    if code in ("diverging", "fault"):
        found = [_rate(training, 0.1), _clip(training)]
    elif code == "learning_rate_too_high":
        found = [_rate(training, 0.3), _cosine(training)]
    elif code == "no_progress":
        found = [_rate(training, 10), _rate(training, 0.1)]
    elif code == "overfitting":
        found = [_stop(training), _shift(document), _decay(training)]
    elif code == "classes_never_predicted" and training.get("class_weights") is None:
        found = [Remedy("train.fix.weights", {}, (Set(pointer="/training/class_weights", value="balanced"),))]
    elif code == "dead_units":
        found = [_other(document, layers, ("ReLU", "ReLU6"), "LeakyReLU", "train.fix.leaky"), _rate(training, 0.3)]
    elif code in ("saturated_units", "vanishing_gradients"):
        named = layers if code == "saturated_units" else None
        found = [_other(document, named, ("Sigmoid", "Tanh"), "ReLU", "train.fix.relu")]
    elif code == "still_improving":
        found = [_longer(training)]
    return [remedy for remedy in found if remedy is not None]


def learning_rate(training: Mapping[str, Any]) -> float:
    """Return the learning rate that the section says, or its optimizer's default."""
    from pydantic import ValidationError

    from schemas.training import Training

    try:
        return float(
            Training.model_validate(
                {"optimizer": training.get("optimizer") or {"type": "Adam"}}
            ).optimizer.learning_rate
        )
    except ValidationError:
        return 0.001


def _rate(training: Mapping[str, Any], factor: float) -> Remedy | None:
    rate = float(f"{learning_rate(training) * factor:.2g}")
    if not 0 < rate <= LARGEST_RATE:
        return None
    optimizer = training.get("optimizer")
    if not isinstance(optimizer, Mapping) or "type" not in optimizer:
        change = Set(pointer="/training/optimizer", value={"type": "Adam", "learning_rate": rate})
    else:
        change = Set(pointer="/training/optimizer/learning_rate", value=rate)
    return Remedy("train.fix.rate", {"rate": f"{rate:g}"}, (change,))


def _clip(training: Mapping[str, Any]) -> Remedy | None:
    if training.get("clip_norm") is not None:
        return None
    return Remedy("train.fix.clip", {}, (Set(pointer="/training/clip_norm", value=1.0),))


def _cosine(training: Mapping[str, Any]) -> Remedy | None:
    schedule = training.get("schedule")
    if isinstance(schedule, Mapping) and schedule.get("type") not in (None, "Constant"):
        return None
    return Remedy("train.fix.cosine", {}, (Set(pointer="/training/schedule", value={"type": "Cosine"}),))


def _other(
    document: Mapping[str, Any], layers: Sequence[str] | None, old: Sequence[str], new: str, key: str
) -> Remedy | None:
    """Put another activation in the place of `layers` (None: of all of the types `old` but the head's).

    None where that is not safe: where others read such a layer by a name that was counted per type.
    """
    from builder.graph import build
    from schemas.layer import REGISTRY

    if new not in REGISTRY:
        return None
    graph = build(dict(document))
    read = {name for node in graph.nodes.values() for name in node.entry.get("inputs") or ()}
    if any(isinstance(name, str) and name.rpartition("_")[0] in (*old, new) for name in read):
        return None
    last = [node.name for node in graph.nodes.values() if not node.is_loss][-1:]
    chosen = [
        node
        for node in graph.nodes.values()
        if node.type in old and node.name not in last and (layers is None or node.name in layers)
    ]
    entries = {node.pointer: node.entry for node in chosen}  # the rounds of a Repeat are one entry
    if not entries:
        return None
    patch = tuple(
        {"op": "replace", "path": place, "value": {"type": new} | ({"name": entry["name"]} if "name" in entry else {})}
        for place, entry in entries.items()
    )
    names = [node.name for node in chosen]
    said = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    return Remedy(key, {"layers": said}, (Fix(patch=patch),))


def _stop(training: Mapping[str, Any]) -> Remedy | None:
    if training.get("early_stopping") is not None:
        return None
    return Remedy("train.fix.stop", {}, (Set(pointer="/training/early_stopping", value={"patience": 5}),))


def _shift(document: Mapping[str, Any]) -> Remedy | None:
    """Move images by some pixels: more data for nothing. Only where samples are images and nothing is changed yet."""
    data, model = document.get("data"), document.get("model")
    shape = model.get("input") if isinstance(model, Mapping) else None
    if not isinstance(data, Mapping) or data.get("augmentation") or not isinstance(shape, list) or len(shape) != 3:
        return None
    pixels = max(1, min(shape[1:]) // 14)
    step = {"type": "Shift", "pixels": [pixels, pixels]}
    return Remedy("train.fix.shift", {"pixels": pixels}, (Set(pointer="/data/augmentation", value=[step]),))


def _decay(training: Mapping[str, Any]) -> Remedy | None:
    if training.get("weight_decay"):
        return None
    optimizer = training.get("optimizer")
    adamw = isinstance(optimizer, Mapping) and optimizer.get("type") == "AdamW"
    value = 0.05 if adamw else 0.0005
    return Remedy("train.fix.decay", {"decay": f"{value:g}"}, (Set(pointer="/training/weight_decay", value=value),))


def _longer(training: Mapping[str, Any]) -> Remedy | None:
    epochs = training.get("epochs", 20)
    if not isinstance(epochs, int) or not 0 < epochs <= 500_000:
        return None
    return Remedy("train.fix.longer", {"epochs": 2 * epochs}, (Set(pointer="/training/epochs", value=2 * epochs),))
