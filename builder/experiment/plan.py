"""From an experiment to its trainings: every variant with every point of the grid and every seed, in order."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from builder.overrides import apply
from schemas.errors import DocumentError, UsageError
from schemas.experiment import Experiment


@dataclass(frozen=True)
class Trial:
    """One training."""

    variant: str
    point: tuple[tuple[str, Any], ...]
    """(path, value) of the grid."""
    seed: int
    document: dict[str, Any]
    base: Path
    """Folder that the document's paths start from."""
    source: str | None
    """Key of the trial that it starts from."""
    compared: bool = True

    @property
    def key(self) -> str:
        """Name the trial within its experiment."""
        values = "".join(f", {path}={json.dumps(value)}" for path, value in self.point)
        return f"{self.variant}{values}, seed {self.seed}"

    @property
    def digest(self) -> str:
        """Tell documents apart, so that an experiment that was changed trains again what is different."""
        text = json.dumps([self.document, self.source], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(file: str | os.PathLike[str] | dict[str, Any]) -> tuple[Experiment, Path]:
    """Return the experiment and the folder that its paths start from. Raises DocumentError, UsageError."""
    if isinstance(file, dict):
        raw, base = file, Path.cwd()
    else:
        from schemas.reader import read_file

        raw, base = read_file(Path(file)), Path(file).resolve().parent
    if "experiment" not in raw:
        raise UsageError('This is no experiment: it has no field "experiment". A document is trained by tsumiki train.')
    try:
        return Experiment.model_validate(raw), base
    except ValidationError as error:
        lines = [f"{'/'.join(map(str, e['loc'])) or 'the experiment'}: {e['msg']}" for e in error.errors()]
        raise DocumentError("The experiment is invalid: " + "; ".join(lines)) from None


def trials(experiment: Experiment, base: Path) -> list[Trial]:
    """Return all trainings, sources before those that start from them; each document was checked.

    Raises DocumentError, naming the trial, where a variant makes a document with errors.
    """
    if isinstance(experiment.document, str):
        from schemas.reader import read_file

        place = Path(base, experiment.document)
        document, base = read_file(place), place.resolve().parent
    else:
        document = copy.deepcopy(experiment.document)
    found = list(_trials(experiment, document, base))
    from builder.check import check

    checked: set[str] = set()
    for trial in found:
        same = json.dumps({**trial.document, "training": {**trial.document.get("training", {}), "seed": 0}})
        if same not in checked:
            checked.add(same)
            report = check(trial.document, base=base)
            if not report.ok:
                first = report.errors[0]
                raise DocumentError(f"{trial.key}: {first.pointer}: {first.what}", report.problems)
    return found


def _trials(experiment: Experiment, document: dict[str, Any], base: Path) -> Iterator[Trial]:
    points = [
        tuple(zip(experiment.grid, values, strict=True)) for values in itertools.product(*experiment.grid.values())
    ]
    for name, variant in experiment.variants.items():
        for point in points:
            for seed in experiment.seeds:
                made = apply(document, {**variant.set, **dict(point), "training.seed": seed})
                made["name"] = name
                source = None
                if variant.start_from is not None:
                    source = Trial(variant.start_from, point, seed, {}, base, None).key
                yield Trial(name, point, seed, made, base, source, not variant.only_source)
