"""A training as it runs: phases, numbers and curves, one component of plain JavaScript without anything from elsewhere.

    curves(data, key="curves", on_changed=…)

Streamlit draws everything that a script run may have changed, and a run twice a second costs the browser a tenth of a
processor, whatever it shows (docs/performance.md). This component asks for what is new by itself instead (see
builder/ui/offers.py), and asks the page to be drawn anew when more than numbers has changed. A worker asks once a
second and draws the curves twice in it; the page's own words follow once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

DRAWING = ("plot.js", "pen.js")
"""What asks and draws: in a worker, or in the page where a browser allows none."""


@cache
def _component() -> Any:
    here = Path(__file__).parent

    def read(*names: str) -> str:
        return "".join((here / name).read_text(encoding="utf-8") for name in names)

    # As a text, so that the component stays one file without an address that the browser would have to ask for.
    worker = f"const WORKER = {json.dumps(read(*DRAWING, 'worker.js'))};\n"
    js = worker + read(*DRAWING, "chart.js", "curves.js")
    return st.components.v2.component("tsumiki-curves", js=js, css=read("curves.css"))


def curves(data: Mapping[str, Any], *, key: str, on_changed: Callable[[], None]) -> None:
    """Draw a training. `data`: "address" (see offers; None: it asks for nothing), "rev", "first" (what
    pages/running.py makes) and "words". `on_changed` runs before the part that this is called in is drawn anew.
    """
    try:
        _component()(key=key, data=dict(data), on_changed_change=on_changed)
    except StreamlitAPIException:  # another app in this process, as in tests, has a register of its own
        _component.cache_clear()
        _component()(key=key, data=dict(data), on_changed_change=on_changed)
