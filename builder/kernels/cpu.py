"""What this processor offers: vector width, registers, and the private cache folder for compiled kernels."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm

from .folders import private, user_folder


@functools.cache
def features() -> dict[str, bool]:
    """Return the feature flags that Numba compiles for: the host's, unless its environment variables name others."""
    named = os.environ.get("NUMBA_CPU_FEATURES")
    if named is None and os.environ.get("NUMBA_CPU_NAME", "").lower() == "generic":
        named = ""
    if named is not None:
        return {part[1:]: part[0] == "+" for part in named.split(",") if part}
    found = dict(llvm.get_host_cpu_features())
    if os.environ.get("NUMBA_ENABLE_AVX") == "0":
        found = {flag: on and not flag.startswith("avx") for flag, on in found.items()}
    return found


PROCESSOR = llvm.get_process_triple().split("-")[0]
"""The family of processors, as LLVM calls it: x86_64, aarch64, arm64 and others."""


def _arm() -> bool:
    return PROCESSOR in ("aarch64", "arm64")


VECTOR_BYTES = 64 if features().get("avx512f") else 32 if features().get("avx") else 16
"""Bytes of a vector register: 64 with AVX-512, 32 with AVX, else 16 (SSE2, NEON)."""

REGISTERS = 32 if VECTOR_BYTES == 64 or _arm() else 16
"""Vector registers: 32 with AVX-512 and on ARM, 16 with AVX2 and SSE."""

MODEL = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name()
"""The processor, as LLVM calls it."""

HALF = VECTOR_BYTES == 64 and MODEL == "znver4"
"""Whether an instruction on half a vector takes half the time: Zen 4 works on 512 bits in two turns."""


KEPT = 30 * 86400
"""Seconds that kernels of another version of tsumiki are kept."""


def name() -> str:
    """Return the widest vector extension in use."""
    if VECTOR_BYTES == 64:
        return "AVX-512"
    if VECTOR_BYTES == 32:
        return "AVX2" if features().get("avx2") else "AVX"
    return "NEON" if _arm() else "SSE2"


def _digest() -> str:
    """Hash what all compiled kernels depend on; a kernel's own file says what it is made of (objects.py)."""
    found = hashlib.sha256()
    # The version from the package's metadata: Numba itself need not be loaded to find the folder.
    target = (version("numba"), sys.version_info[:2], VECTOR_BYTES, REGISTERS, MODEL)
    found.update(repr((target, sorted(features().items()))).encode())
    return found.hexdigest()[:16]


@functools.cache
def cache_folder() -> Path | None:
    """Return the private folder for compiled kernels, or None where none can be had (they are compiled each time).

    TSUMIKI_CACHE_DIR names another place than the user's cache folder.
    """
    base = user_folder()
    if base is None:
        return None
    folder = base / f"kernels-{_digest()}"
    if not folder.exists():
        _forget(base)
    return folder if private(folder) else None


def _forget(base: Path) -> None:
    """Remove kernels of other versions that nobody has compiled into for a month; a new one has just come."""
    for old in base.glob("kernels-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > KEPT:
                shutil.rmtree(old, ignore_errors=True)
