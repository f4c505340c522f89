"""What `tsumiki datasets FILE` shows: counts, class balance, ranges and findings, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .doctor import class_counts
from .part import Part
from .prepared import Prepared, inspect

BATCH = 256


def summarise(document: Any, base: Path | str) -> dict[str, Any]:
    """Return a description of the document's data, as JSON values. Errors are among its findings, "ok" is then false.

    Raises DocumentError where the data section itself is invalid.
    """
    prepared, findings = inspect(document, base)
    found = [finding.to_json() for finding in findings]
    if prepared is None:
        return {"ok": False, "findings": found}
    return {
        "ok": True,
        "source": prepared.data.source.model_dump(exclude_none=True),
        "task": prepared.task,
        "input": list(prepared.pipeline.shape),
        "raw_input": list(prepared.pipeline.input) if prepared.pipeline.input else None,
        "classes": len(prepared.class_names) or None,
        "class_names": list(prepared.class_names),
        "targets": prepared.facts.targets,
        "samples": prepared.facts.samples,
        "fingerprint": prepared.fingerprint,
        "parts": {name: _part(prepared, part) for name, part in prepared.parts.items()},
        "findings": found,
    }


def _part(prepared: Prepared, part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {"samples": len(part)}
    if part.itself:
        found["targets"] = []
    elif prepared.task == "regression" and part.targets.ndim > 2:
        found["targets"] = [_moments(part.targets)]
    elif part.targets.ndim > 2 and part.targets.shape[1] > 1 and prepared.task == "binary":
        found["targets"] = [_moments(part.targets[:, k]) for k in range(part.targets.shape[1])]
    elif part.targets.ndim > 2:  # pixels of each class
        counts = class_counts(part, len(prepared.class_names))
        found["classes"] = dict(zip(prepared.class_names, counts.tolist(), strict=True))
    elif prepared.task == "regression" or part.targets.shape[1:] not in ((), (1,)):
        found["targets"] = [_moments(part.targets[:, k]) for k in range(part.targets.shape[1])]
    else:
        counts = class_counts(part, len(prepared.class_names))
        found["classes"] = dict(zip(prepared.class_names, counts.tolist(), strict=True))
    found["values"] = _range(part)
    return found


def _moments(values: np.ndarray) -> dict[str, float]:
    wide = values.astype(np.float64)
    return {"min": float(wide.min()), "max": float(wide.max()), "mean": float(wide.mean()), "std": float(wide.std())}


def _range(part: Part) -> dict[str, float]:
    """Return smallest, largest and mean value of what the network will see."""
    least, most, total, count = np.inf, -np.inf, 0.0, 0
    for start in range(0, len(part), BATCH):
        x, _ = part.read(np.arange(start, min(start + BATCH, len(part))))
        least, most = min(least, float(x.min())), max(most, float(x.max()))
        total, count = total + float(x.sum(dtype=np.float64)), count + x.size
    return {"min": least, "max": most, "mean": total / count} if count else {}
