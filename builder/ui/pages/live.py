"""The live part of Train: the queue with its buttons, and the curves of one training, twice a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from builder.ui.files import read_json
from builder.ui.pages import advice, health, tracks
from builder.ui.pages.common import ICONS, clock, metric_name, number, plain, recorded, refused, to_page
from builder.ui.registry import Job, Registry
from builder.ui.tail import rows as lines
from builder.ui.texts import text
from schemas.errors import TsumikiError

EVERY, SELDOM = 0.5, 2.0
"""Seconds between two looks at a training that runs, and at all around it."""

LISTED = 6
"""Ended jobs in the queue's list; Runs has all."""

STEPS = ("loading", "compiling", "training", "ended")
"""What a training does, one after the other; compiling only once on a machine."""

COLOURS = {
    "waiting": "gray", "running": "blue", "pausing": "orange", "paused": "orange",
    "stopping": "gray", "stopped": "gray", "finished": "green", "failed": "red",
}  # fmt: skip


def watch(registry: Registry) -> None:
    """Draw queue, training and its layers; again and again while something moves.

    What changes with every step is a part of its own, and a small one: the browser draws all of a part anew each time,
    and what it draws beside a training is time that the training has not. The rest is looked at more seldom.
    """
    jobs = registry.jobs()
    if not jobs:
        with st.container(border=True):
            st.markdown(f":material/timeline: **{text('train.empty')}**")
            st.caption(text("train.caption"))
        return
    moving, job = _moving(jobs), _shown(jobs)
    slow = SELDOM if moving else None
    st.fragment(_queue, run_every=slow)(registry, moving, job.id)
    with st.container(key="training"):
        st.fragment(_live, run_every=EVERY if job.living or job.state == "waiting" else None)(registry, job)
        st.fragment(_findings, run_every=slow)(registry, job)
    health.panel(registry, job, moving)


def _moving(jobs: Sequence[Job]) -> bool:
    return any(job.living or job.state == "waiting" for job in jobs)


def _shown(jobs: Sequence[Job]) -> Job:
    """Return the job to draw: the chosen one, else one that runs, else the latest."""
    wanted = st.session_state.get("job")
    for job in jobs:
        if job.id == wanted:
            return job
    return next((job for job in jobs if job.living), jobs[-1])


# --- the queue -----------------------------------------------------------------------------------------------------


def _queue(registry: Registry, drawn_moving: bool, drawn: str) -> None:
    jobs = registry.jobs()
    if not jobs or _moving(jobs) != drawn_moving or _shown(jobs).id != drawn:
        st.rerun()  # the whole page, which decides anew how often to look, and at what
    ended = [job for job in jobs if job.ended][-LISTED:]
    shown = _shown(jobs)
    with st.container(border=True, gap=None, key="queue"):
        for job in [job for job in jobs if not job.ended or job in ended]:
            _line(registry, job, job.id == shown.id)


def _line(registry: Registry, job: Job, shown: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"**{plain(_title(job))}**" if shown else plain(_title(job)),
            key=f"show:{job.id}", type="tertiary", on_click=_show, args=(job.id,),
        )  # fmt: skip
        st.badge(text(f"train.state.{job.state}"), color=COLOURS[job.state])  # type: ignore[arg-type]  # names of st.badge
        st.caption(_progress(registry.live(job.id)) if job.living else "", width="stretch")
        for icon, help_key, act in _acts(registry, job):
            st.button(
                "", key=f"{help_key}:{job.id}", icon=f":material/{icon}:", help=text(help_key),
                on_click=_act, args=(act, job.id), type="tertiary",
            )  # fmt: skip


def _title(job: Job) -> str:
    number = job.run.rpartition("/")[2] if job.run else ""
    return f"{job.name} {number}".strip()


def _progress(live: Mapping[str, Any]) -> str:
    if live.get("phase") != "training" or not live.get("steps"):
        return text(f"train.phase.{live.get('phase', 'loading')}")
    return text("train.progress", epoch=live["epoch"], epochs=live["epochs"], left=clock(live.get("seconds_left")))


def _acts(registry: Registry, job: Job) -> list[tuple[str, str, Any]]:
    if job.state == "running":
        return [("pause", "train.pause", registry.pause), ("stop", "train.stop", registry.stop)]
    if job.state == "waiting":
        return [("close", "train.cancel", registry.stop)]
    if job.state == "paused":
        return [("play_arrow", "train.resume", registry.resume), ("stop", "train.stop", registry.stop)]
    if job.state in ("stopped", "failed"):
        return [("play_arrow", "train.resume", registry.resume), ("close", "train.forget", registry.forget)]
    if job.state == "finished":
        return [("close", "train.forget", registry.forget)]
    return []


