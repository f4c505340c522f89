"""All that a training works with: the checked document, the network, the data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from schemas.errors import DataError, DocumentError, Problem
from schemas.say import about, commas, say, sentences
from schemas.training import Monitor, Training

from .checkpoint import Origin
from .classweights import class_weights
from .environment import NO_EFFECT, document_hash
from .protocols import Loader, Network, Prepared
from .scores import available


@dataclass
class Job:
    """Document, network and data that belong together."""

    document: dict[str, Any]
    """Rendered: head and loss filled in."""
    training: Training
    task: str
    network: Network
    prepared: Prepared
    loader: Loader
    base: Path
    """Folder that paths in the document's data section are relative to."""
    started_from: list[dict[str, Any]] = field(default_factory=list)
    """What was copied from another run, a dict per layer; empty where the network starts from its own draw."""

    def __post_init__(self) -> None:
        """Raise DataError or DocumentError when settings and data do not fit together."""
        if self.batches < 1:
            raise DataError(
                say(
                    "The training part has no whole batch: {count} samples, batch_size {batch_size}, drop_last "
                    "{dropped}. Use a smaller batch_size or more data.",
                    count=len(self.prepared.train),
                    batch_size=self.training.batch_size,
                    dropped=str(self.training.drop_last).lower(),
                )
            )
        names, targets = self.prepared.class_names, self.prepared.train.targets
        classes = len(names) if names else int(targets.max()) + 1 if self.task != "regression" else 0
        if targets.ndim > 2 and self.training.class_weights is not None:
            what = say("class_weights cannot be used where every pixel has a class.")
            why = say("They weigh whole samples. Remove the field.")
            problem = Problem("training.class_weights", what, why, "/training/class_weights")
            raise DocumentError(sentences(what, why), [problem])
        self.class_weights = class_weights(self.training, self.task, targets, classes)
        self._check_monitor(self.training.monitor, "/training/monitor")
        if self.training.early_stopping is not None and self.training.early_stopping.monitor is not None:
            self._check_monitor(self.training.early_stopping.monitor, "/training/early_stopping/monitor")

    @property
    def name(self) -> str:
        return str(self.document.get("name") or "network")

    @cached_property
    def batches(self) -> int:
        """Steps of one epoch."""
        samples, size = len(self.prepared.train), self.training.batch_size
        return samples // size if self.training.drop_last else -(-samples // size)

    @cached_property
    def origin(self) -> Origin:
        """What every checkpoint says about where it comes from."""
        prepared = self.prepared
        data = {
            "class_names": list(prepared.class_names) if prepared.class_names else None,
            "pipeline": prepared.pipeline.to_json(),
        }
        training = {key: value for key, value in self.document.get("training", {}).items() if key not in NO_EFFECT}
        document = {**self.document, "training": training}  # without threads: equal bytes for any number of them
        return Origin(json.dumps(document), document_hash(self.document), json.dumps(data), prepared.fingerprint)

    def watched(self, row: Mapping[str, Any], monitor: Monitor) -> float | None:
        """Return the monitored value of an epoch, from the validation part where there is one."""
        value = row.get("validation", row["train"]).get(monitor)
        return None if value is None else float(value)

    def _check_monitor(self, monitor: Monitor, pointer: str) -> None:
        pixels = math.prod(getattr(self.network, "output_shape", (1,))[1:]) > 1
        names = available(self.task, self.training.top_k, self.prepared.validation is not None, pixels)
        if monitor not in names:
            what = say("{name!r} cannot be monitored here.", name=str(monitor))
            why = say("There is {names} for this task and these settings.", names=commas(names))
            raise DocumentError(
                about(pointer, sentences(what, why)),
                [Problem("training.monitor", what, why, pointer)],
            )
