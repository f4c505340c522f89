"""Print predicted and measured peak memory of a training process for the examples and for larger networks.

    python tests/benchmarks/memory.py [DOCUMENT ...]

Each document is trained for one epoch in a process of its own, on noise where it names no data.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"

TRAIN = """
import json, sys
import numpy as np
import builder
document = json.loads(sys.argv[1])
net = builder.compile(document)
batch = document.get("training", {}).get("batch_size", 64)
random = np.random.default_rng(0)
x = random.standard_normal((2 * batch, *net.input_shape), dtype=np.float32)
t = random.integers(0, net.output_shape[0], 2 * batch)
net.fit(x, t, epochs=1)
net.evaluate(x, t)
"""


def measured(command: list[str]) -> float:
    """Return the peak resident memory of a command in MiB, by the operating system's account."""
    script = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(done.stdout) / unit


def main() -> None:
    from builder.check import check

    paths = [Path(p) for p in sys.argv[1:]] or sorted(EXAMPLES.glob("*.json"))
    print(f"{'document':20} {'predicted':>10} {'measured':>10} {'ratio':>6}   MiB")
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        predicted = check(document).totals["peak_training_bytes"] / 2**20
        if "data" in document:
            out = ["--out", str(Path("/tmp") / "tsumiki-memory")]
            command = [sys.executable, "-m", "builder", "train", str(path), "training.epochs=1", *out]
        else:
            command = [sys.executable, "-c", TRAIN, json.dumps(document)]
        found = measured(command)
        print(f"{path.stem:20} {predicted:10.0f} {found:10.0f} {predicted / found:6.2f}", flush=True)
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
