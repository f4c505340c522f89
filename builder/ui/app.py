"""The application: which pages there are, in which language, and what every one of them has at its top."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache

import streamlit as st

from builder.ui.state import Store, store
from builder.ui.texts import LANGUAGES, text

@dataclass(frozen=True)
class Page:
    """One page: its module in builder/ui/pages, which has `page()`, and its icon."""

    name: str
    icon: str

    @property
    def exists(self) -> bool:
        return importlib.util.find_spec(f"builder.ui.pages.{self.name}") is not None

    def draw(self) -> None:
        head(store())
        importlib.import_module(f"builder.ui.pages.{self.name}").page()


PAGES = (
    Page("build", ":material/account_tree:"),
    Page("data", ":material/dataset:"),
    Page("train", ":material/model_training:"),
    Page("understand", ":material/visibility:"),
    Page("runs", ":material/monitoring:"),
    Page("learn", ":material/school:"),
)
"""In the order of the work."""


@cache
def present() -> tuple[Page, ...]:
    """Return the pages whose module is there."""
    return tuple(page for page in PAGES if page.exists)


def main() -> None:
    """Draw the chosen page. Streamlit runs this again for every change that is not within a fragment."""
    st.set_page_config(page_title="tsumiki", page_icon="🧱", layout="wide", initial_sidebar_state="collapsed")
    _language()
    found = store()
    if st.query_params.get("draft") != found.id:
        st.query_params["draft"] = found.id
    pages = [
        st.Page(page.draw, title=text(f"app.{page.name}"), icon=page.icon, url_path=page.name, default=number == 0)
        for number, page in enumerate(present())
    ]
    st.session_state["pages"] = {page.name: made for page, made in zip(present(), pages, strict=True)}
    st.html(STYLE)
    st.navigation(pages, position="top").run()


STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 4.2rem; padding-bottom: 2rem; max-width: 1880px; }
[data-testid="stMetricValue"] { font-size: 1.35rem; font-variant-numeric: tabular-nums; }
[data-testid="stMetric"] { padding: 0.55rem 0.8rem; }
</style>"""
"""The application's own text, the only HTML that it writes: room for the canvas, and figures that line up."""


def _language() -> None:
    """Take the language from the address, else the browser's, else English."""
    if "language" not in st.session_state:
        wanted = st.query_params.get("lang") or (st.context.locale or "en")
        short = wanted.lower()[:2]
        st.session_state["language"] = short if short in LANGUAGES else "en"


def _choose_language() -> None:
    st.session_state["language"] = st.session_state["app:language"]
    st.query_params["lang"] = st.session_state["language"]


def head(s: Store) -> None:
    """Draw what is above every page: the document's name, whether it is saved, and the language."""
    with st.container(horizontal=True, vertical_alignment="center", key="app-head"):
        draw_name(s)
        st.space("stretch")
        st.session_state["app:language"] = st.session_state["language"]
        st.selectbox(
            text("app.language"),
            list(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            key="app:language",
            on_change=_choose_language,
            label_visibility="collapsed",
            width=130,
        )


@st.fragment
def draw_name(s: Store) -> None:
    """Draw the document's name and where it is kept."""
    from builder.ui.pages.common import plain

    name = plain(s.document.get("name") or text("app.unnamed"))
    place = plain(s.state.path) if s.state.path else text("app.never_saved")
    state = text("app.unsaved") if s.state.changed else text("app.saved")
    color = "orange" if s.state.changed else "green"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        st.markdown(f"#### {name}", width="content")
        st.badge(state, color=color)  # type: ignore[arg-type]  # one of two literal colours
        st.caption(place, width="content")
        if s.failure is not None:
            st.badge(text("app.no_draft"), icon=":material/warning:", color="red", help=s.failure)
