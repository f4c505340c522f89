"""Predicted and measured time of a training step, in all and by kind of operation.

    python tests/benchmarks/predicted.py [--threads T] [--seconds S] [--infer] NET_JSON ...

NET_JSON is a net of the peer benchmark or a document of ours. The constants of builder/compile/work.py were fitted to
what this prints: `ratio` is predicted / measured.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import nets

import builder
from builder.report.profile import profile


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--infer", action="store_true")
    parser.add_argument("--kinds", action="store_true", help="by kind of operation too")
    args = parser.parse_args()
    print(f"{'network':14} {'predicted':>10} {'measured':>10} {'ratio':>6}   ms, threads {args.threads}")
    for file in args.files:
        given = json.loads(file.read_text(encoding="utf-8"))
        net = builder.compile(nets.document(given) if "blocks" in given else given, seed=0, threads=args.threads)
        found = profile(net, training=not args.infer, seconds=args.seconds)
        row(file.stem, found["predicted_ms"], found["step_ms"])
        if args.kinds:
            kinds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
            for call in found["calls"]:
                kind = call.get("kind", "")
                key = call["name"] if kind in ("", "pass") else f"{call['name']}, {kind}"
                kinds[key][0] += call.get("predicted_ms", 0.0)
                kinds[key][1] += call["ms"]
            for name, (predicted, measured) in sorted(kinds.items(), key=lambda item: -item[1][1])[:10]:
                row(f"  {name}", predicted, measured)


def row(name: str, predicted: float, measured: float) -> None:
    print(f"{name:28} {predicted:10.3f} {measured:10.3f} {predicted / max(measured, 1e-9):6.2f}", flush=True)


if __name__ == "__main__":
    main()
