"""Data: five sources, checked, split, preprocessed, and given to training batch by batch.

    facts(data, base) -> DataFacts                what the checker needs, from headers and labels
    prepare(document, base) -> Prepared           parts, findings, fingerprint, fitted pipeline
    summarise(document, base) -> dict             what `tsumiki datasets` shows
    suggest(path, base) -> dict                   what `tsumiki init` begins with
    Loader(part, batch_size, seed, ...)           batches in a seeded order that can be resumed

A source (builtin, idx, csv, folder, npz) gives samples and labels; labels.py numbers them, split.py divides,
pipeline.py fits preprocessing on the training part, doctor.py says what is remarkable. Everything bad is a Finding.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .facts import DataFacts, facts
from .finding import BadData, Finding

if TYPE_CHECKING:
    from .loader import Loader as Loader
    from .part import Part as Part
    from .pipeline import Pipeline as Pipeline
    from .prepared import Prepared as Prepared

_LAZY = {"Loader": "loader", "Part": "part", "Pipeline": "pipeline", "Prepared": "prepared"}
"""What needs NumPy is loaded when it is used, so that `tsumiki check` stays quick."""


def prepare(document: Any, base: Path | str, *, findings: bool = True) -> Prepared:
    """Return the document's data, split and preprocessed. See prepared.prepare."""
    from . import prepared

    return prepared.prepare(document, base, findings=findings)


def summarise(document: Any, base: Path | str) -> dict[str, Any]:
    """Return a description of the document's data, as JSON values. See summary.summarise."""
    from . import summary

    return summary.summarise(document, base)


def suggest(path: str | Path, base: Path | str = ".", target: str | None = None) -> dict[str, Any]:
    """Return the data section, task, input shape and classes that fit a path or a built-in name. See suggestion.py."""
    from . import suggestion

    return suggestion.suggest(path, base, target)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'builder.data' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)


__all__ = [
    "BadData", "DataFacts", "Finding", "Loader", "Part", "Pipeline", "Prepared",
    "facts", "prepare", "suggest", "summarise",
]  # fmt: skip
