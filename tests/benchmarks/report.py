"""Write the tables of docs/performance.md from the lines that the peers' harness keeps with --save.

    python tests/benchmarks/report.py LINES.jsonl ... > tables.md

A cell is the median of the rounds' medians in milliseconds; the ratio is the best peer's divided by ours. Nets whose
rounds differ by more than a fifth between the quartiles are marked with *: their moment was not quiet.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

Lines = list[dict[str, Any]]


def read(paths: Iterable[str]) -> Lines:
    """Return the lines of all files."""
    return [json.loads(line) for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines() if line]


def table(lines: Lines, key: str, digits: int = 2) -> list[str]:
    """Return a Markdown table of nets by who, with ratios and their geometric mean below."""
    nets = list(dict.fromkeys(line["net"] for line in lines))
    peers = sorted({line["label"] for line in lines} - {"ours"})
    rows = [f"| net | ours | {' | '.join(peers)} | best peer / ours |", "|---" * (len(peers) + 3) + "|"]
    ratios: list[float] = []
    for net in nets:
        cells = {who: [x[key] for x in lines if x["net"] == net and x["label"] == who and key in x] for who in
                 ("ours", *peers)}  # fmt: skip
        medians = {who: median(values) for who, values in cells.items() if values}
        ratio = min((v for who, v in medians.items() if who != "ours"), default=math.nan) / medians.get(
            "ours", math.nan
        )
        if math.isfinite(ratio):
            ratios.append(ratio)
        shown = [f"{medians[who]:.{digits}f}{_mark(cells[who])}" if who in medians else "–" for who in ("ours", *peers)]
        rows.append(f"| {net} | {' | '.join(shown)} | {ratio:.2f} |")
    if ratios:
        mean = math.exp(sum(math.log(r) for r in ratios) / len(ratios))
        rows.append(f"\nGeometric mean {mean:.2f}, least {min(ratios):.2f}.")
    return rows


def _mark(values: list[float]) -> str:
    if len(values) < 3:
        return ""
    low, middle, high = quantiles(values, n=4)
    return "\\*" if high - low > 0.2 * middle else ""


def main() -> None:
    lines = read(sys.argv[1:])
    for infer in (False, True):
        for threads in sorted({line["threads"] for line in lines}):
            some = [line for line in lines if line["threads"] == threads and bool(line.get("infer")) == infer]
            if not some:
                continue
            what = "prediction of the net's batch" if infer else "training step"
            parts = [(f"{what}, ms", "step_ms_median", 2)]
            parts += [("prediction of one sample, ms", "batch1_ms_median", 3)] if infer else []
            parts += [("process start to the end of the first step, s", "first_step_s", 2)]
            parts += [("peak memory, MB", "peak_rss_mb", 0)]
            for title, key, digits in parts:
                print(f"\n### {threads} thread{'s' * (threads > 1)}: {title}\n")
                print("\n".join(table(some, key, digits)))


if __name__ == "__main__":
    main()
