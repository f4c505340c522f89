"""What the page Train shows of one training while it runs, as the files say it: for the component that draws it.

    watch = Watch(registry, job.id, "ja")
    watch.look()      {"rev", "every", "phases", "done", "said", "numbers", "charts"}, all in words and numbers

Streamlit's run of the page and the server's own thread both look, so nothing here asks who is looking: the language
is given, and nothing is kept in the session.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from builder.training.doctor import Advice
from builder.ui.checkups import Found, checkups, coming
from builder.ui.files import read_json
from builder.ui.pages.advice import findings
from builder.ui.pages.charts import SERIES, TRAIN, VALIDATION
from builder.ui.pages.common import clock, metric_name, number
from builder.ui.registry import Job, Registry
from builder.ui.tail import rows as lines
from builder.ui.texts import text

Row = Mapping[str, Any]

EVERY, SELDOM = 1000, 2000
"""Milliseconds between two looks at a training that runs, whose curves move twice in that time (curves/pen.js), and at
one beside which others run."""
FOUND = 4.0
"""Seconds between two looks at what is to be said of a training: its doctor, its layers."""
OLD = (10.0, 180.0)
"""Seconds, at least and at most, after which a later checkup, a finding that has gone, and numbers within sentences are
brought up to date; between, once in a hundredth of the training. For each, the browser draws the page anew. A finding
that was never there, and the first checkup, do not wait."""
OTHERS = 60.0
"""Seconds after which the queue says anew how far the other trainings are."""

MOST = 150
"""Epochs of a curve that are drawn; of more, evenly chosen ones and the last. A chart has no more pixels to show."""
TRAIL = 80
"""Values inside the epochs that are drawn."""

STEPS = ("loading", "compiling", "training", "ended")
"""What a training does, one after the other; compiling only once on a machine."""


@dataclass(frozen=True)
class Seen:
    """What the files say of one training now."""

    job: Job
    live: Mapping[str, Any]
    folder: Path | None
    document: Mapping[str, Any]
    rows: Sequence[Row]
    report: Mapping[str, Any]

    @property
    def moving(self) -> bool:
        return self.job.living or self.job.state == "waiting"


def seen(registry: Registry, job: Job) -> Seen:
    """Look at a training."""
    folder = registry.workspace / job.run if job.run else None
    report = read_json(folder / "report.json") if folder and not job.living else {}
    document = read_json(folder / "document.json") if folder else {}
    return Seen(job, registry.live(job.id), folder, document, epochs(folder), report)


def epochs(folder: Path | None) -> list[dict[str, Any]]:
    """Return the epochs of a run folder, as its metrics.jsonl tells them."""
    found = lines(folder / "metrics.jsonl") if folder is not None else []
    return [row for row in found if isinstance(row.get("train"), dict)]


def metric(document: Row) -> str:
    """Return the metric that is drawn beside the loss."""
    return "mae" if document.get("task") == "regression" else "accuracy"


class Watch:
    """Looks at one training again and again; any thread may."""

    def __init__(self, registry: Registry, which: str, language: str) -> None:
        self.registry, self.which, self.language = registry, which, language
        self._mutex = threading.Lock()
        self._looked = -math.inf
        self._advised: tuple[Any, list[Advice]] = (None, [])
        self._found: list[Any] = []
        self._drawn = -math.inf
        self._shown: set[str] = set()
        self._checkup: Found | None = None
        self._examined = False

    def look(self, *, drawing: bool = False) -> dict[str, Any]:
        """Return what is to be shown. "rev" changes where more than that has to be drawn anew; `drawing` now."""
        with self._mutex:
            jobs = self.registry.listed()
            job = next((one for one in jobs if one.id == self.which), None)
            if job is None:
                return {"rev": "gone", "every": SELDOM, **EMPTY}
            found = seen(self.registry, job)
            others = [one for one in jobs if one.id != job.id and (one.living or one.state == "waiting")]
            said_of = self._findings(found, drawing)
            examined = not (found.folder and found.rows and coming(found.folder))
            every = EVERY if found.moving else SELDOM if others or not examined else 0
            queue = [[one.id, one.state, one.run is None] for one in jobs]
            turn = int(time.monotonic() / OTHERS) if others else 0
            said = json.dumps([queue, turn, bool(found.rows), said_of], default=str)
            rev = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).hexdigest()
        return {"rev": rev, "every": every, **picture(found, self.language)}

    def _findings(self, found: Seen, drawing: bool) -> list[Any]:
        """Return what tells one set of findings from another one; looked for anew only now and then."""
        now = time.monotonic()
        if not (drawing or not found.moving or now - self._looked >= FOUND):
            return self._found
        self._looked = now
        of = (found.job.state, len(found.rows))
        if of != self._advised[0]:
            self._advised = of, findings(found.job, found.rows, found.document, found.report)
        advised = self._advised[1]
        due = drawing or not found.moving or now - self._drawn >= _old(found.live)
        if found.folder and found.rows and (due or self._checkup is None):  # to ask for a checkup is to have one made
            self._checkup = checkups(found.folder, living=found.job.living)
        checkup = self._checkup
        news = not {one.code for one in advised} <= self._shown or (checkup is not None and not self._examined)
        if due or news:
            layers = [checkup.epoch, checkup.refused] if checkup is not None else None
            warnings = len(found.live.get("warnings") or ())
            self._found = [[(one.code, one.epoch, str(one.what)) for one in advised], layers, warnings]
        if drawing:
            self._drawn, self._examined = now, checkup is not None
            self._shown |= {one.code for one in advised}  # what comes and goes is news once
        return self._found


def _old(live: Row) -> float:
    """Return after how many seconds what may wait is drawn anew."""
    left, steps, step = live.get("seconds_left"), live.get("steps"), live.get("step")
    if not (left and steps and step) or step >= steps:
        return OLD[0]
    return min(max(left / (1 - step / steps) / 100, OLD[0]), OLD[1])


EMPTY: Mapping[str, Any] = {"phases": [], "done": 0.0, "said": "", "numbers": [], "charts": []}


def picture(found: Seen, to: str) -> dict[str, Any]:
    """Return what is drawn, in a language. Everything is text or a number that JSON has."""
    phases, done, said = _way(found, to)
    return {
        "phases": phases, "done": done, "said": said, "numbers": _numbers(found, to),
        "charts": _charts(found, to) if found.rows or found.job.living else [],
    }  # fmt: skip


def words(to: str) -> dict[str, str]:
    """Return the texts of the component that never change."""
    keys = ("train", "validation", "epoch", "step")
    return {key: text(f"train.curve.{key}", to) for key in keys} | {"log": text("train.log", to)}


def progress(live: Row, to: str | None = None) -> str:
    """Say in a few words where a training is."""
    if live.get("phase") != "training" or not live.get("steps"):
        return text(f"train.phase.{live.get('phase', 'loading')}", to)
    return text("train.progress", to, epoch=live["epoch"], epochs=live["epochs"], left=clock(live.get("seconds_left")))


def _way(found: Seen, to: str) -> tuple[list[tuple[str, str]], float, str]:
    """Return where the training is on its way: the steps with "done", "now" or "next", a share, and words."""
    live = found.live
    if not found.moving:
        return [], 0.0, ""
    phase = "waiting" if found.job.state == "waiting" else str(live.get("phase", "loading"))
    if phase == "waiting":
        return [(text(f"train.step.{step}", to), "next") for step in STEPS], 0.0, text("train.phase.waiting", to)
    steps, compiled = live.get("steps"), int(live.get("compiled", 0))
    done = float(live["step"]) / steps if phase == "training" and steps else 0.0
    phase = "ended" if phase == "training" and done >= 1 else phase
    now = STEPS.index(phase) if phase in STEPS else 0
    names = [text(f"train.step.{step}", to) for step in STEPS]
    if compiled:
        names[1] += f" ({text('train.compiled', to, count=compiled)})"
    phases = [(name, "done" if k < now else "now" if k == now else "next") for k, name in enumerate(names)]
    if phase == "training" and steps:
        inside = text("train.steps", to, batch=live.get("batch", 0), batches=live.get("batches", 0))
        return phases, min(1.0, done), f"{progress(live, to)} · {inside}"
    if phase == "compiling":
        return phases, 0.0, text("train.compiling", to, count=compiled)
    return phases, 1.0 if phase == "ended" else 0.0, text(f"train.phase.{phase}", to)


def _numbers(found: Seen, to: str) -> list[tuple[str, str]]:
    live, living, document = found.live, found.job.living, found.document
    last = found.rows[-1] if found.rows else {}
    which = "validation" if last.get("validation") else "train"
    key = metric(document)
    planned = (document.get("training") or {}).get("epochs", 20)
    loss = (last.get("train") or {}).get("loss", live.get("loss"))
    if living and live.get("loss") is not None:
        loss = live["loss"]
    cells = [
        (text("train.epoch", to), f"{len(found.rows)} / {planned}" if document else "–"),
        (text("metric.loss", to), number(loss)),
        (f"{metric_name(key, to)} ({text(f'part.{which}', to)})", number((last.get(which) or {}).get(key))),
        (text("train.rate", to), number(live.get("learning_rate") if living else last.get("learning_rate"), 5)),
    ]
    if living:
        speed = live.get("samples_per_second")
        cells.append((text("train.left", to), clock(live.get("seconds_left"))))
        cells.append((text("train.speed", to), number(round(speed)) if speed else "–"))
    return cells


def _charts(found: Seen, to: str) -> list[dict[str, Any]]:
    """Return the charts: loss, the metric, and the learning rate where it changes."""
    rows, document = thin(found.rows, MOST), found.document
    training = document.get("training") or {}
    planned = training.get("epochs")
    key = metric(document)
    shared = {
        "x": [row["epoch"] for row in rows],
        "best": (found.report.get("best") or {}).get("epoch"),
        "far": planned if isinstance(planned, int) and len(found.rows) >= planned / 4 else None,
    }
    trail = found.live.get("trail") if found.job.living else None
    charts = []
    for name, title in (("loss", text("metric.loss", to)), (key, metric_name(key, to))):
        made = [
            _line(text(f"train.curve.{part}", to), colour, [(row.get(part) or {}).get(name) for row in rows])
            for part, colour in (("train", TRAIN), ("validation", VALIDATION))
        ]
        charts.append(_chart(title, made, to, shared, trail if name == "loss" else None))
    schedule = training.get("schedule") or {}
    if schedule.get("type", "Constant") != "Constant" or schedule.get("warmup_epochs"):
        title = text("train.rate", to)
        rate = _line(title, SERIES[2], [row.get("learning_rate") for row in rows])
        charts.append(_chart(title, [rate], to, shared, None))
    return charts


def _chart(
    title: str, made: list[dict[str, Any]], to: str, shared: Row, trail: Sequence[Sequence[float]] | None
) -> dict[str, Any]:
    inside = [(at, value) for at, value in thin(trail or (), TRAIL) if _number(value) is not None]
    last = [f"{line['name']} {number(line['values'][-1])}" for line in made if line["values"]]
    empty = not inside and not any(value is not None for line in made for value in line["values"])
    note = text("train.first_epoch", to) if empty else ""
    summary = f"{text('train.epoch', to)} {shared['x'][-1]}: {', '.join(last)}" if last else note
    return {
        "title": title, "lines": made, "note": note, "summary": f"{title}. {summary}", **shared,
        "trail": [[round(at, 4) for at, _ in inside], [_number(value) for _, value in inside]],
    }  # fmt: skip


def _line(name: str, colour: str, values: Sequence[Any]) -> dict[str, Any]:
    return {"name": name, "colour": colour, "values": [_number(value) for value in values]}


def _number(value: Any) -> float | None:
    """Return a value with as many digits as a chart can show; None for what is no number, or has no place on it."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return _short(value)


@lru_cache(maxsize=8192)
def _short(value: float) -> float:
    return float(f"{value:.5g}")


def thin(values: Sequence[Any], most: int) -> Sequence[Any]:
    """Return at most `most` of the values, evenly chosen, the last one among them.

    The step is a power of two, so that most of what was chosen stays chosen while the values grow.

    >>> thin([1, 2, 3, 4, 5, 6], 3), thin([1, 2], 3)
    ([1, 5, 6], [1, 2])
    """
    step = 1
    while len(values) > most and -(-(len(values) - 1) // step) + 1 > most:
        step *= 2
    return values if step == 1 else [*values[:-1:step], values[-1]]
