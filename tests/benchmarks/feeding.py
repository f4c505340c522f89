"""Images per second that the loader gives and that the network takes, on Fashion-MNIST.

    python tests/benchmarks/feeding.py FOLDER [--threads T] [--augment]

FOLDER holds the four IDX files. The loader must give at least twice what the network takes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import fashion

import builder
from builder.data import prepare
from builder.data.loader import Loader
from builder.report.profile import profile


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--augment", action="store_true", help="shift and flip every image")
    args = parser.parse_args()
    document = fashion.document(args.folder.resolve(), 128, 1)
    if args.augment:
        document["data"]["augmentation"] = [{"type": "Shift"}, {"type": "Flip"}]
    prepared = prepare(document, Path())
    loader = Loader(prepared.train, 128, augment=args.augment, shuffle=True)
    rates = []
    for epoch in range(3):
        begin = time.perf_counter()
        count = sum(len(x) for _, _, x, _ in loader.batches(epoch))
        rates.append(count / (time.perf_counter() - begin))
    taken = profile(builder.compile(document, threads=args.threads), 128, seconds=2)["samples_per_second"]
    print(f"loader {max(rates):,.0f} images/s, network {taken:,.0f} images/s, ratio {max(rates) / taken:.1f}")


if __name__ == "__main__":
    main()
