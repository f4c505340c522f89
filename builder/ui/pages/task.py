"""The task: what the network is to say, and the head and loss that follow from it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from builder.heads import HEADS, ignored
from builder.ui.adapt import adapted, loss_of, losses, suited, with_loss
from builder.ui.agreed import chosen, showing
from builder.ui.pages.common import ICONS, plain, to_page
from builder.ui.state import Replace, Store, store
from builder.ui.texts import text
from builder.ui.texts.translate import said
from schemas.document import dump
from schemas.loss import Loss

TASKS = ("classification", "binary", "regression")

ABOUT_THE_END = (
    "loss_head_mismatch", "head_task_mismatch", "unusual_loss", "activation_before_squared_error", "softmax_twice",
    "softmax_one_class", "task_data_mismatch", "class_count", "output_count", "label_range", "several_losses",
    "auxiliary_outputs", "auxiliary_ignore_index", "reconstruction_of_classes", "reconstruction_size",
    "main_target_input",
)  # fmt: skip
"""Codes of the check's problems that say how task, head, loss and data do not suit."""


def section(s: Store) -> None:
    """Draw the choice of the task, the reason for its head and loss, and whether the network fits the data."""
    st.subheader(text("task.title"))
    left, right = st.columns(2, gap="large")
    report, facts = s.report, s.report.facts
    with left:
        key = showing("task:chosen", report.task)
        st.segmented_control(
            text("task.title"), TASKS, format_func=lambda name: text(f"task.{name}"), key=key,
            on_change=_choose, args=(key,), label_visibility="collapsed", width="stretch",
        )  # fmt: skip
        st.markdown(_reason(report.task, facts))
        _loss(s)
        _heads(s)
        _fit(s)
    with right:
        st.markdown(_table(report.task))


def _choose(key: str) -> None:
    s, task = store(), chosen(key)
    if task in TASKS:  # None: the chosen one was clicked again
        made = {**s.document, "task": task}
        s.dispatch(Replace(text=dump(adapted(made, _facts(s, made), task))))


def _facts(s: Store, document: dict[str, Any]) -> Any:
    """Return what the data tell when the task is this one: the same labels are classes or numbers."""
    from builder.data import facts
    from schemas.errors import TsumikiError

    try:
        return facts(document["data"], s.base, document["task"], ignored(document))
    except (TsumikiError, KeyError):
        return s.report.facts


def _reason(task: str, facts: Any) -> str:
    """Say in a sentence why this head and this loss."""
    if task == "classification":
        count = facts.classes if facts is not None and facts.classes else None
        return text("task.why.classification", count=count) if count else text("task.why.classes")
    if task == "binary":
        names = facts.class_names if facts is not None and facts.class_names and len(facts.class_names) == 2 else None
        return text("task.why.binary", one=plain(names[1])) if names else text("task.why.yes")
    return text("task.why.regression")


def _table(task: str) -> str:
    """Return task → activation → loss as a table, the chosen task in bold."""
    columns = {
        text("task.task"): [
            f"**:blue[{text(f'task.{name}')}]**" if name == task else text(f"task.{name}") for name in TASKS
        ],
        text("task.activation"): [HEADS[name][0] or text("task.none") for name in TASKS],
        text("task.loss"): [HEADS[name][1] for name in TASKS],
        text("task.says"): [text(f"task.says.{name}") for name in TASKS],
    }
    rows = [list(columns), ["---"] * len(columns), *zip(*columns.values(), strict=True)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _loss(s: Store) -> None:
    """Let another loss be chosen; the check explains what does not suit."""
    present = loss_of(s.document) or HEADS[s.report.task][1]
    key = showing("task:loss", present)
    st.selectbox(text("task.loss"), losses(), key=key, on_change=_other_loss, args=(key,), help=text("task.loss.help"))
    for problem in s.report.problems:
        if problem.code in ABOUT_THE_END:
            show = st.error if problem.severity == "error" else st.warning
            show(f"{plain(said(problem.what))} {plain(said(problem.why))}", icon=ICONS[problem.severity])


def _heads(s: Store) -> None:
    """List the losses where there are several: what each weighs, and which one is the main one."""
    found = [(info.name, info.layer) for info in s.report.layers if isinstance(info.layer, Loss)]
    if len(found) < 2:
        return
    main = found[-1][0]
    rows = [(name, layer) for name, layer in reversed(found)]
    table = {
        text("task.head"): [plain(name) for name, _ in rows],
        text("task.loss"): [layer.type for _, layer in rows],
        text("task.head.weight"): [f"{layer.loss_weight:g}" for _, layer in rows],
        text("task.head.compares"): [text(f"task.head.{layer.target}") for _, layer in rows],
        text("task.head.place"): [text("task.head.main" if name == main else "task.head.side") for name, _ in rows],
    }
    lines = [list(table), ["---"] * len(table), *zip(*table.values(), strict=True)]
    st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))
    st.caption(text("task.heads"))


def _other_loss(key: str) -> None:
    s = store()
    s.dispatch(Replace(text=dump(with_loss(s.document, chosen(key)))))


def _fit(s: Store) -> None:
    """Say whether the network's input and output are those of the data, with one button that makes them so."""
    facts = s.report.facts
    if facts is None:
        return
    made = adapted(s.document, facts, s.report.task)
    fits = made == s.document
    if fits:
        st.success(text("task.fits"), icon=":material/check_circle:")
    else:
        st.warning(text("task.unfit", changes=plain(_changes(s, made))), icon=ICONS["warning"])
    with st.container(horizontal=True):
        if not fits:
            st.button(text("task.adapt"), type="primary", icon=":material/auto_fix_high:", on_click=_adapt)
        if suited(s.document, facts, s.report.task)["model"] != s.document.get("model"):
            st.button(
                text("task.suited"), icon=":material/lightbulb:", on_click=_suit, help=text("task.suited.help"),
                key="task:suited",
            )  # fmt: skip
        if fits and st.button(text("task.next"), icon=":material/model_training:", key="task:next"):
            to_page("train")


def _changes(s: Store, made: dict[str, Any]) -> str:
    """Name what adapting would change, in a few words."""
    told = []
    before, after = s.document.get("model"), made["model"]
    before = before if isinstance(before, dict) else {}
    if before.get("input") != after.get("input"):
        told.append(text("task.change.input", shape="×".join(map(str, after.get("input") or ()))))
    if before.get("layers") != after.get("layers"):
        ending = [_called(entry) for entry in after["layers"][-3:]]
        told.append(text("task.change.end", layers=" → ".join(ending)))
    if s.document.get("task") != made["task"]:
        told.append(text("task.change.task", task=text(f"task.{made['task']}")))
    return ", ".join(told)


def _called(entry: dict[str, Any]) -> str:
    width = entry.get("out_features")
    return f"{entry.get('type')}({width})" if width is not None else str(entry.get("type"))


def _suit() -> None:
    s = store()
    s.dispatch(Replace(text=dump(suited(s.document, s.report.facts, s.report.task))))


def _adapt() -> None:
    s = store()
    s.dispatch(Replace(text=dump(adapted(s.document, s.report.facts, s.report.task))))
