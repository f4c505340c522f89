"""Train: settings, the queue, and what the training does now. The page reads run folders; it trains nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from builder.ui.pages import live
from builder.ui.pages.bound import at, choice, kind, real, switch, whole
from builder.ui.pages.common import headline, problems, refused, to_page
from builder.ui.pages.records import record
from builder.ui.service import registry
from builder.ui.state import Store, store
from builder.ui.texts import text
from schemas import training as schema
from schemas.errors import TsumikiError
from schemas.training import MONITORS

OPTIMIZERS = ("Adam", "AdamW", "SGD", "Momentum", "Nesterov", "RMSprop", "AdaGrad")
SCHEDULES = ("Constant", "Cosine", "Step", "Exponential", "Polynomial")
BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024)
FINE = ("accumulate", "top_k", "shuffle", "drop_last")
"""Settings of the training for those who know what they want."""
MACHINE = ("threads", "checkpoint_seconds", "checkpoint_steps", "evaluation_batch_size", "exact")
"""Settings that concern the machine, and hardly the result."""
RATES = {"SGD": 0.01, "Momentum": 0.01, "Nesterov": 0.01, "AdaGrad": 0.01}
"""Default learning rates that are not 0.001."""


def page() -> None:
    """Draw the page."""
    s = store()
    headline(text("train.title"), text("train.caption"))
    left, right = st.columns([4, 9], gap="large")
    with left:
        _start(s)
        _settings(s)
    with right:
        live.watch(registry(s.workspace))


def _start(s: Store) -> None:
    """Draw the button that puts the document into the queue, with what stands in its way."""
    ready = s.report.ok and isinstance(s.document.get("data"), dict)
    with st.container(border=True):
        st.markdown(f"**{text('train.network')}**")
        st.text(_sentence(s))
        if st.button(
            text("train.start"), type="primary", icon=":material/play_arrow:", disabled=not ready, width="stretch"
        ):
            try:
                job = registry(s.workspace).submit(s.document, s.base)
            except TsumikiError as error:
                refused(error)
            else:
                st.session_state["job"] = job.id
        if not isinstance(s.document.get("data"), dict):
            st.caption(text("train.no_data"))
            if st.button(text("train.to_data"), icon=":material/dataset:", key="train:to_data", width="stretch"):
                to_page("data")
        elif not s.report.ok:
            problems(s.report.errors)
            if st.button(text("train.to_build"), icon=":material/account_tree:", key="train:to_build"):
                to_page("build")


def _sentence(s: Store) -> str:
    """Say what would be trained: name, parameters, memory, steps."""
    totals = s.report.totals
    name = str(s.document.get("name") or text("train.unnamed"))
    said = [name, text("train.parameters", count=totals.get("trainable") or 0)]
    peak = totals.get("peak_training_bytes")
    if peak:
        said.append(text("train.memory", size=_megabytes(peak)))
    facts = s.report.facts
    if facts is not None and facts.samples:
        said.append(text("train.samples", count=facts.samples))
    return " · ".join(said)


def _megabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{max(1, round(count / 2**20))} MiB"


def _settings(s: Store) -> None:
    """Draw the training section, the few that matter first."""
    st.subheader(text("train.settings"))
    document = s.document
    left, right = st.columns(2)
    with left:
        whole(text("train.epochs"), "/training/epochs", 20, 1, 1_000_000, help=text("train.epochs.help"))
        optimizer = at(document, "/training/optimizer/type", "Adam")
        kind(text("train.optimizer"), "/training/optimizer", "Adam", OPTIMIZERS, help=text("train.optimizer.help"))
    with right:
        choice(text("train.batch_size"), "/training/batch_size", 64, BATCHES, help=text("train.batch_size.help"))
        real(
            text("train.rate"), "/training/optimizer/learning_rate", RATES.get(optimizer, 0.001), 1e-12, 1e6,
            record={"type": "Adam"}, help=text("train.rate.help"),
        )  # fmt: skip
    chosen = at(document, "/training/schedule/type", "Constant")
    kind(text("train.schedule"), "/training/schedule", "Constant", SCHEDULES, help=text("train.schedule.help"))
    if chosen in SCHEDULES and (chosen != "Constant" or at(document, "/training/schedule/warmup_epochs")):
        record("/training/schedule", getattr(schema, chosen))
    _folded("more", lambda: _more(s))
    _folded("fine", lambda: _fine(optimizer, chosen))
    _folded("machine", lambda: _machine(s))


def _folded(name: str, draw: Callable[[], None]) -> None:
    """Draw settings that few people open, when they are open: the browser draws the whole page with every curve."""
    place = st.expander(text(f"train.{name}"), key=f"train:{name}", on_change="rerun")
    if place.open:
        with place:
            draw()


def _fine(optimizer: str, schedule: str) -> None:
    if optimizer in OPTIMIZERS:
        model = getattr(schema, optimizer)
        record("/training/optimizer", model, [n for n in model.model_fields if n not in ("type", "learning_rate")])
    if schedule == "Constant":
        record("/training/schedule", schema.Constant)
    record("/training", schema.Training, FINE)


def _machine(s: Store) -> None:
    queue = registry(s.workspace)
    left, right = st.columns(2)
    with left:
        whole(text("train.seed"), "/training/seed", 0, 0, 2**53 - 1, help=text("train.seed.help"))
    with right:
        most = st.number_input(
            text("train.most"), 1, 16, value=queue.most, key="train:most", help=text("train.most.help")
        )
        if most != queue.most:
            _limit(s, int(most))
    record("/training", schema.Training, MACHINE)


def _limit(s: Store, most: int) -> None:
    try:
        registry(s.workspace).limit(most)
    except TsumikiError as error:
        refused(error)


def _more(s: Store) -> None:
    if switch(
        text("train.stop_early"), "/training/early_stopping", {"patience": 5}, help=text("train.stop_early.help")
    ):
        whole(text("train.patience"), "/training/early_stopping/patience", 5, 1, 1_000_000)
    if switch(text("train.decay"), "/training/weight_decay", 0.0005, help=text("train.decay.help")):
        real(text("train.decay.value"), "/training/weight_decay", 0.0, 0.0, 1e6)
    if switch(text("train.clip"), "/training/clip_norm", 1.0, help=text("train.clip.help")):
        real(text("train.clip.value"), "/training/clip_norm", 1.0, 1e-12, 1e6)
    task = s.report.task
    if task != "regression":
        switch(text("train.balanced"), "/training/class_weights", "balanced", help=text("train.balanced.help"))
    monitors: list[Any] = [name for name in MONITORS.get(task, ("loss",)) if name != "top_k_accuracy"]
    choice(
        text("train.monitor"), "/training/monitor", "loss", monitors,
        show=lambda name: text(f"metric.{name}"), help=text("train.monitor.help"),
    )  # fmt: skip
