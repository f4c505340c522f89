"""The right side of Train: the queue with its buttons, one training as it runs, and what is to be said of it.

A run of this part costs the browser more than the training beside it has to spare (docs/performance.md), so it is not
drawn anew for each number: the curves ask for theirs by themselves, and let this part be drawn when there is more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from builder.ui import offers
from builder.ui.curves import curves
from builder.ui.pages import advice, health
from builder.ui.pages.common import ICONS, metric_name, number, plain, recorded, refused, to_page
from builder.ui.pages.running import Seen, Watch, progress, seen, words
from builder.ui.registry import Job, Registry
from builder.ui.texts import language, text
from builder.ui.texts.translate import read
from schemas.errors import TsumikiError
from schemas.say import message

EVERY = 0.5
"""Seconds between two drawings, where the curves cannot ask for their numbers by themselves."""

LISTED = 6
"""Ended jobs in the queue's list; Runs has all."""

COLOURS = {
    "waiting": "gray", "running": "blue", "pausing": "orange", "paused": "orange",
    "stopping": "gray", "stopped": "gray", "finished": "green", "failed": "red",
}  # fmt: skip


def watch(registry: Registry) -> None:
    """Draw queue, training and its layers; again when something moves."""
    jobs = registry.jobs()
    if not jobs:
        with st.container(border=True):
            st.markdown(f":material/timeline: **{text('train.empty')}**")
            st.caption(text("train.caption"))
        return
    itself = offers.possible()
    moving = _moving(jobs)
    st.fragment(_part, run_every=EVERY if moving and not itself else None)(registry, moving, itself)


def _part(registry: Registry, drawn_moving: bool, itself: bool) -> None:
    """Draw it all. `itself`: the curves ask for their numbers, and for this to be drawn anew."""
    jobs = registry.jobs()
    if not jobs or not (itself or _moving(jobs) == drawn_moving):
        st.rerun()  # the whole page, which decides anew how often to look
    job = _shown(jobs)
    if job.run:
        st.session_state["run"] = job.run
    _queue(registry, jobs, job)
    with st.container(key="training"):
        _curves(registry, job)
        _findings(registry, seen(registry, job))
    health.panel(registry, job)


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


def _queue(registry: Registry, jobs: Sequence[Job], shown: Job) -> None:
    ended = [job for job in jobs if job.ended][-LISTED:]
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
        # The shown one says the same below, once a second.
        st.caption(progress(registry.live(job.id)) if job.living and not shown else "", width="stretch")
        for icon, help_key, act in _acts(registry, job):
            st.button(
                "", key=f"{help_key}:{job.id}", icon=f":material/{icon}:", help=text(help_key),
                on_click=_act, args=(act, job.id), type="tertiary",
            )  # fmt: skip


def _title(job: Job) -> str:
    number = job.run.rpartition("/")[2] if job.run else ""
    return f"{job.name} {number}".strip()


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
        st.session_state["train:refused"] = message(error)


def _show(which: str) -> None:
    st.session_state["job"] = which


# --- one training --------------------------------------------------------------------------------------------------


def _curves(registry: Registry, job: Job) -> None:
    """Draw phases, numbers and curves, in the session's language; they go on by themselves from there."""
    of = (str(registry.workspace), job.id, language())
    kept = st.session_state.get("train:watch")
    if kept is None or kept[0] != of:
        if kept is not None:
            offers.withdraw(kept[2])
        kept = (of, Watch(registry, job.id, language()), None)
    watch, address = kept[1:]
    if not offers.living(address):
        address = offers.offer(watch.look)
    st.session_state["train:watch"] = (of, watch, address)
    first = watch.look(drawing=True)
    curves(
        {"address": address, "rev": first["rev"], "first": first, "words": words(language())},
        key="curves", on_changed=lambda: None,
    )  # fmt: skip


def _findings(registry: Registry, found: Seen) -> None:
    """Draw what is to be said of the training: result, failure, the doctor's advice, remarks before the start."""
    refusal = st.session_state.pop("train:refused", None)
    if refusal:
        refused(RuntimeError(refusal))
    if found.job.state == "failed":
        _failure(registry, found.job, found.live, found.report)
    if found.job.state == "finished":
        _result(found.report)
    advice.doctor(found.job, found.folder, found.rows, found.document, found.report)
    _warnings(found.live)


def _failure(registry: Registry, job: Job, live: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Say why a training failed, and what can be done."""
    ended = text("train.killed" if job.exit_code in (None, -9) else "train.ended", code=job.exit_code)
    told = read(job.message, live.get("said")) if job.message else ended
    st.error(plain(told), icon=ICONS["error"])
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
