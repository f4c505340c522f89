"""Is each layer well? A verdict per layer from its weights, activations and gradients, and what a training needs.

    rows = layer_statistics(net, x, t)          statistics.py
    for one in verdicts(rows): one.layer, one.state, one.code
    Checkup(run).look()                         the same for a run's last checkpoint, while it is being trained

Thresholds are rules of thumb, so a verdict is a hint to look there. Sources: He et al. 2015 (variance that is kept
through the layers), Glorot and Bengio 2010 (saturated units, gradients that vanish), Lu et al. 2020 (dying ReLUs).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from builder.training.doctor import Advice
from schemas.say import say

from .statistics import layer_statistics

if TYPE_CHECKING:
    from builder.training import Run

State = Literal["good", "watch", "bad"]

DEAD, MANY_DEAD = 0.2, 0.5
"""Share of dead units from which a layer is to be watched, and from which it is ill."""
SATURATED = 0.5
"""Share of values at the flat ends of a Sigmoid or Tanh from which it hardly learns."""
FADED = 1e-4
"""Gradient per weight, relative to that of the layer with the largest, below which a layer hardly learns."""
BLOWN = 100.0
"""Gradient as long as this many times the weights: a step of any usual size destroys them."""
SAMPLES = 64
"""Training samples that a checkup looks at."""


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one layer. `code`: fine, dead, saturated, silent, vanishing, exploding, not_finite."""

    layer: str
    type: str
    state: State
    code: str
    share: float | None = None
    """Share of dead or saturated units, where the code is about them."""
    weight: float | None = None
    """Root mean square of the trained weights, of the values, and of the gradient; None where there are none."""
    activation: float | None = None
    gradient: float | None = None


def verdicts(rows: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """Return a verdict for each row of layer_statistics, the gravest thing of each layer.

    The last row is the network's output: a Softmax or Sigmoid there is meant to be sure, so it counts as saturated
    never.
    """
    pulls = [pull for row in rows if (pull := _pull(row)) is not None and math.isfinite(pull)]
    strongest = max(pulls, default=0.0)
    return [_verdict(row, strongest, last=k == len(rows) - 1) for k, row in enumerate(rows)]


def _verdict(row: Mapping[str, Any], strongest: float, last: bool) -> Verdict:
    parts = [row[key] for key in ("weight", "activation", "gradient") if row[key] is not None]
    numbers = (rms(row["weight"]), rms(row["activation"]), rms(row["gradient"]))

    def said(state: State, code: str, share: float | None = None) -> Verdict:
        return Verdict(row["layer"], row["type"], state, code, share, *numbers)

    if any(part["not_finite"] for part in parts):
        return said("bad", "not_finite")
    dead = row["dead"]["share"] if row["dead"] is not None else 0.0
    flat = row.get("saturated") or 0.0
    pull = _pull(row)
    if pull is not None and pull > BLOWN:
        return said("bad", "exploding")
    if dead >= MANY_DEAD:
        return said("bad", "dead", dead)
    if row["activation"]["std"] == 0 and not last:
        return said("bad", "silent")
    if pull is not None and pull < FADED * strongest:
        return said("watch", "vanishing")
    if dead >= DEAD:
        return said("watch", "dead", dead)
    if flat >= SATURATED and not last:
        return said("watch", "saturated", flat)
    return said("good", "fine")


def rms(found: Mapping[str, Any] | None) -> float | None:
    """Return the root mean square of what a histogram counted; None without numbers.

    >>> rms({"mean": 3.0, "std": 4.0})
    5.0
    """
    if found is None or found["mean"] is None:
        return None
    return math.hypot(found["mean"], found["std"])


def _pull(row: Mapping[str, Any]) -> float | None:
    """Return how long the gradient is, measured by the weights; None where nothing is trained."""
    weight, gradient = rms(row["weight"]), rms(row["gradient"])
    return None if weight is None or gradient is None or weight == 0 else gradient / weight


def advice(found: Sequence[Verdict]) -> list[Advice]:
    """Return what a training doctor says of the layers, in the form of builder/training/doctor.py."""
    said = []
    dead = [one for one in found if one.code == "dead"]
    if dead:
        worst = max(dead, key=lambda one: one.share or 0)
        said.append(
            Advice(
                "dead_units",
                say(
                    "In {layers} units never answer: {share} of them in {worst}.",
                    layers=_listed(dead), share=f"{worst.share:.0%}", worst=worst.layer,
                ),
                say("A ReLU whose input is negative for every sample passes no gradient, so it stays as it is."),
                say("Use LeakyReLU in their place, a smaller learning rate, or BatchNormalization before them."),
            )
        )
    flat = [one for one in found if one.code == "saturated"]
    if flat:
        said.append(
            Advice(
                "saturated_units",
                say("In {layers} most values lie at the flat ends of the function.", layers=_listed(flat)),
                say("There the slope is almost zero, so hardly any gradient passes."),
                say("Use ReLU in their place, or BatchNormalization before them."),
            )
        )
    faded = [one for one in found if one.code == "vanishing"]
    if faded:
        said.append(
            Advice(
                "vanishing_gradients",
                say("Hardly any gradient reaches {layers}.", layers=_listed(faded)),
                say("On its way back it was multiplied with numbers below one again and again."),
                say("Use ReLU and BatchNormalization, or skip connections."),
            )
        )
    return said


def _listed(found: Sequence[Verdict], most: int = 4) -> str:
    names = ", ".join(one.layer for one in found[:most])
    return names + (" …" if len(found) > most else "")


class Checkup:
    """Look at a run's last checkpoint again and again: the data are read once, the network is made once.

    Only some training samples are kept. Works on one thread: it may live beside a training on the same machine.
    """

    def __init__(self, run: Run, samples: int = SAMPLES) -> None:
        """Raises DataError where the data are gone, TsumikiError where the run cannot be read."""
        from builder.report.evaluate import data_of

        self.run = run
        train = data_of(run).train
        places = np.unique(np.linspace(0, len(train) - 1, min(samples, len(train))).astype(np.int64))
        self.x, self.t = train.read(places)
        self.net = run.network
        self.net.threads = 1
        self.epoch = 0
        """Epochs that the checkpoint which was looked at last had done."""

    @property
    def place(self) -> Path:
        """The file of the last checkpoint."""
        return self.run.path / "checkpoints" / "last.safetensors"

    def rows(self) -> list[dict[str, Any]]:
        """Return the layers' statistics as the last checkpoint has them."""
        from builder.training import checkpoint
        from builder.training.keeper import restore_parameters

        saved = checkpoint.load(self.place)
        restore_parameters(self.net, saved)
        self.epoch = saved.state.epoch
        return layer_statistics(self.net, self.x, self.t)

    def look(self) -> list[Verdict]:
        """Return the layers' verdicts as the last checkpoint has them."""
        return verdicts(self.rows())
