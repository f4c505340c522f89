"""Write the tables of docs/performance.md from the lines that the peers' harness keeps with --save.

    python tests/benchmarks/report.py [--brief] LINES.jsonl ... > tables.md      # --brief: ours and the best peer alone

A cell is the median of the rounds' medians in milliseconds; the ratio is the best peer's divided by ours. Nets whose
rounds differ by more than a fifth between the quartiles are marked with *: their moment was not quiet.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import geometric_mean, median, quantiles
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
        cells = _rounds(lines, net, key)
        medians = {who: median(values) for who, values in cells.items()}
        ratio = min((v for who, v in medians.items() if who != "ours"), default=math.nan) / medians.get(
            "ours", math.nan
        )
        if math.isfinite(ratio):
            ratios.append(ratio)
        shown = [f"{medians[who]:.{digits}f}{_mark(cells[who])}" if who in medians else "–" for who in ("ours", *peers)]
        rows.append(f"| {net} | {' | '.join(shown)} | {ratio:.2f} |")
    if ratios:
        rows.append(f"\nGeometric mean {geometric_mean(ratios):.2f}, least {min(ratios):.2f}.")
    return rows


def brief(lines: Lines, key: str, digits: int) -> list[str]:
    """Return one table of ours and the best peer for each number of threads, and the geometric means."""
    threads = sorted({line["threads"] for line in lines})
    heads = [f"ours, {n} thread{'s' * (n > 1)} | best peer | ratio" for n in threads]
    rows, ratios = [f"| net | {' | '.join(heads)} |", "|---" * (1 + 3 * len(threads)) + "|"], {n: [] for n in threads}
    for net in dict.fromkeys(line["net"] for line in lines):
        cells = []
        for n in threads:
            found = _rounds([line for line in lines if line["threads"] == n], net, key)
            mine = found.pop("ours")
            best = min(found, key=lambda label: median(found[label]))
            ratios[n].append(median(found[best]) / median(mine))
            name = best.split("-")[0]
            cells += [f"{median(mine):.{digits}f}{_mark(mine)}", f"{name} {median(found[best]):.{digits}f}"]
            cells += [f"{ratios[n][-1]:.2f}"]
        rows.append(f"| {net} | {' | '.join(cells)} |")
    means = [f"{geometric_mean(r):.2f} (least {min(r):.2f})" for r in ratios.values()]
    return [*rows, "", "Geometric mean " + ", ".join(means)]


def _rounds(lines: Lines, net: str, key: str) -> dict[str, list[float]]:
    """Return a value of every round, by who was measured."""
    found: dict[str, list[float]] = {}
    for line in lines:
        if line["net"] == net and key in line:
            found.setdefault(line["label"], []).append(line[key])
    return found


def _mark(values: list[float]) -> str:
    if len(values) < 3:
        return ""
    low, middle, high = quantiles(values, n=4)
    return "\\*" if high - low > 0.2 * middle else ""


PARTS = {
    False: [("training step, ms", "step_ms_median", 2)],
    True: [("prediction of the net's batch, ms", "step_ms_median", 2), ("of one sample", "batch1_ms_median", 3)],
}
"""For training and for predictions: title, key and digits of what is compared."""


def main() -> None:
    lines = read(path for path in sys.argv[1:] if path != "--brief")
    if "--brief" in sys.argv:
        for infer, parts in PARTS.items():
            some = [line for line in lines if bool(line.get("infer")) == infer]
            for title, key, digits in parts if some else []:
                print("\n".join([f"\n### {title}\n", *brief(some, key, digits)]))
        return
    for infer in (False, True):
        for threads in sorted({line["threads"] for line in lines}):
            some = [line for line in lines if line["threads"] == threads and bool(line.get("infer")) == infer]
            if not some:
                continue
            parts = [*PARTS[infer], ("process start to the end of the first step, s", "first_step_s", 2)]
            parts += [("peak memory, MB", "peak_rss_mb", 0)]
            for title, key, digits in parts:
                print(f"\n### {threads} thread{'s' * (threads > 1)}: {title}\n")
                print("\n".join(table(some, key, digits)))


if __name__ == "__main__":
    main()
