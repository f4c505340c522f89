"""How fast the application is: python tests/benchmarks/pages.py [first | list | live | display]

first paint of the page Build     <= 3 s     from the request, server warm; and the first request of a new server
100 runs in the list open         <= 2 s     from the click on Runs until the table stands
live curves at 2 Hz               < 3 %      of the training's speed, an open page Train against a held browser,
                                             in pairs; with the processor time that server and browser take for it
the display of a training alone   <= 0.03    of a processor: a training that only writes its files, so that nothing else
                                             is measured; with the few thousandths that server and page take at rest
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui")]

import browser_harness as harness  # noqa: E402  # found by the line before
from person import Person  # noqa: E402

from builder.ui.registry import Registry  # noqa: E402

ROUNDS = 5
RUNS = 100
LIVE_ROUNDS, LIVE_SECONDS = 60, 2.0
DISPLAY_SECONDS = 12.0
SETTLING = 20.0
"""Seconds that a browser takes to compile what it has just begun to run, and the page to draw its first findings."""
LIVE_SAMPLES = 40_000
"""So many that validation and checkpoint, which wait for the disk, are little of what is measured."""
SHOWN = "unet"
"""The template whose files `display` writes."""


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
    """Count a training's steps with an open page Train and with a browser that is held (SIGSTOP), in pairs.

    The order in a pair changes, so that drifts hit both alike. The processor time of server and browser beside it says
    what the display takes, on a busy machine too; that of Playwright's own process, which no user has, is not in it.
    """
    Registry(folder).submit(endless(folder), folder)
    with harness.application(folder) as server:
        me = opened(browser, server.address)
        me.page.goto(server.address)
        me.settle()
        me.go("train")
        me.curves(timeout=120_000)  # a fresh cache: the kernels may have to be compiled first
        me.page.wait_for_timeout(1000 * SETTLING)
        job = folder / ".tsumiki" / "jobs" / "0001" / "live.json"
        slower, costs = [], []
        try:
            for number in range(LIVE_ROUNDS):
                speed: dict[bool, float] = {}
                taken: dict[bool, dict[str, float]] = {}
                for watched in (True, False) if number % 2 == 0 else (False, True):
                    hold(not watched)
                    time.sleep(0.5)
                    begin, before = time.monotonic(), processor_time(server.process.pid)
                    speed[watched] = pace(job)
                    seconds, after = time.monotonic() - begin, processor_time(server.process.pid)
                    taken[watched] = {key: (after[key] - before.get(key, 0.0)) / seconds for key in after}
                slower.append(100 * (1 - speed[True] / speed[False]))
                costs.append({key: value - taken[False].get(key, 0.0) for key, value in taken[True].items()})
                said = ", ".join(f"{key} {value:.3f}" for key, value in costs[-1].items() if value >= 0.0005)
                print(f"   slower by {slower[-1]:5.1f} %   processors taken: {said}", flush=True)
        finally:
            hold(False)
            os.kill(json.loads((folder / ".tsumiki" / "queue.json").read_text())["jobs"][0]["pid"], signal.SIGTERM)
    low, middle, high = statistics.quantiles(slower, n=4)
    print(f"   {os.cpu_count()} processors; quartiles of the pairs {low:.1f} {middle:.1f} {high:.1f} %")
    row("live curves, processors they take", statistics.median(sum(cost.values()) for cost in costs), 0.03, "of 1")
    row(f"live curves, median of {LIVE_ROUNDS} pairs", middle, 3, "%")


def endless(folder: Path) -> dict[str, Any]:
    """Write images of ten classes, a fifth of them with a wrong label, and return a document that trains on them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, LIVE_SAMPLES)
    noise = rng.standard_normal((LIVE_SAMPLES, 28, 28), np.float32)
    x = np.clip(128 + 30 * rng.standard_normal((10, 28, 28), np.float32)[y] + 60 * noise, 0, 255).astype(np.uint8)
    wrong = rng.random(LIVE_SAMPLES) < 0.2
    np.savez(folder / "endless.npz", x=x, y=np.where(wrong, rng.integers(0, 10, LIVE_SAMPLES), y))
    stage = [{"type": "BatchNormalization"}, {"type": "ReLU"}, {"type": "MaxPooling"}]
    convolutions = [{"type": "Convolution", "out_channels": c, "kernel_size": 3, "padding": 1} for c in (16, 32)]
    return {
        "format": 1,
        "name": "endless",
        "task": "classification",
        "model": {
            "layers": [
                convolutions[0], *stage, convolutions[1], *stage,
                {"type": "Affine", "out_features": 10}, {"type": "Softmax"}, {"type": "CategoricalCrossEntropy"},
            ]
        },
        "data": {"source": {"type": "npz", "path": "endless.npz"}, "validation": 0.1},
        "training": {"epochs": 1_000_000, "batch_size": 64},
    }  # fmt: skip


