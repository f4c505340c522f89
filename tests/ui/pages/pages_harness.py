"""What the tests of pages share: a page without a browser, its document, and finding widgets by their labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from builder.ui.registry import Registry
from builder.ui.state import Store

ROOT = Path(__file__).parents[3]


class Quiet(Registry):
    """A registry that starts nothing."""

    def tick(self) -> None:
        pass


def draw() -> None:
    import importlib

    import streamlit as st

    importlib.import_module(f"builder.ui.pages.{st.session_state['page']}").page()


def opened(page: str, workspace: Path, document: dict[str, Any] | str, language: str = "en") -> AppTest:
    """Return a page that has not been drawn yet; the document may be an example's name."""
    test = AppTest.from_function(draw, default_timeout=60)
    made = example(document) if isinstance(document, str) else document
    test.session_state["page"] = page
    test.session_state["language"] = language
    test.session_state["workspace"] = workspace
    test.session_state["store"] = Store(workspace, document=made)
    return test


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "examples" / f"{name}.json").read_text())
    return found


def document(app: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = app.session_state["store"].document
    return found


def labelled(elements: Any, label: str) -> Any:
    """Return the one widget with this label."""
    found = [element for element in elements if element.label == label]
    assert len(found) == 1, (label, [element.label for element in elements])
    return found[0]


def said(app: AppTest) -> str:
    """Return all that the page says."""
    kinds = (
        app.markdown,
        app.caption,
        app.title,
        app.subheader,
        app.error,
        app.warning,
        app.info,
        app.success,
        app.text,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def component(app: AppTest, name: str) -> dict[str, Any]:
    """Return what a component of the second kind is given."""
    (found,) = [one.proto for one in app.get("bidi_component") if one.proto.component_name == name]
    data: dict[str, Any] = json.loads(found.json or found.mixed.json)
    return data


def sound(app: AppTest) -> None:
    """Fail where the page ended with a traceback."""
    assert not app.exception, app.exception[0].stack_trace
