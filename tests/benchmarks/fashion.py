"""Fashion-MNIST to 92 % test accuracy, from the start of the process: ours, and a torch script of the same network.

    python tests/benchmarks/fashion.py FOLDER [--threads T] [--torch PYTHON] [--goal 0.92] [--batch 100] [--epochs 8]

FOLDER holds the four IDX files. Two stages of Convolution-BatchNormalization-ReLU-MaxPooling (64 and 128 maps, 3 x 3),
Dropout, Affine, smoothed labels; Adam, whose learning rate falls by half a cosine from 0.002 to 0 over the epochs. With
half the maps, one learning rate and neither Dropout nor smoothing, no side comes to 92 % in 12 epochs. After each epoch
the test part is measured, with both in the same way; the clock stops when the goal is reached.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RATE = 0.002
HERE = Path(__file__).resolve().parent


def document(folder: Path, batch: int, epochs: int) -> dict[str, Any]:
    stage = [{"type": "BatchNormalization"}, {"type": "ReLU"}, {"type": "MaxPooling"}]
    layers = [
        {"type": "Convolution", "out_channels": 64, "kernel_size": 3, "padding": 1}, *stage,
        {"type": "Convolution", "out_channels": 128, "kernel_size": 3, "padding": 1}, *stage,
        {"type": "Dropout", "p": 0.5}, {"type": "Affine", "out_features": 10},
        {"type": "Softmax"}, {"type": "CategoricalCrossEntropy", "label_smoothing": 0.1},
    ]  # fmt: skip
    files = {"images": "train-images-idx3-ubyte.gz", "labels": "train-labels-idx1-ubyte.gz"}
    source = {"type": "idx", **{key: str(folder / name) for key, name in files.items()}}
    return {
        "format": 1,
        "name": "fashion",
        "task": "classification",
        "model": {"input": [1, 28, 28], "layers": layers},
        "data": {"source": source},
        "training": {"epochs": epochs, "batch_size": batch, "optimizer": {"type": "Adam", "learning_rate": RATE}},
    }


def ours(folder: Path, threads: int, goal: float, batch: int, epochs: int) -> None:
    """Train through the public API until the goal is reached; print a line per epoch."""
    begun = float(os.environ["BENCH_T0"])
    import numpy as np

    import builder
    from builder.data.idx import load

    def part(name: str) -> tuple[np.ndarray, np.ndarray]:
        images = load(folder / f"{name}-images-idx3-ubyte.gz")
        labels = load(folder / f"{name}-labels-idx1-ubyte.gz")
        return images[:, None].astype(np.float32) / 255, labels.astype(np.int64)

    (x, t), test = part("train"), part("t10k")
    net = builder.compile(document(folder, batch, epochs), seed=0, threads=threads)
    from schemas.training import Training

    session = net.session(batch, Training.model_validate(net.document["training"]).optimizer)
    for epoch in range(epochs):
        order = np.random.default_rng([0, epoch]).permutation(len(x))
        for start in range(0, len(x), batch):
            some = order[start : start + batch]
            done = (epoch + start / len(x)) / epochs
            session.step(x[some], t[some], learning_rate=RATE * (1 + math.cos(math.pi * done)) / 2)
        accuracy = net.accuracy(*test)
        line = {"who": "tsumiki", "epoch": epoch + 1, "accuracy": accuracy, "seconds": time.time() - begun}
        print(json.dumps(line), flush=True)
        if accuracy >= goal:
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--torch", help="Python that has torch")
    parser.add_argument("--goal", type=float, default=0.92)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    words = [str(args.folder), "--threads", str(args.threads), "--goal", str(args.goal)]
    words += ["--batch", str(args.batch), "--epochs", str(args.epochs)]
    if args.ours:
        ours(args.folder, args.threads, args.goal, args.batch, args.epochs)
        return
    commands = {"tsumiki": [sys.executable, __file__, *words, "--ours"]}
    # glibc's malloc told to keep its memory: much faster for torch.
    keep = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_TOP_PAD_": str(2**26)}
    if args.torch:
        commands["torch"] = [args.torch, str(HERE / "fashion_torch.py"), *words]
    root = str(HERE.parent.parent)
    for who, command in commands.items():
        environment = {**os.environ, "BENCH_T0": str(time.time()), **(keep if who == "torch" else {})}
        environment["PYTHONPATH"] = root
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        print(done.stdout, end="", flush=True)


if __name__ == "__main__":
    main()