def display(browser: Any, folder: Path) -> None:
    """Show a training that takes no time: a thread writes what the U-Net's would, and a sleeper is its process."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    pen = Pen(folder, sleeper.pid)
    try:
        with harness.application(folder) as server:
            me = opened(browser, server.address)
            me.page.goto(server.address)
            me.settle()
            me.go("train")
            me.curves()
            me.page.wait_for_timeout(500 * SETTLING)
            begin, before = time.monotonic(), processor_time(server.process.pid)
            me.page.wait_for_timeout(1000 * DISPLAY_SECONDS)
            seconds, after = time.monotonic() - begin, processor_time(server.process.pid)
    finally:
        pen.stop.set()
        sleeper.kill()
    taken = {key: (after[key] - before.get(key, 0.0)) / seconds for key in after}
    print("   " + ", ".join(f"{key} {value:.3f}" for key, value in taken.items() if value >= 0.0005))
    row("display alone, processors it takes", sum(taken.values()), 0.03, "of 1")


class Pen(threading.Thread):
    """Writes the files of a training that has done a hundred epochs and goes on: twice a second, as it would."""

    def __init__(self, workspace: Path, pid: int) -> None:
        super().__init__(daemon=True)
        self.run_folder, self.job = workspace / "runs" / SHOWN / "1", workspace / ".tsumiki" / "jobs" / "0001"
        for place in (self.run_folder, self.job):
            place.mkdir(parents=True)
        document = (ROOT / "examples" / f"{SHOWN}.json").read_text(encoding="utf-8")
        (self.run_folder / "document.json").write_text(document, encoding="utf-8")
        job = {"id": "0001", "name": SHOWN, "state": "running", "run": f"runs/{SHOWN}/1", "pid": pid, "exit_code": None}
        job |= {"begun": psutil.Process(pid).create_time(), "message": ""}
        (workspace / ".tsumiki" / "queue.json").write_text(json.dumps({"format": 1, "jobs": [job]}))
        self.epochs, self.stop = 0, threading.Event()
        for _ in range(100):
            self.epoch()
        self.step(0)
        self.start()

    def epoch(self) -> None:
        self.epochs += 1
        made = {"loss": 1 / self.epochs, "accuracy": 1 - 1 / (self.epochs + 1)}
        row = {"epoch": self.epochs, "learning_rate": 0.005, "train": made, "validation": made}
        with (self.run_folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def step(self, number: int) -> None:
        trail = [[k * self.epochs / 240, 1 / (k + 1 + number % 5)] for k in range(240)]
        live = {
            "phase": "training", "epoch": self.epochs, "epochs": 1_000_000, "batch": number % 40, "batches": 40,
            "step": 40 * self.epochs, "steps": 40_000_000, "loss": trail[-1][1], "learning_rate": 0.005,
            "seconds_left": 75_000.0 - number, "samples_per_second": 12_000.0 + number % 13, "trail": trail,
            "warnings": [], "compiled": 0,
        }  # fmt: skip
        aside = self.job / "aside"
        aside.write_text(json.dumps(live))
        os.replace(aside, self.job / "live.json")

    def run(self) -> None:
        number = 0
        while not self.stop.wait(0.5):
            number += 1
            if number % 3:
                self.epoch()
            self.step(number)


def browsers() -> dict[int, str]:
    """Return the browser's processes with their kinds."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            words = process.cmdline()
            if any("chrom" in Path(word).name for word in words[:1]):
                found[process.pid] = next((w.removeprefix("--type=") for w in words if w.startswith("--type=")), "main")
    return found


def hold(held: bool) -> None:
    """Let the browser stand still, as if it were not there, or go on."""
    for pid in browsers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP if held else signal.SIGCONT)


def processor_time(server: int) -> dict[str, float]:
    """Return the seconds of processor time that the server and each kind of the browser's processes have taken."""
    taken: dict[str, float] = {}
    for pid, kind in [(server, "server"), *browsers().items()]:
        with suppress(psutil.Error):
            taken[kind] = taken.get(kind, 0.0) + sum(psutil.Process(pid).cpu_times()[:2])
    return taken


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
    parts = {"first": first, "list": listed, "live": live, "display": display}
    with harness.chromium() as browser:
        for name in sys.argv[1:] or parts:
            with tempfile.TemporaryDirectory() as folder:
                parts[name](browser, Path(folder))


if __name__ == "__main__":
    main()
