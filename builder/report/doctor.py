"""What `tsumiki doctor` says: processor, threads, libraries, kernel cache, and a self-test of the kernels."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from .text import bytes_text

if TYPE_CHECKING:
    from rich.text import Text

    from builder.network import Network

PACKAGES = ("tsumiki-nn", "numpy", "numba", "llvmlite", "pydantic", "networkx", "scikit-learn", "safetensors")

EXTENSIONS = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "neon", "sve")
"""Extensions of the processor's instruction set that matter to the kernels."""

TOLERANCE = 1e-5
"""Largest error of a gradient, relative to the largest value of its parameter's gradient."""


def examine() -> dict[str, Any]:
    """Return everything there is to say about this machine; "ok" is whether the self-test passed."""
    test = self_test()
    return {
        "ok": all(row["ok"] for row in test),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": _processor(),
        "memory": _memory(),
        "blas": _blas(),
        "threads": _threads(),
        "cache": _cache(),
        "self_test": test,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> dict[str, Any]:
    import psutil

    from builder.kernels import cpu
    from builder.training.environment import processor_name

    offered = cpu.features()
    return {
        "name": processor_name(),
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": os.cpu_count(),
        "extensions": [name for name in EXTENSIONS if offered.get(name)],
        "in_use": cpu.name(),
        "vector_bytes": cpu.VECTOR_BYTES,
    }


def _memory() -> dict[str, int]:
    import psutil

    found = psutil.virtual_memory()
    return {"total": found.total, "available": found.available}


def _blas() -> str:
    """Return the library behind NumPy's matrix products, which tsumiki's own kernels do not need."""
    found: Any = np.show_config(mode="dicts")
    blas = found.get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(blas[key]) for key in ("name", "version") if blas.get(key)) or "unknown"


def _threads() -> dict[str, Any]:
    from builder.network import processors

    return {"usable": processors(), "default": processors()}


def _cache() -> dict[str, Any]:
    from builder.kernels import cpu

    folder = cpu.cache_folder()
    if folder is None:
        return {"folder": None, "files": 0, "bytes": 0}
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return {"folder": str(folder), "files": len(sizes), "bytes": sum(sizes)}


# --- self-test -----------------------------------------------------------------------------------------------------


def self_test() -> list[dict[str, Any]]:
    """Run small networks and compare gradients with differences of the loss, and float32 with float64."""
    rows = []
    for name, document in _networks().items():
        begin = time.perf_counter()
        try:
            error, what = _check(document)
        except Exception as failure:  # whatever is broken here is what the doctor has to report
            error, what = None, f"{type(failure).__name__}: {failure}"
        seconds = time.perf_counter() - begin
        rows.append({"name": name, "ok": error is not None and error < 1, "what": what, "seconds": seconds})
    return rows


def _networks() -> dict[str, dict[str, Any]]:
    window = {"type": "Convolution", "out_channels": 6, "kernel_size": 3, "padding": 1}
    image: list[dict[str, Any]] = [
        {**window, "stride": 2},
        {"type": "BatchNormalization"},
        {"type": "ReLU"},
        {"type": "MaxPooling"},
        {**window, "groups": 2},
        {"type": "AveragePooling"},
        {"type": "Tanh"},
        {"type": "GlobalAveragePooling"},
        {"type": "Affine", "out_features": 5},
    ]
    joined: list[dict[str, Any]] = [
        {**window, "name": "a", "inputs": ["Input"]},
        {**window, "name": "b", "inputs": ["Input"], "dilation": 2, "padding": 2},
        {"type": "Add", "name": "sum", "inputs": ["a", "b"]},
        {"type": "Multiply", "name": "product", "inputs": ["sum", "b"]},
        {"type": "Concatenate", "inputs": ["sum", "product"]},
        {"type": "Affine", "out_features": 1},
    ]
    return {
        "convolution, pooling, normalisation": _document("classification", [2, 17, 18], image),
        "branches, joins": _document("regression", [3, 7, 6], joined),
        "affine, sigmoid": _document("binary", [9], [{"type": "Affine", "out_features": 20}, {"type": "Sigmoid"}]),
    }


def _document(task: str, shape: list[int], layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"format": 1, "name": "self-test", "task": task, "model": {"input": shape, "layers": layers}}


def _check(document: dict[str, Any]) -> tuple[float, str]:
    """Return the largest error in units of what is allowed, and a sentence about it."""
    import builder

    draw = np.random.default_rng(0)
    exact, single = (builder.compile(document, seed=1, dtype=dtype) for dtype in ("float64", "float32"))
    x = draw.normal(size=(4, *document["model"]["input"]))
    t = draw.integers(0, 2, 4) if document["task"] != "regression" else draw.normal(size=(4, 1))
    error, where = _gradient_error(exact, x, t, draw)
    apart = float(np.abs(exact.predict(x) - single.predict(x.astype(np.float32))).max())
    what = f"gradient off by {error:.1e} ({where}), float32 from float64 by {apart:.1e}"
    return max(error / TOLERANCE, apart / 1e-3), what


def _gradient_error(net: Network, x: np.ndarray, t: np.ndarray, draw: np.random.Generator) -> tuple[float, str]:
    """Return the largest relative difference between the gradient and (loss(w + h) - loss(w - h)) / 2h, and where."""
    worst, where = 0.0, "none"
    for key, gradient in net.gradient(x, t).items():
        kept = net.params[key].copy()
        scale = max(float(np.abs(gradient).max()), 1e-3)
        for place in draw.integers(0, kept.size, 3):
            losses = []
            for step in (1e-5, -1e-5):
                moved = kept.copy()
                moved.reshape(-1)[place] += step
                net.params[key] = moved
                losses.append(net.loss(x, t, training=True))
            error = abs((losses[0] - losses[1]) / 2e-5 - gradient.reshape(-1)[place]) / scale
            if error > worst:
                worst, where = error, key
        net.params[key] = kept
    return worst, where


# --- for people ----------------------------------------------------------------------------------------------------


def doctor_text(found: dict[str, Any]) -> Text:
    """Return what `examine` found, for people."""
    from rich.text import Text

    processor, cache, threads = found["processor"], found["cache"], found["threads"]
    packages = ", ".join(f"{name} {number or 'missing'}" for name, number in found["packages"].items())
    place = f"{cache['folder']}: {cache['files']} files, {bytes_text(cache['bytes'])}"
    rows = [
        ("system", found["system"]),
        ("packages", packages),
        ("processor", f"{processor['name']}, {processor['cores']} cores, {processor['logical_cores']} logical"),
        ("vectors", f"{processor['in_use']}, {processor['vector_bytes']} bytes ({', '.join(processor['extensions'])})"),
        ("memory", f"{bytes_text(found['memory']['total'])}, {bytes_text(found['memory']['available'])} available"),
        ("threads", f"{threads['usable']} usable, of which tsumiki takes {threads['default']} unless told otherwise"),
        ("BLAS", f"{found['blas']} (NumPy's; the kernels do not use it)"),
        ("kernel cache", place if cache["folder"] else "none can be made: kernels are compiled at every start"),
    ]
    text = Text()
    for name, value in rows:
        text.append(f"{name:>12}  ", style="dim")
        text.append(f"{value}\n")
    for row in found["self_test"]:
        text.append("          ok  " if row["ok"] else "      FAILED  ", style="green" if row["ok"] else "bold red")
        text.append(f"{row['name']}: {row['what']}, {row['seconds']:.1f} s\n")
    return text
