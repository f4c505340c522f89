"""Compile kernels, by processes of their own: as many as there are processors, two at most.

    python -m builder.kernels.compiling       reads lines "<kernel> <type> <file>", answers each with its seconds

The process that needs the kernels hands them out one by one and loads what comes back (`compile_missing`).
"""

from __future__ import annotations

import gc
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

HEAVY = (
    "winograd_forward", "winograd_gradient", "affine_weights", "turned_forward", "near_gradient", "convolution_pooled",
    "pooled_gradient", "draw_normals", "update", "pair_max_backward", "softmax_cross_entropy", "affine_input",
    "affine_few", "large_backward", "max_sums", "tiles_forward", "winograd_spread", "pointwise_forward",
    "pointwise_backward",
)  # fmt: skip
"""Kernels that take longest to compile: they are begun first."""

PROCESSES = 2

Heard = Callable[[str, float], None]


def compile_missing(wanted: Iterable[tuple[str, str]], heard: Heard) -> None:
    """Compile (kernel, type) pairs in processes of their own, and say how long each took. Raises RuntimeError."""
    waiting: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    ordered = sorted(wanted, key=lambda pair: HEAVY.index(pair[0]) if pair[0] in HEAVY else len(HEAVY))
    for pair in ordered:
        waiting.put(pair)
    told: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
    failures: list[str] = []
    number = min(PROCESSES, len(ordered), os.cpu_count() or 1)
    feeders = [threading.Thread(target=_feed, args=(waiting, told, failures), daemon=True) for _ in range(number)]
    for feeder in feeders:
        feeder.start()
    done = 0
    while done < len(ordered) and not failures:
        try:
            heard(*told.get(timeout=0.2))
            done += 1
        except queue.Empty:
            continue
    if failures:
        raise RuntimeError(f"A kernel could not be compiled: {failures[0]}")
    for feeder in feeders:
        feeder.join()


def _feed(
    waiting: queue.SimpleQueue[tuple[str, str]], told: queue.SimpleQueue[tuple[str, float]], failures: list[str]
) -> None:
    """Give one process a kernel after the other."""
    from .objects import file

    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "builder.kernels.compiling"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as child:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        try:
            while not failures:
                name, dtype = waiting.get_nowait()
                child.stdin.write(f"{name} {dtype} {file(name, dtype)}\n")
                child.stdin.flush()
                answer = child.stdout.readline()
                if not answer:
                    child.kill()
                    failures.append(f"{name} in {dtype}\n{child.stderr.read()}")
                    return
                told.put((name, float(answer)))
        except queue.Empty:
            pass
        except OSError as error:
            failures.append(str(error))
        finally:
            child.stdin.close()


def import_all() -> None:
    """Import every file of kernels, so that all are registered."""
    import importlib

    for source in sorted(Path(__file__).parent.glob("*.py")):
        if not source.stem.startswith("_") and source.stem not in ("ahead", "compiling", "translate"):
            importlib.import_module(f"builder.kernels.{source.stem}")


def main() -> None:
    os.environ["TSUMIKI_COMPILES"] = "1"  # before jit.py is loaded
    gc.set_threshold(50_000, 20, 100)  # a compiler makes many objects and few cycles: a tenth less time
    from . import machine

    import_all()
    for line in sys.stdin:
        name, dtype, place = line.rstrip("\n").split(" ", 2)
        begin = time.perf_counter()
        machine.build(name, dtype, Path(place))
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
