"""The canvas: the network as a stack of blocks, one Streamlit component around React Flow.

    result = canvas(data, key="canvas", on_edits=apply_edits)      # in a fragment: an edit reruns the editor only
    result.selected                                                # ids of the selected blocks

`data` is a CanvasData (its labels are filled in), `apply_edits` a function without arguments that runs before the
script and passes `st.session_state["canvas"]["edits"]` through `read` (edits.py). The browser's side is src/, built
into build/ by `npm ci && npm run build`; nobody needs node to use it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ..texts import language, texts
from .edits import CanvasData, Edit, Node, PaletteEntry, read, read_selected

__all__ = ["canvas", "labels", "read", "read_selected", "CanvasData", "Edit", "Node", "PaletteEntry"]

PREFIX = "canvas."
"""Of the texts' keys."""

BUILD = Path(__file__).parent / "build"
NAME = "tsumiki-nn.canvas"
"""<project>.<component>, as pyproject.toml beside this file says to Streamlit."""


def canvas(
    data: CanvasData,
    *,
    key: str,
    height: int = 640,
    on_edits: Callable[[], None] | None = None,
    on_selected: Callable[[], None] | None = None,
) -> Any:
    """Show the network and return what the browser says: `.edits` (a list for `read`) and `.selected` (ids).

    `key` is needed: without it new data would be a new component, which forgets its view. `height` is in pixels.
    """
    from streamlit.errors import StreamlitAPIException

    shown = partial(
        _shown,
        key=key,
        data={"labels": labels(), **data},
        height=height,
        on_edits=on_edits or _nothing,
        on_selected=on_selected or _nothing,
    )
    try:
        return shown()
    except StreamlitAPIException:  # another app in this process, as in tests, has a register of its own
        _component.cache_clear()
        return shown()


def _shown(key: str, data: Any, height: int, on_edits: Callable[[], None], on_selected: Callable[[], None]) -> Any:
    return _component()(
        key=key,
        data=data,
        default={"edits": [], "selected": []},
        height=height,
        on_edits_change=on_edits,
        on_selected_change=on_selected,
    )


def labels(to: str | None = None) -> dict[str, str]:
    """Return every text of the canvas by its key there, in the session's language or in `to`.

    They are in texts/canvas.json; the browser's side has none of its own, and fills in the {values}.
    """
    chosen = to or language()
    mine = {key: said for key, said in texts().items() if key.startswith(PREFIX)}
    return {key.removeprefix(PREFIX): said.get(chosen, said["en"]) for key, said in mine.items()}


def _nothing() -> None:
    """Streamlit keeps a value in the result only when it has a callback."""


@lru_cache(maxsize=1)
def _component() -> Callable[..., Any]:
    """Register the component, once per process.

    An installed package is found by Streamlit, which then serves build/ by URL: an edit sends 4-32 KB. In a checkout
    and an editable install it finds no manifest, so it is given one. Where a Streamlit to come takes none, the text
    travels with every edit: 400 KB more, which cost 0.1 s of 0.3 on a busy machine.
    """
    from streamlit.components import v2
    from streamlit.errors import StreamlitAPIException

    try:
        return v2.component(NAME, js="canvas.js", css="canvas.css")
    except StreamlitAPIException:
        pass
    with suppress(ImportError, AttributeError, TypeError, StreamlitAPIException):
        _told_to_streamlit()
        return v2.component(NAME, js="canvas.js", css="canvas.css")
    js, css = ((BUILD / name).read_text(encoding="utf-8") for name in ("canvas.js", "canvas.css"))
    return v2.component(NAME, js=js, css=css)


def _told_to_streamlit() -> None:
    """Give Streamlit the manifest that pyproject.toml beside this file holds for installed packages."""
    from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
    from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

    project, _, name = NAME.partition(".")
    manifest = ComponentManifest(project, "0", [ComponentConfig(name, BUILD.name)])
    get_bidi_component_manager().register_from_manifest(manifest, BUILD.parent)
