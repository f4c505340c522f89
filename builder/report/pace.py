"""How long a step and an epoch will take on this machine, and each layer of a step: the plan's work against the
machine's measured figures.

    pace(report)                      of a checked document; measures the machine where that was not done yet
    pace(report, measure=False)       for an editor: arithmetic alone, some ten milliseconds, once for each document
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.checks.report import Report
    from builder.compile.emit import Call, Emitter
    from builder.compile.work import Figures

KEPT = 4
"""Documents whose prediction is kept: an editor asks for it at several places of a page."""

_TOLD: dict[tuple[str, Figures], Pace] = {}

MOST_LAYERS = 4096
"""Layers of such documents whose time is kept, for the same ones in a document that cannot be predicted."""

_LAYERS: dict[tuple[Any, ...], float] = {}


@dataclass(frozen=True)
class Pace:
    """Predicted seconds of a training step, and steps of an epoch; None without data.

    `layers` says how much of a step each layer takes. What is done in one with another layer counts there.
    """

    step_seconds: float
    threads: int
    steps: int | None = None
    layers: Mapping[str, float] = field(default_factory=dict)

    @property
    def epoch_seconds(self) -> float | None:
        return None if self.steps is None else self.steps * self.step_seconds

    def to_json(self) -> dict[str, Any]:
        return {"step_seconds": self.step_seconds, "epoch_seconds": self.epoch_seconds, "threads": self.threads}


def pace(report: Report, measure: bool = True) -> Pace | None:
    """Return the prediction, or None for a document with errors or whose shapes only unreadable data would tell.

    The machine's figures are measured where they are not known yet (about a second, once); with measure=False the
    answer is None then. Data are not looked at but for their number.
    """
    if not report.ok or any(info.output_shape is None for info in report.layers):
        return None
    from builder.compile.figures import elsewhere, known
    from builder.compile.work import ALONE
    from builder.cost import Settings

    to, section = Settings.of(report.document), report.document.get("training") or {}
    threads = min(int(section.get("threads") or processors()), processors())
    work = 3 * to.batch * sum(info.multiply_adds or 0 for info in report.layers)
    threads = threads if work >= ALONE else 1
    found = known(threads)
    if found is None and measure:
        elsewhere(threads).wait()
        found = known(threads)
    if found is None:
        return None
    key = json.dumps([report.document.get("model"), section, report.input_shape], sort_keys=True, default=str), found
    told = _TOLD.get(key)
    if told is None:
        told = _TOLD[key] = _predicted(report, to.batch, to.optimizer, bool(section.get("exact")), found)
        for old in list(_TOLD)[:-KEPT]:
            _TOLD.pop(old, None)  # another session may have done so
    samples = training_samples(report)
    return replace(told, steps=None if samples is None else math.ceil(samples / to.batch))


def layer_seconds(report: Report) -> dict[str, float]:
    """Return how long each layer takes in a step, for an editor.

    Where a mistake leaves no step to predict, a layer takes what one of the same size did before.
    """
    from builder.cost import Settings

    batch, told = Settings.of(report.document).batch, pace(report, measure=False)
    alike = {
        info.name: (info.type, info.output_shape, info.multiply_adds, info.parameters, batch) for info in report.layers
    }
    if told is not None:
        if len(_LAYERS) > MOST_LAYERS:
            _LAYERS.clear()
        _LAYERS.update((key, told.layers.get(name, 0.0)) for name, key in alike.items())
        return {name: told.layers.get(name, 0.0) for name in alike}
    return {name: _LAYERS[key] for name, key in alike.items() if key in _LAYERS}


def _predicted(report: Report, batch: int, optimizer: str, exact: bool, on: Figures) -> Pace:
    """Return the prediction without steps."""
    from builder.compile.emit import emit
    from builder.compile.fuse import fuse
    from builder.compile.lower import lower
    from builder.compile.memory import STATES
    from builder.compile.reuse import footprint
    from builder.compile.work import STEP, separately_updated, update_seconds, works

    # Where things lie in memory is not asked, so nothing is placed.
    em = emit(fuse(lower(report.network), True), batch, "train", 4, on.vector_bytes, exact=exact)
    slots, layers = STATES.get(optimizer, 2), defaultdict[str, float](float)
    whole = footprint(em)
    for call, work in zip(em.calls, works(em, slots, whole), strict=True):
        layers[_owner(em, call)] += work.seconds(on)
    for node in em.graph.nodes:
        updated = separately_updated([node])
        if updated:
            layers[node.layer] += update_seconds(updated, slots, whole, on)
    return Pace(STEP + sum(layers.values()), on.threads, layers=dict(layers))


def _owner(em: Emitter, call: Call) -> str:
    """Return the layer that a call is done for: normalisation is one with the activation or pooling behind it."""
    if call.name.startswith("batch norm") and call.op.parameters:
        return em.graph.key(call.op.parameters[0]).rpartition("/")[0]
    return call.layer


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def training_samples(report: Report) -> int | None:
    """Return how many samples an epoch has; None where the data are unknown."""
    if report.facts is None or not report.facts.samples:
        return None
    data = report.document.get("data")
    parts = [data.get(key, 0) for key in ("validation", "test")] if isinstance(data, dict) else []
    kept = 1.0 - sum(part for part in parts if isinstance(part, float) and 0 < part < 1)
    return max(1, round(report.facts.samples * kept))
