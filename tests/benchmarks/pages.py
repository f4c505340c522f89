"""How fast the application is: python tests/benchmarks/pages.py [first | list | live]

first paint of the page Build     <= 3 s     from the request, server warm; and the first request of a new server
100 runs in the list open         <= 2 s     from the click on Runs until the table stands
live curves at 2 Hz               < 3 %      of the training's speed, an open page Train against none, paired rounds
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui")]

import browser_harness as harness  # noqa: E402  # found by the line before
from person import Person  # noqa: E402

ROUNDS = 5
RUNS = 100
LIVE_ROUNDS, LIVE_SECONDS = 6, 12.0
LIVE = "unet"
"""A template with longer epochs than digits', where validation and checkpoint would be much of what is measured."""


def row(name: str, value: float, limit: float, unit: str) -> None:
    print(f"{name:<34} {value:7.3f} {unit}   limit {limit:g} {unit}   {'ok' if value <= limit else 'TOO SLOW'}")


def opened(browser: Any, address: str) -> Person:
    return Person(browser.new_context(viewport={"width": 1280, "height": 1000}).new_page())


def first(browser: Any, folder: Path) -> None:
    """Measure from the request until the canvas stands."""
    with harness.application(folder) as server:
        taken = []
        for _ in range(ROUNDS + 1):
            me = opened(browser, server.address)
            begin = time.monotonic()
            me.page.goto(server.address, wait_until="commit")
            me.block("Input").wait_for()
            taken.append(time.monotonic() - begin)
            me.page.context.close()
    row("first paint, new server", taken[0], 3, "s")
    row(f"first paint, best of {ROUNDS}", min(taken[1:]), 3, "s")


def many(folder: Path) -> None:
    """Lay down a hundred runs of twenty epochs, as a training writes them."""
    import builder

    run = builder.train(ROOT / "examples" / "iris.json", out=folder / "runs", overrides={"training.epochs": 20}).path
    for number in range(2, RUNS + 1):
        copy = run.parent / str(number)
        shutil.copytree(run, copy)
        document = json.loads((copy / "document.json").read_text(encoding="utf-8"))
        document["model"]["layers"][0]["out_features"] = 8 + number % 16
        (copy / "document.json").write_text(json.dumps(document), encoding="utf-8")


def listed(browser: Any, folder: Path) -> None:
    """Measure from the click on Runs until its table and charts stand: the first time, and again."""
    many(folder)
    with harness.application(folder) as server:
        me = opened(browser, server.address)
        me.page.goto(server.address)
        me.block("Input").wait_for()
        taken = []
        for _ in range(ROUNDS):
            me.settle()
            begin = time.monotonic()
            me.page.locator("a[href*='/runs']").first.click()
            me.page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
            taken.append(time.monotonic() - begin)
            me.page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
            me.go("learn")
    row(f"{RUNS} runs, a new server", taken[0], 2, "s")
    row(f"{RUNS} runs, best of {ROUNDS}", min(taken), 2, "s")


def live(browser: Any, folder: Path) -> None:
    """Count a training's steps with an open page Train and with none, in turns, so that drifts hit both alike."""
    with harness.application(folder) as server:
        me = opened(browser, server.address)
        me.page.goto(server.address)
        me.template(LIVE)
        me.start(1_000_000)
        # A fresh cache: the kernels may have to be compiled first.
        me.key("training").locator("[data-testid=stVegaLiteChart]").first.wait_for(timeout=120_000)
        job = folder / ".tsumiki" / "jobs" / "0001" / "live.json"
        ratios = []
        try:
            for _ in range(LIVE_ROUNDS):
                watched = pace(job)
                me.page.goto("about:blank")
                time.sleep(1)
                ratios.append(watched / pace(job))
                print(f"   speed watched / alone {ratios[-1]:.3f} on {os.cpu_count()} cores", flush=True)
                me.page.go_back()
                me.key("training").locator("[data-testid=stVegaLiteChart]").first.wait_for()
                time.sleep(1)
        finally:
            os.kill(json.loads((folder / ".tsumiki" / "queue.json").read_text())["jobs"][0]["pid"], signal.SIGTERM)
    cost = 100 * (1 - statistics.median(ratios))
    row(f"live curves, median of {LIVE_ROUNDS} pairs", cost, 3, "%")


def pace(job: Path) -> float:
    """Return the steps a second that a training does over some seconds."""

    def now() -> tuple[float, int]:
        said = json.loads(job.read_text(encoding="utf-8"))
        return said["time"], said["step"]

    begin = now()
    time.sleep(LIVE_SECONDS)
    end = now()
    return (end[1] - begin[1]) / (end[0] - begin[0])


def main() -> None:
    parts = {"first": first, "list": listed, "live": live}
    with harness.chromium() as browser:
        for name in sys.argv[1:] or parts:
            with tempfile.TemporaryDirectory() as folder:
                parts[name](browser, Path(folder))


if __name__ == "__main__":
    main()
