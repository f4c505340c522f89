"""The live part of Train: the queue with its buttons, and the curves of one training, twice a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from builder.training.doctor import diagnose
from builder.ui.files import read_json
from builder.ui.pages.charts import curves
from builder.ui.pages.common import ICONS, clock, figures, metric_name, number, plain, refused
from builder.ui.pages.remedies import Remedy, remedies
from builder.ui.registry import Job, Registry
from builder.ui.state import store
from builder.ui.texts import language, text
from schemas.errors import TsumikiError

EVERY = 0.5
"""Seconds between two looks at a training that runs."""

LISTED = 6
"""Ended jobs in the queue's list; Runs has all."""

COLOURS = {
    "waiting": "gray", "running": "blue", "pausing": "orange", "paused": "orange",
    "stopping": "gray", "stopped": "gray", "finished": "green", "failed": "red",
}  # fmt: skip


def watch(registry: Registry) -> None:
    """Draw queue and training; again and again while something moves."""
    moving = _moving(registry.jobs())
    st.fragment(_watch, run_every=EVERY if moving else None)(registry, moving)


def _moving(jobs: Sequence[Job]) -> bool:
    return any(job.living or job.state == "waiting" for job in jobs)


def _watch(registry: Registry, drawn_moving: bool) -> None:
    jobs = registry.jobs()
    if _moving(jobs) != drawn_moving:
        st.rerun()  # the whole page, which decides anew how often to look
    if not jobs:
        st.info(text("train.empty"), icon=":material/timeline:")
        return
    _queue(registry, jobs)
    job = _shown(jobs)
    with st.container(key="training"):
        _training(registry, job)


def _shown(jobs: Sequence[Job]) -> Job:
    """Return the job to draw: the chosen one, else one that runs, else the latest."""
    wanted = st.session_state.get("job")
    for job in jobs:
        if job.id == wanted:
            return job
    return next((job for job in jobs if job.living), jobs[-1])


# --- the queue -----------------------------------------------------------------------------------------------------


def _queue(registry: Registry, jobs: Sequence[Job]) -> None:
    ended = [job for job in jobs if job.ended][-LISTED:]
    shown = _shown(jobs)
    with st.container(border=True, gap="small"):
        for job in [job for job in jobs if not job.ended or job in ended]:
            _line(registry, job, job.id == shown.id)


def _line(registry: Registry, job: Job, shown: bool) -> None:
    name, state, how, *buttons = st.columns([6, 4, 9, 2, 2], vertical_alignment="center", gap="small")
    with name:
        st.button(
            f"**{plain(_title(job))}**" if shown else plain(_title(job)),
            key=f"show:{job.id}", type="tertiary", on_click=_show, args=(job.id,),
        )  # fmt: skip
    with state:
        st.badge(text(f"train.state.{job.state}"), color=COLOURS[job.state])  # type: ignore[arg-type]  # names of st.badge
    with how:
        st.caption(_progress(registry.live(job.id)) if job.living else "")
    for place, (icon, help_key, act) in zip(buttons, _acts(registry, job), strict=False):
        with place:
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


def _training(registry: Registry, job: Job) -> None:
    refusal = st.session_state.pop("train:refused", None)
    if refusal:
        refused(RuntimeError(refusal))
    live = registry.live(job.id)
    folder = registry.workspace / job.run if job.run else None
    document = read_json(folder / "document.json") if folder else {}
    rows = _rows(folder)
    report = read_json(folder / "report.json") if folder and not job.living else {}
    if job.run:
        st.session_state["run"] = job.run
    if job.living or job.state == "waiting":
        _phases(job, live)
    _numbers(job, live, rows, document)
    if job.state == "failed":
        _failure(registry, job, live, report)
    if rows or live.get("trail"):
        _curves(rows, live if job.living else {}, document, report)
    if job.state == "finished":
        _result(report)
    _doctor(job, rows, document, report)
    _warnings(live)


def _rows(folder: Any) -> list[dict[str, Any]]:
    from builder.training.runfolder import RunFolder

    if folder is None or not folder.is_dir():
        return []
    return [row for row in RunFolder(folder).rows() if isinstance(row.get("train"), dict)]


def _phases(job: Job, live: Mapping[str, Any]) -> None:
    """Draw where the training is on its way: data, kernels, training; compiling happens once on a machine."""
    phase = "waiting" if job.state == "waiting" else str(live.get("phase", "loading"))
    if phase == "waiting":
        st.progress(0.0, text("train.phase.waiting"))
    elif phase == "training" and live.get("steps"):
        done = live["step"] / live["steps"]
        inside = text("train.steps", batch=live.get("batch", 0), batches=live.get("batches", 0))
        st.progress(min(1.0, done), f"{_progress(live)} · {inside}")
    elif phase == "compiling":
        st.progress(0.0, text("train.compiling", count=live.get("compiled", 0)))
    else:
        st.progress(0.0, text(f"train.phase.{phase}"))


