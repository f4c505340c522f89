"""Compiled kernels as files of machine code, and how they are loaded: LLVM's linker alone, without Numba.

A file holds one line of JSON (the function's name, the symbols that it takes from outside) and the object code. Files
are written whole or not at all, each by whoever has compiled it: two processes that do so at once write the same.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from . import cpu

MEMORY = """
declare ptr @malloc(i64)
declare void @free(ptr)

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %total = add i64 %size, 128
  %made = call ptr @malloc(i64 %total)
  %number = ptrtoint ptr %made to i64
  %behind = add i64 %number, 111
  %even = and i64 %behind, -64
  %data = inttoptr i64 %even to ptr
  %dtor = getelementptr i64, ptr %made, i64 1
  %info = getelementptr i64, ptr %made, i64 2
  %place = getelementptr i64, ptr %made, i64 3
  %room = getelementptr i64, ptr %made, i64 4
  store i64 1, ptr %made
  store i64 0, ptr %dtor
  store i64 0, ptr %info
  store ptr %data, ptr %place
  store i64 %size, ptr %room
  ret ptr %made
}

define void @NRT_MemInfo_call_dtor(ptr %made) {
  call void @free(ptr %made)
  ret void
}

define void @NRT_Free(ptr %made) {
  call void @free(ptr %made)
  ret void
}
"""
"""What Numba's runtime does for an array made within a kernel: a header of six words (references, destructor, its
argument, data, size, allocator), and the data behind it."""

ERRORS = frozenset(
    f"numba_{name}" for name in ("gil_ensure", "gil_release", "unpickle", "runtime_build_excinfo_struct", "do_raise")
)
"""What compiled code calls to raise an exception; kernels never do."""

IMPORT = re.compile(r"^from \.(?P<from>\w*) import (?P<names>\([^)]*\)|.*)$", re.M)

_LOADED: list[Any] = []
"""Linkers whose code is in use."""


@functools.cache
def folder() -> Path:
    """Return where compiled kernels lie: the private cache folder, or one for this process alone."""
    found = cpu.cache_folder()
    if found is None:
        found = Path(tempfile.mkdtemp(prefix="tsumiki-kernels-"))
        atexit.register(shutil.rmtree, found, ignore_errors=True)
    return found


def file(name: str, dtype: str) -> Path:
    """Return the kernel's file; its name carries a hash of every source that the kernel is made of."""
    from .machine import KERNELS

    if name not in KERNELS:
        raise RuntimeError(f"There is no kernel {name!r}, or its module has not been imported.")
    return folder() / f"{name}.{dtype}.{_made_of(KERNELS[name].__module__.rpartition('.')[2])}.o"


def compiled(name: str, dtype: str) -> bool:
    """Tell whether this machine has compiled the kernel, so that to load it takes no time."""
    return file(name, dtype).exists()


@functools.cache
def _made_of(module: str) -> str:
    """Hash a module of this folder, all that it imports from here, and what it is translated by."""
    here, waiting = Path(__file__).parent, [module, "translate"]
    seen: set[str] = set()
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += _imports(here / f"{one}.py")
    found = hashlib.sha256()
    for one in sorted(seen):
        found.update(one.encode() + (here / f"{one}.py").read_bytes())
    return found.hexdigest()[:16]


def version() -> str:
    """Hash all sources of this folder."""
    found = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        found.update(source.name.encode() + source.read_bytes())
    return found.hexdigest()[:16]


@functools.cache
def _imports(source: Path) -> tuple[str, ...]:
    """Return the neighbours that a file imports: `from . import a, b` and `from .c import d`."""
    found: list[str] = []
    for line in IMPORT.finditer(source.read_text(encoding="utf-8")):
        found += [line["from"]] if line["from"] else re.findall(r"\w+", line["names"])
    return tuple(name for name in found if (source.parent / f"{name}.py").exists())


def write(path: Path, symbol: str, needs: Iterable[str], code: bytes) -> None:
    """Write a kernel's file, whole or not at all."""
    head = json.dumps({"symbol": symbol, "needs": sorted(needs)}).encode()
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(head + b"\n" + code)
    part.replace(path)


def load(path: Path) -> int | None:
    """Return the address of the kernel in the file, or None where there is no such file."""
    try:
        head, _, code = path.read_bytes().partition(b"\n")
        told = json.loads(head)
    except (OSError, ValueError):
        return None
    for symbol in told["needs"]:
        _provide(symbol)
    linker = _linker("")
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _LOADED.append(linker)
    return int(linker.get_function_address(told["symbol"]))


def _linker(source: str) -> Any:
    machine = _target().create_target_machine(codemodel="jitdefault", jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(source), machine)


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


@functools.cache
def _memory() -> Any:
    made = _linker(MEMORY)
    made.finalize_object()
    _LOADED.append(made)
    return made


def _provide(symbol: str) -> None:
    """Make sure that a symbol of Numba's runtime is found; where Numba is loaded it is.

    Its functions for errors are never called, for kernels raise none: they end the process.
    """
    if llvm.address_of_symbol(symbol):
        return
    if symbol.startswith("NRT_"):
        llvm.add_symbol(symbol, _memory().get_function_address(symbol))
    elif symbol in ERRORS:
        abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
        llvm.add_symbol(symbol, abort)
    elif symbol.startswith("numba_"):
        raise RuntimeError(f"A kernel uses {symbol}, a part of Numba that is not loaded; write it without.")
