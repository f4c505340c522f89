"""Start-up times, best of 5: python tests/benchmarks/startup.py

import builder      <= 0.6 s
tsumiki check       <= 0.8 s   the whole process
tsumiki train       <= 2.0 s   from the start of the process to the first step done, kernels cached
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUNDS = 5

IMPORT = "import builder"
CHECK = "import sys; sys.argv[1:] = ['check', 'examples/digits.json']; from builder.cli import main; main()"
TRAIN = """
import os, time
import builder
def first(event):
    if event["event"] == "step":
        print(time.time(), flush=True)
        os._exit(0)
builder.train("examples/digits.json", out={out!r}, progress=first)
"""


def whole(program: str) -> float:
    """Return the seconds that a Python process with this program takes."""
    begin = time.time()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.time() - begin


def first_step(out: str) -> float:
    """Return the seconds from the start of a process to the end of its first training step."""
    begin = time.time()
    program = TRAIN.format(out=out)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1]) - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as out:
        first_step(out)  # compiles the kernels where they are not in the cache yet
        rows = (
            ("import builder", 0.6, lambda: whole(IMPORT)),
            ("tsumiki check", 0.8, lambda: whole(CHECK)),
            ("tsumiki train, first step", 2.0, lambda: first_step(out)),
        )
        for name, limit, measure in rows:
            best = min(measure() for _ in range(ROUNDS))
            print(f"{name:<26} {best:6.3f} s   limit {limit:.1f} s   {'ok' if best <= limit else 'TOO SLOW'}")


if __name__ == "__main__":
    main()
