"""Train the networks of docs/results.md on Fashion-MNIST and print the table.

    python tests/benchmarks/results.py FOLDER --save lines.jsonl [--nets lenet5 ...] [--seeds 0 1 2] [--threads 2]
    python tests/benchmarks/results.py --show lines.jsonl

FOLDER holds the four IDX files. Each training is a process of its own: 60,000 images, a twentieth of them for
validation, no augmentation; the best epoch by validation accuracy is tested on the 10,000 test images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tsumiki beside this file, installed or not

from builder import families
from builder.families.blocks import classifier, conv, document, layer, max_pool

SHAPE = (1, 28, 28)


def stack() -> dict[str, Any]:
    """Return the NNC article's network, Conv-BN-ReLU-MaxPool twice, 64 and 128 maps, Dropout, smoothed labels."""
    stages = [part for maps in (64, 128) for part in (
        conv(maps, 5, padding=2), layer("BatchNormalization"), layer("ReLU"), max_pool())]  # fmt: skip
    *head, loss = classifier(10)
    return document("nnc_stack", SHAPE, [*stages, layer("Dropout", p=0.5), *head, loss | {"label_smoothing": 0.1}])


NETS: dict[str, tuple[Any, int, int]] = {
    "lenet5": (families.lenet5, 15, 64),
    "simple_convnet": (families.simple_convnet, 20, 100),
    "nnc_stack": (stack, 12, 64),
    "resnet20": (lambda: families.resnet(20, SHAPE), 8, 64),
}
"""Name -> its document, epochs, batch size."""


def made(name: str, folder: Path, seed: int) -> dict[str, Any]:
    """Return the document of one training."""
    make, epochs, batch = NETS[name]

    def files(part: str) -> dict[str, str]:
        kinds = {"images": "images-idx3-ubyte.gz", "labels": "labels-idx1-ubyte.gz"}
        return {"type": "idx"} | {key: str(folder / f"{part}-{end}") for key, end in kinds.items()}

    data = {"source": files("train"), "validation": 0.05, "test": files("t10k"), "preprocessing": [{"type": "Scale"}]}
    optimizer = {"type": "Adam", "learning_rate": 0.002}
    training = {"epochs": epochs, "batch_size": batch, "optimizer": optimizer, "schedule": {"type": "Cosine"},
                "monitor": "accuracy", "seed": seed}  # fmt: skip
    return make() | {"data": data, "training": training}


PROGRAM = """
import json, resource, sys, builder
run = builder.train(json.load(open(sys.argv[1])), out=sys.argv[2], threads=int(sys.argv[3]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"accuracy": run.test["accuracy"], "epochs": len(run.metrics), "peak_mb": peak}))
"""


def train(name: str, folder: Path, seed: int, threads: int) -> dict[str, Any]:
    """Train once, in a process of its own, and return its line."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "document.json")
        file.write_text(json.dumps(made(name, folder.resolve(), seed)), encoding="utf-8")
        begin = time.perf_counter()
        words = [sys.executable, "-c", PROGRAM, str(file), place, str(threads)]
        done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - begin
    return {"net": name, "seed": seed, "threads": threads, "seconds": seconds} | json.loads(
        done.stdout.splitlines()[-1]
    )


def table(lines: list[dict[str, Any]]) -> str:
    """Return the Markdown table."""
    rows = [
        "| network | parameters | test accuracy | seeds | epochs | seconds | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (make, _, _) in NETS.items():
        mine = [line for line in lines if line["net"] == name]
        if not mine:
            continue
        import builder

        count = builder.check(make()).totals["parameters"]
        scores = [line["accuracy"] for line in mine]
        spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
        seconds = statistics.median(line["seconds"] for line in mine)
        peak = max(line["peak_mb"] for line in mine)
        accuracy = f"{statistics.fmean(scores):.4f} ± {spread:.4f}"
        cells = [name, f"{count:,}", accuracy, len(mine), mine[0]["epochs"], f"{seconds:.0f}", f"{peak} MB"]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--show", type=Path)
    args = parser.parse_args()
    if args.show is not None:
        print(table([json.loads(line) for line in args.show.read_text(encoding="utf-8").splitlines()]))
        return
    lines = []
    for name in args.nets:
        for seed in args.seeds:
            line = train(name, args.folder, seed, args.threads)
            print(json.dumps(line), flush=True)
            lines.append(line)
            if args.save is not None:
                with args.save.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    print(table(lines))


if __name__ == "__main__":
    main()
