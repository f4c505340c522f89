"""The list of problems: each with its cause, the way to its block, and a button per fix that shows what it changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import streamlit as st

from builder.report.document import diff
from builder.ui.pages.common import ICONS, plain
from builder.ui.state import Fix, Select, Store, reduce
from builder.ui.state.view import Shown
from builder.ui.texts import text, texts
from builder.ui.texts.translate import said
from schemas.errors import Fix as Proposal, Problem

MOST_SHOWN = 20


def heading(problem: Problem) -> str:
    """Return the kind of problem in the session's language, where there is a text for it."""
    key = f"problem.{problem.code}"
    return text(key) if key in texts() else problem.code.replace("_", " ").capitalize()


def told(problem: Problem) -> str:
    """Return a problem in one sentence, for the block that has it."""
    return f"{heading(problem)}: {said(problem.what)}"


def problems(s: Store, shown: list[Shown]) -> None:
    """Draw all problems of the document."""
    found = s.report.problems
    if not found:
        told = "build.no_problems" if isinstance(s.document.get("data"), dict) else "build.no_data"
        st.success(text(told), icon=":material/check_circle:")
        return
    errors = sum(problem.severity == "error" for problem in found)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{text('build.problems', errors=errors, warnings=len(found) - errors)}**", width="content")
        if s.report.untried:  # in a large network trying them all would hold up every edit
            st.button(text("build.more_fixes"), key="build:more-fixes", icon=":material/build:", type="tertiary",
                      on_click=s.try_all)  # fmt: skip
    for number, problem in enumerate(found[:MOST_SHOWN]):
        _problem(s, shown, problem, number)
    if len(found) > MOST_SHOWN:
        st.caption(text("build.more_problems", count=len(found) - MOST_SHOWN))


def _problem(s: Store, shown: list[Shown], problem: Problem, number: int) -> None:
    bare = replace(problem, fixes=())  # blocks were drawn before any fix was tried
    block = next((one for one in shown if bare in one.problems), None)
    color = "red" if problem.severity == "error" else "orange"
    with st.container(border=True, gap="small", key=f"problem-{number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":{color}[{ICONS[problem.severity]}] **{plain(heading(problem))}**", width="content")
            if block is not None:
                st.button(
                    plain(block.name),
                    key=f"problem:{number}:show",
                    icon=":material/my_location:",
                    type="tertiary",
                    help=text("build.show_block"),
                    on_click=_select,
                    args=(s, block.id),
                )
            elif problem.pointer:
                st.caption(plain(problem.pointer), width="content")
        st.markdown(f"{plain(said(problem.what))} :gray[{plain(said(problem.why))}]")
        if problem.fixes:
            with st.container(horizontal=True, gap="small"):
                for k, fix in enumerate(problem.fixes):
                    # An open fix must close when another takes its place, or a second click would apply that.
                    _fix(s, fix, f"fix-{number}-{k}-{_digest(fix)}")


def _digest(fix: Proposal) -> str:
    return hashlib.sha256(json.dumps([fix.title, fix.patch], sort_keys=True).encode()).hexdigest()[:12]


def changes(before: str, after: str) -> str:
    """Return the lines that differ, marked + and −, without the names of files."""
    lines = diff(before, after, "").splitlines()[2:]
    return "\n".join(lines) or text("build.no_difference")


def _select(s: Store, block: str) -> None:
    s.dispatch(Select(ids=(block,)))
    st.session_state["canvas:reveal"] = True


def _fix(s: Store, fix: Proposal, key: str) -> None:
    """Draw one fix: its title opens the difference that it makes, and the button that makes it."""
    preview = st.popover(plain(said(fix.title)), icon=":material/build:", key=key, on_change="rerun")
    if not preview.open:
        return
    with preview:
        after = reduce(s.state, Fix(patch=fix.patch))
        if after.notice is not None:
            st.warning(text(after.notice.key, **after.notice.values))
            return
        st.code(changes(s.text, after.text), language="diff", width=620, wrap_lines=True)
        st.button(text("build.apply"), key=f"{key}:apply", type="primary", on_click=s.act, args=(Fix(patch=fix.patch),))
