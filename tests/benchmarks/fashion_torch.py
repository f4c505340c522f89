"""The network of fashion.py in PyTorch, written to be fast on a CPU: channels_last, fused Adam, data as one tensor.

Run by fashion.py, in an environment that has torch: FOLDER --threads T --goal G --batch B --epochs E.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import time
from pathlib import Path

RATE = 0.002
BEGUN = float(os.environ["BENCH_T0"])
parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
for name, kind in (("threads", int), ("goal", float), ("batch", int), ("epochs", int)):
    parser.add_argument(f"--{name}", type=kind, required=True)
args = parser.parse_args()
for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{library}_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402  # threads are set before libraries load
import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: E402  # of another environment
from torch import nn  # type: ignore[import-not-found,unused-ignore]  # noqa: E402

torch.set_num_threads(args.threads)
torch.manual_seed(0)


def part(name: str) -> tuple:  # type: ignore[type-arg]
    images, labels = (
        gzip.decompress((args.folder / f"{name}-{what}-ubyte.gz").read_bytes())
        for what in ("images-idx3", "labels-idx1")
    )
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28)
    x = torch.from_numpy(pixels.astype(np.float32) / 255).contiguous(memory_format=torch.channels_last)
    return x, torch.from_numpy(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))


(x, t), (test_x, test_t) = part("train"), part("t10k")


def stage(inside: int, maps: int) -> list:  # type: ignore[type-arg]
    return [nn.Conv2d(inside, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU(inplace=True), nn.MaxPool2d(2)]


model = nn.Sequential(*stage(1, 64), *stage(64, 128), nn.Flatten(), nn.Dropout(0.5), nn.Linear(128 * 49, 10))
model = model.to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
for epoch in range(args.epochs):
    model.train()
    order = torch.from_numpy(np.random.default_rng([0, epoch]).permutation(len(x)))
    for start in range(0, len(x), args.batch):
        some = order[start : start + args.batch]
        done = (epoch + start / len(x)) / args.epochs
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * done)) / 2
        optimizer.zero_grad(set_to_none=True)
        made = model(x[some].contiguous(memory_format=torch.channels_last))
        loss = nn.functional.cross_entropy(made, t[some], label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        loss.item()
    model.eval()
    parts = test_x.split(500), test_t.split(500)
    with torch.inference_mode():
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(*parts, strict=True))
    accuracy = right / len(test_x)
    line = {"who": "torch", "epoch": epoch + 1, "accuracy": accuracy, "seconds": time.time() - BEGUN}
    print(json.dumps(line), flush=True)
    if accuracy >= args.goal:
        break