def _act(act: Any, which: str) -> None:
    try:
        act(which)
    except TsumikiError as error:
        st.session_state["train:refused"] = str(error)


def _show(which: str) -> None:
    st.session_state["job"] = which


# --- one training --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """What the files say of one training now."""

    job: Job
    live: Mapping[str, Any]
    folder: Path | None
    document: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    report: Mapping[str, Any]


def _seen(registry: Registry, drawn: Job) -> _Seen:
    """Look at a training; the whole page is drawn anew when it is no longer in the state that the page shows."""
    job = next((one for one in registry.jobs() if one.id == drawn.id), None)
    if job is None or (job.living, job.state == "waiting") != (drawn.living, drawn.state == "waiting"):
        st.rerun()
    folder = registry.workspace / job.run if job.run else None
    if job.run:
        st.session_state["run"] = job.run
    report = read_json(folder / "report.json") if folder and not job.living else {}
    document = read_json(folder / "document.json") if folder else {}
    return _Seen(job, registry.live(job.id), folder, document, epochs(folder), report)


def _live(registry: Registry, drawn: Job) -> None:
    """Draw what changes with every step: the phase, the numbers, the curves."""
    seen = _seen(registry, drawn)
    if seen.job.living or seen.job.state == "waiting":
        _phases(seen.job, seen.live)
    _numbers(seen.job, seen.live, seen.rows, seen.document)
    if seen.rows or seen.job.living:
        _curves(seen.rows, seen.live if seen.job.living else {}, seen.document, seen.report)


def _findings(registry: Registry, drawn: Job) -> None:
    """Draw what is to be said of the training: result, failure, the doctor's advice, remarks before the start."""
    refusal = st.session_state.pop("train:refused", None)
    if refusal:
        refused(RuntimeError(refusal))
    seen = _seen(registry, drawn)
    if seen.rows or seen.job.living:
        st.toggle(text("train.log"), key="train:log")
    if seen.job.state == "failed":
        _failure(registry, seen.job, seen.live, seen.report)
    if seen.job.state == "finished":
        _result(seen.report)
    advice.doctor(seen.job, seen.folder, seen.rows, seen.document, seen.report)
    _warnings(seen.live)


def epochs(folder: Path | None) -> list[dict[str, Any]]:
    """Return the epochs of a run folder, as its metrics.jsonl tells them."""
    found = lines(folder / "metrics.jsonl") if folder is not None else []
    return [row for row in found if isinstance(row.get("train"), dict)]


def _phases(job: Job, live: Mapping[str, Any]) -> None:
    """Draw where the training is on its way: data, kernels, training, test."""
    phase = "waiting" if job.state == "waiting" else str(live.get("phase", "loading"))
    compiled = int(live.get("compiled", 0))
    if phase == "waiting":
        st.progress(0.0, text("train.phase.waiting"))
        return
    done = float(live["step"]) / live["steps"] if phase == "training" and live.get("steps") else 0.0
    if phase == "training" and done >= 1:
        phase = "ended"
    now = STEPS.index(phase) if phase in STEPS else 0
    marks = []
    for place, step in enumerate(STEPS):
        word = text(f"train.step.{step}")
        if step == "compiling" and compiled:
            word += f" ({text('train.compiled', count=compiled)})"
        if place < now:
            marks.append(f":green[:material/check_circle:] {word}")
        elif place == now:
            marks.append(f":blue[:material/pending:] **{word}**")
        else:
            marks.append(f":gray[:material/radio_button_unchecked: {word}]")
    st.markdown("&ensp;".join(marks))
    if phase == "training" and live.get("steps"):
        inside = text("train.steps", batch=live.get("batch", 0), batches=live.get("batches", 0))
        st.progress(min(1.0, done), f"{_progress(live)} · {inside}")
    elif phase == "compiling":
        st.progress(0.0, text("train.compiling", count=compiled))
    else:
        st.progress(1.0 if phase == "ended" else 0.0, text(f"train.phase.{phase}"))


