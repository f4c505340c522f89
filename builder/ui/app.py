"""The application: which pages there are, in which language, and what every one of them has at its top."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import threading
from dataclasses import dataclass
from functools import cache

import streamlit as st

from builder.ui.late import drop_late_requests
from builder.ui.pages.common import plain
from builder.ui.service import shelf
from builder.ui.state import Store, store
from builder.ui.texts import LANGUAGES, text
from builder.ui.toolbar import saved_badge


@dataclass(frozen=True)
class Page:
    """One page: its module in builder/ui/pages, which has `page()`, and its icon."""

    name: str
    icon: str

    @property
    def exists(self) -> bool:
        return importlib.util.find_spec(f"builder.ui.pages.{self.name}") is not None

    def draw(self) -> None:
        if self.name != "build":
            _warmed()
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
    drop_late_requests()
    st.set_page_config(page_title="tsumiki", page_icon="🧱", layout="wide", initial_sidebar_state="collapsed")
    _choose_language()
    found = store()
    if st.query_params.get("draft") != found.id:
        st.query_params["draft"] = found.id
    pages = [
        st.Page(page.draw, title=text(f"app.{page.name}"), icon=page.icon, url_path=page.name, default=number == 0)
        for number, page in enumerate(present())
    ]
    st.session_state["pages"] = {page.name: made for page, made in zip(present(), pages, strict=True)}
    st.html(STYLE)
    _language_menu()
    st.navigation(pages, position="top").run()
    _warm(found)


_WARMING = threading.Lock()
_WARMED: list[threading.Thread] = []


def _warm(s: Store) -> None:
    """Load what the other pages need, in the background, once for a server, when its first page has been drawn.

    The charts' libraries take one to three seconds to load, and who opens Runs should not wait for all of it, nor what
    is pressed on the first page meanwhile for any of it. Then everything that is loaded is kept out of garbage
    collection: Streamlit collects after every rerun, and looking through a few hundred thousand objects of libraries
    that never become garbage held each edit up by 130-240 ms on a busy machine.
    """

    def work() -> None:
        importlib.import_module("builder.ui.pages.charts")
        shelf(s.workspace).runs()
        gc.collect()
        gc.freeze()

    with _WARMING:
        if not _WARMED:
            _WARMED.append(threading.Thread(target=work, name="tsumiki-warm", daemon=True))
            _WARMED[0].start()


def _warmed() -> None:
    """Wait for it: of two threads that load the same libraries at once, one could find them half loaded."""
    for thread in list(_WARMED):
        thread.join()


STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 3.5rem 2rem 2rem; max-width: 2000px; }
[data-testid="stMainBlockContainer"] h2 { font-size: 1.6rem; padding: 0.2rem 0 0.4rem; }
[data-testid="stMainBlockContainer"] h3 { font-size: 1.15rem; padding: 0.4rem 0 0.2rem; }
[data-testid="stMetricValue"] { font-size: 1.3rem; font-variant-numeric: tabular-nums; }
[data-testid="stMetric"] { padding: 0.5rem 0.8rem; }
[data-testid="stMarkdownContainer"] table { display: block; overflow-x: auto; width: max-content; max-width: 100%; }
.st-key-training [data-stale="true"], .st-key-queue [data-stale="true"], .st-key-health [data-stale="true"] {
  opacity: 1;
}
/* What moves between two looks at a training would be drawn sixty times a second, beside the training. */
.st-key-training *, .st-key-queue * { animation: none !important; transition: none !important; }
body:has(.st-key-training) [data-testid="stStatusWidget"] { display: none; }
.st-key-figures :is(table, tr, th, td) { border: 0 !important; font-variant-numeric: tabular-nums; }
.st-key-figures th { font-weight: 400; font-size: 0.875rem; opacity: 0.65; padding: 0 1.6rem 0 0 !important; }
.st-key-figures td { font-size: 1.2rem; padding: 0.1rem 1.6rem 0 0 !important; }
.st-key-app-language { position: fixed; top: 0.6rem; right: 3.6rem; width: 8.2rem; z-index: 999991; }

.st-key-build-bar { gap: 0.55rem !important; }
.st-key-build-bar button { padding: 0.25rem 0.65rem; }
.st-key-build-bar button kbd { display: none; }
.st-key-build-body { --room: clamp(25rem, calc(100dvh - 18.5rem), 64rem); }
.st-key-canvas, .st-key-canvas .stBidiComponent, .st-key-canvas .stBidiComponentIsolated,
[data-testid="stLayoutWrapper"]:has(> .st-key-build-inspector), .st-key-build-inspector {
  height: var(--room) !important; flex: 0 0 auto !important; max-height: none !important; }
.st-key-build-inspector { padding: 0.9rem 1rem !important; gap: 0.55rem !important; overflow-x: hidden; }
.st-key-build-inspector [data-testid="stVerticalBlock"] { gap: 0.55rem; }
.st-key-build-inspector [data-testid="stHorizontalBlock"] > *, .st-key-build-inspector [data-testid="stColumn"],
.st-key-build-inspector [data-testid="stColumn"] * { min-width: 0; }
.st-key-build-inspector code { font-size: 0.78rem; }
.st-key-build-inspector [data-testid="stWidgetLabel"] p { font-size: 0.82rem; }
.st-key-build-inspector [data-testid="stWidgetLabel"] { min-height: 1.2rem; margin-bottom: 0.1rem; }
.st-key-build-inspector [data-testid="stCode"] pre { padding: 0.5rem 0.7rem; }
.st-key-build-figures { padding: 0.35rem 1rem !important; column-gap: 2.2rem !important; row-gap: 0 !important; }
.st-key-build-figures [data-testid="stMetric"] { padding: 0.1rem 0; }
.st-key-build-figures [data-testid="stMetricLabel"] p { font-size: 0.78rem; }
.st-key-build-figures [data-testid="stMetricValue"] { font-size: 1.1rem; }
.st-key-build-compare :is(th, td) { padding: 0.25rem 0.7rem !important; font-size: 0.9rem; }
.st-key-build-json textarea { font-family: "Source Code Pro", monospace; font-size: 0.82rem; }
@media (max-width: 640px) {
  [data-testid="stButtonGroup"], [data-testid="stButtonGroup"] > div { flex-wrap: wrap; }
  [data-testid="stMainBlockContainer"] { padding: 3.5rem 0.8rem 1.5rem; }
  .st-key-build-bar { gap: 0.4rem !important; }
  .st-key-build-body { --room: clamp(22rem, 62dvh, 40rem); }
  [data-testid="stLayoutWrapper"]:has(> .st-key-build-inspector), .st-key-build-inspector {
    height: auto !important; }
  [data-testid="stColumn"]:has(.st-key-build-start) { order: -1; }
}
</style>"""
"""The only HTML that is written, and no word of a user's is in it: room for the canvas, figures that line up, and the
language beside the navigation."""


def _choose_language() -> None:
    """Take the language from the address, else the browser's, else English."""
    if "language" not in st.session_state:
        wanted = st.query_params.get("lang") or (st.context.locale or "en")
        short = wanted.lower()[:2]
        st.session_state["language"] = short if short in LANGUAGES else "en"


def _language_chosen() -> None:
    st.session_state["language"] = st.session_state["app:language"]
    st.query_params["lang"] = st.session_state["language"]


def _language_menu() -> None:
    st.session_state["app:language"] = st.session_state["language"]
    with st.container(key="app-language"):
        st.selectbox(
            text("app.language"),
            list(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            key="app:language",
            on_change=_language_chosen,
            label_visibility="collapsed",
        )


def head(s: Store) -> None:
    """Draw what stands above every page but Build: which document it is about, and whether that is saved."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(s.document.get('name') or text('app.unnamed'))}**", width="content")
        saved_badge(s)