def _numbers(job: Job, live: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> None:
    last = rows[-1] if rows else {}
    part = last.get("validation") or last.get("train") or {}
    key = _metric(document)
    planned = (document.get("training") or {}).get("epochs", 20)
    loss = (last.get("train") or {}).get("loss", live.get("loss"))
    cells = [
        (text("train.epoch"), f"{len(rows)} / {planned}" if document else "–"),
        (text("metric.loss"), number(loss)),
        (metric_name(key), number(part.get(key))),
        (text("train.rate"), number(last.get("learning_rate", live.get("learning_rate")), 5)),
    ]
    if job.living:
        cells.append((text("train.left"), clock(live.get("seconds_left"))))
        cells.append(
            (text("train.speed"), number(round(live["samples_per_second"])) if live.get("samples_per_second") else "–")
        )
    figures(cells)


def _metric(document: Mapping[str, Any]) -> str:
    return "mae" if document.get("task") == "regression" else "accuracy"


def _curves(
    rows: Sequence[Mapping[str, Any]], live: Mapping[str, Any], document: Mapping[str, Any], report: Mapping[str, Any]
) -> None:
    labels = {key: text(f"train.curve.{key}") for key in ("train", "validation", "epoch")}
    planned = (document.get("training") or {}).get("epochs")
    best = (report.get("best") or {}).get("epoch")
    trail = live.get("trail") or ()
    key = _metric(document)
    left, right = st.columns(2)
    with left:
        chart = curves(rows, "loss", labels, text("metric.loss"), trail=trail, best=best, planned=planned)
        _chart(chart, "chart:loss")
    with right:
        _chart(curves(rows, key, labels, metric_name(key), best=best, planned=planned), "chart:metric")


def _chart(chart: Any, key: str) -> None:
    if chart is None:
        st.caption(text("train.first_epoch"))
    else:
        st.altair_chart(chart, width="stretch", key=key)


def _failure(registry: Registry, job: Job, live: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Say why a training failed, and what can be done."""
    message = job.message or text("train.killed" if job.exit_code in (None, -9) else "train.ended", code=job.exit_code)
    st.error(plain(message), icon=ICONS["error"])
    for problem in live.get("problems") or ():
        if isinstance(problem, dict):
            st.error(f"{plain(problem.get('what', ''))} {plain(problem.get('why', ''))}")
    if report.get("status") == "fault":
        _buttons("fault", remedies("fault", store().document))
    output = registry.output(job.id)
    if output.strip():
        with st.expander(text("train.output")):
            st.code(output, language=None)


def _result(report: Mapping[str, Any]) -> None:
    metrics = report.get("metrics") or {}
    key = "mae" if report.get("task") == "regression" else "accuracy"
    if key not in metrics:
        return
    part = text(f"part.{report.get('part', 'test')}")
    said = text(
        "train.result", metric=metric_name(key), value=number(metrics[key]), part=part, samples=report.get("samples", 0)
    )
    st.success(said, icon=":material/check_circle:")


# --- the doctor ----------------------------------------------------------------------------------------------------


def _doctor(
    job: Job, rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any], report: Mapping[str, Any]
) -> None:
    """Say in plain words what the numbers show, each with buttons that change the document."""
    confusion = (report.get("metrics") or {}).get("confusion")
    names = [row.get("class") for row in (report.get("metrics") or {}).get("per_class") or ()]
    found = diagnose(
        rows,
        task=str(document.get("task", "")),
        classes=len(names) or None,
        confusion=confusion,
        class_names=names or None,
    )
    for advice in found:
        if advice.code == "still_improving" and job.state != "finished":
            continue
        with st.container(border=True):
            st.markdown(f"**{text(f'doctor.{advice.code}', epoch=advice.epoch or 1)}**")
            if language() == "en":
                st.caption(f"{plain(advice.what)} {plain(advice.why)} {plain(advice.fix)}")
            else:
                st.caption(text(f"doctor.{advice.code}.why", epoch=advice.epoch or 1))
            _buttons(advice.code, remedies(advice.code, store().document))


def _buttons(code: str, found: Sequence[Remedy]) -> None:
    if not found:
        return
    with st.container(horizontal=True):
        for place, remedy in enumerate(found):
            pressed = st.button(
                text(remedy.key, **remedy.values), key=f"remedy:{code}:{place}", icon=":material/build:",
                on_click=_apply, args=(remedy,),
            )  # fmt: skip
            if pressed:
                st.rerun()  # the settings beside this part show the new value


def _apply(remedy: Remedy) -> None:
    for action in remedy.actions:
        store().dispatch(action)
    st.toast(text("train.fixed"), icon=":material/build:")


def _warnings(live: Mapping[str, Any]) -> None:
    """Show what the check and the data's doctor said before the first step."""
    found = [item for item in live.get("warnings") or () if isinstance(item, dict)]
    if not found:
        return
    with st.expander(text("train.warnings", count=len(found))):
        for item in found:
            where = f"`{str(item['where']).replace('`', '')}` " if item.get("where") else ""
            st.markdown(
                f"{where}{plain(item.get('what', ''))} {plain(item.get('why', ''))} {plain(item.get('fix', ''))}"
            )