def _numbers(job: Job, live: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> None:
    last = rows[-1] if rows else {}
    which = "validation" if last.get("validation") else "train"
    key = metric(document)
    planned = (document.get("training") or {}).get("epochs", 20)
    loss = (last.get("train") or {}).get("loss", live.get("loss"))
    if job.living and live.get("loss") is not None:
        loss = live["loss"]
    cells = [
        (text("train.epoch"), f"{len(rows)} / {planned}" if document else "–"),
        (text("metric.loss"), number(loss)),
        (f"{metric_name(key)} ({text(f'part.{which}')})", number((last.get(which) or {}).get(key))),
        (text("train.rate"), number(live.get("learning_rate") if job.living else last.get("learning_rate"), 5)),
    ]
    if job.living:
        cells.append((text("train.left"), clock(live.get("seconds_left"))))
        cells.append(
            (text("train.speed"), number(round(live["samples_per_second"])) if live.get("samples_per_second") else "–")
        )
    # One element instead of two for each number: the browser draws it twice a second.
    names, values = zip(*cells, strict=True)
    rows_of = [[plain(name) for name in names], ["---"] * len(names), [f"**{plain(value)}**" for value in values]]
    with st.container(key="figures"):
        st.markdown("\n".join("| " + " | ".join(row) + " |" for row in rows_of))


def metric(document: Mapping[str, Any]) -> str:
    """Return the metric that is drawn beside the loss."""
    return "mae" if document.get("task") == "regression" else "accuracy"


def _curves(
    rows: Sequence[Mapping[str, Any]], live: Mapping[str, Any], document: Mapping[str, Any], report: Mapping[str, Any]
) -> None:
    st.caption(tracks.legend(text("train.curve.train"), text("train.curve.validation")))
    planned = (document.get("training") or {}).get("epochs")
    best = (report.get("best") or {}).get("epoch")
    far = planned if isinstance(planned, int) and len(rows) >= planned / 4 else None
    key = metric(document)
    logarithmic = bool(st.session_state.get("train:log"))
    for place, name, title, trail in zip(
        st.columns(2), ("loss", key), (text("metric.loss"), metric_name(key)), (live.get("trail") or (), ()),
        strict=True,
    ):  # fmt: skip
        # The place has its height from the start, so that nothing moves when the first epoch is there.
        with place, st.container(height=tracks.HEIGHT + 10, border=False):
            table = tracks.table(rows, name, trail)
            if table is None:
                st.markdown(f"**{title}**")
                st.caption(text("train.first_epoch"))
                continue
            chart = tracks.chart(
                text("train.curve.epoch"), title, best=best, planned=far, dots=len(rows) <= tracks.DOTTED,
                logarithmic=logarithmic and name == "loss" and bool((table["value"] > 0).all()),
            )  # fmt: skip
            st.vega_lite_chart(table, chart, width="stretch", key=f"chart:{name}")


def _failure(registry: Registry, job: Job, live: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Say why a training failed, and what can be done."""
    message = job.message or text("train.killed" if job.exit_code in (None, -9) else "train.ended", code=job.exit_code)
    st.error(plain(message), icon=ICONS["error"])
    for problem in live.get("problems") or ():
        if isinstance(problem, dict):
            st.error(recorded(problem))
    if report.get("status") == "fault":
        advice.buttons("fault")
    output = registry.output(job.id)
    if output.strip():
        with st.expander(text("train.output")):
            st.code(output, language=None)


def _result(report: Mapping[str, Any]) -> None:
    metrics = report.get("metrics") or {}
    key = "mae" if report.get("task") == "regression" else "accuracy"
    if key in metrics:
        part = text(f"part.{report.get('part', 'test')}")
        said = text(
            "train.result", metric=metric_name(key), value=number(metrics[key]), part=part,
            samples=report.get("samples", 0),
        )  # fmt: skip
        st.success(said, icon=":material/check_circle:")
    with st.container(horizontal=True):
        if st.button(text("train.to_understand"), icon=":material/visibility:", key="train:understand", type="primary"):
            to_page("understand")
        if st.button(text("train.to_runs"), icon=":material/monitoring:", key="train:runs"):
            to_page("runs")


def _warnings(live: Mapping[str, Any]) -> None:
    """Show what the check and the data's doctor said before the first step."""
    found = [item for item in live.get("warnings") or () if isinstance(item, dict)]
    if not found:
        return
    with st.expander(text("train.warnings", count=len(found))):
        for item in found:
            where = f"`{str(item['where']).replace('`', '')}` " if item.get("where") else ""
            st.markdown(where + recorded(item))
