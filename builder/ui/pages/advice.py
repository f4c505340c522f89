"""The training doctor on the page: what the numbers say, in plain words, with the fix as a button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from builder.training.doctor import Advice, diagnose
from builder.ui.checkups import checkups
from builder.ui.pages.common import plain
from builder.ui.pages.remedies import Remedy, remedies
from builder.ui.registry import Job
from builder.ui.state import store
from builder.ui.texts import text
from builder.ui.texts.translate import said

AILMENTS = {
    "dead_units": "dead", "saturated_units": "saturated", "vanishing_gradients": "vanishing",
}  # fmt: skip
"""Findings about layers, and the verdicts that they come from (builder/report/explain/health.py)."""


def doctor(
    job: Job,
    folder: Path | None,
    rows: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
    report: Mapping[str, Any],
) -> None:
    """Draw every finding about a training: from its epochs, its answers, and its layers."""
    for one in findings(job, rows, document, report):
        with st.container(border=True, key=f"doctor-{one.code}"):
            st.markdown(f":orange[:material/stethoscope:] **{text(f'doctor.{one.code}', epoch=one.epoch or 1)}**")
            st.caption(f"{plain(said(one.what))} {plain(said(one.why))} {plain(said(one.fix))}")
            buttons(one.code)
    if folder is None or not rows:
        return
    checkup = checkups(folder, living=job.living)
    if checkup is None or not checkup.verdicts:
        return
    from builder.report.explain.health import advice

    for one in advice(checkup.verdicts):
        layers = [v.layer for v in checkup.verdicts if v.code == AILMENTS[one.code]]
        with st.container(border=True, key=f"doctor-{one.code}"):
            st.markdown(f":orange[:material/stethoscope:] **{text(f'doctor.{one.code}')}**")
            st.caption(f"{plain(said(one.what))} {plain(said(one.why))} {plain(said(one.fix))}")
            buttons(one.code, layers)


def findings(
    job: Job, rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any], report: Mapping[str, Any]
) -> list[Advice]:
    """Return what the epochs and the answers say."""
    metrics = report.get("metrics") or {}
    names = [row.get("class") for row in metrics.get("per_class") or ()]
    found = diagnose(
        rows,
        task=str(document.get("task", "")),
        classes=len(names) or None,
        confusion=metrics.get("confusion"),
        class_names=names or None,
    )
    return [one for one in found if one.code != "still_improving" or job.state == "finished"]


def buttons(code: str, layers: Sequence[str] = ()) -> None:
    """Draw the buttons that change the document as the finding advises."""
    found: Sequence[Remedy] = remedies(code, store().document, layers)
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
    s = store()
    before = s.state.rev
    for action in remedy.actions:
        s.dispatch(action)
    if s.state.rev != before:
        st.toast(text("train.fixed"), icon=":material/build:")
