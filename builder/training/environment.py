"""Where a run was made: versions, processor, threads. Enough to repeat it, and to explain other bytes elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("tsumiki-nn", "numpy", "numba", "llvmlite", "pydantic")
"""Packages whose version can change the bytes of a result."""

NO_EFFECT = ("threads", "checkpoint_seconds", "checkpoint_steps")
"""Fields of the training section that change no result."""


def environment(threads: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what environment.json holds."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "document": document_hash(document),
    }


def document_hash(document: Mapping[str, Any]) -> str:
    """Return the sha256 of what determines the result: all of the document but the fields that change nothing."""
    training = {key: value for key, value in document.get("training", {}).items() if key not in NO_EFFECT}
    text = json.dumps({**document, "training": training}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in words what of two environments differs in a way that can change bytes."""
    pairs = {"python": (before.get("python"), now["python"]), "processor": (before.get("processor"), now["processor"])}
    old = before.get("packages", {})
    pairs.update({name: (old.get(name), now["packages"][name]) for name in PACKAGES})
    return [f"{name} was {was} and is {is_now}" for name, (was, is_now) in pairs.items() if was != is_now]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    """Return the processor's name as the system gives it, or its architecture."""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
