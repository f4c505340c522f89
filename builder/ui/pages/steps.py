"""What happens to the data: how the file is read, the split, preprocessing and augmentation with their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from pydantic import BaseModel

from builder.ui.agreed import chosen, showing
from builder.ui.pages.bound import at, change, real
from builder.ui.pages.records import record
from builder.ui.state import Store, store
from builder.ui.texts import text
from schemas import data as schema

STEPS = ("Resize", "Grayscale", "Scale", "Normalize")
CHANGES = ("Flip", "Shift", "Crop", "Rotate", "Mixup")

SOURCES: dict[str, tuple[str, ...]] = {
    "csv": ("delimiter", "encoding", "columns", "channels", "target"),
    "folder": ("channels",),
    "npz": ("x", "y", "layout"),
    "masks": ("channels",),
}
"""Settings of a source that say how it is read, by its type."""

MODELS: dict[str, type[BaseModel]] = {
    "csv": schema.Csv,
    "folder": schema.Folder,
    "npz": schema.Npz,
    "masks": schema.Masks,
}


def section(s: Store, prepared: Any) -> None:
    """Draw the settings; those of steps also where the data cannot be used: there they may be the cure."""
    if not isinstance(s.document.get("data"), dict):
        return
    st.subheader(text("data.settings"))
    left, right = st.columns(2, gap="large")
    with left:
        _split(s)
        _reading(s)
    shape = prepared.pipeline.shape if prepared is not None else at(s.document, "/model/input")
    images = isinstance(shape, list | tuple) and len(shape) == 3
    with right:
        _steps("preprocessing", STEPS if images else STEPS[2:])
        _steps("augmentation", CHANGES if images or at(s.document, "/data/augmentation") else CHANGES[-1:])


def _split(s: Store) -> None:
    st.markdown(f"**{text('data.split')}**")
    one, two = st.columns(2)
    for place, name, default in ((one, "validation", 0.1), (two, "test", 0.2)):
        with place:
            if isinstance(at(s.document, f"/data/{name}"), dict):
                st.caption(text("data.own", part=text(f"part.{name}")))
            else:
                real(text(f"data.share.{name}"), f"/data/{name}", default, 0.0, 0.9)
    st.caption(text("data.split.why"))
    record("/data", schema.Data, ("seed", "stratify"))


def _reading(s: Store) -> None:
    """Draw how the source is read, and what its classes are called."""
    kind = str(at(s.document, "/data/source/type"))
    if kind not in SOURCES and kind not in ("idx", "builtin"):
        return
    with st.expander(text("data.reading.how"), icon=":material/tune:"):
        if kind in SOURCES:
            record("/data/source", MODELS[kind], SOURCES[kind])
        record("/data", schema.Data, ("classes", "on_error"), columns=1)


def _steps(name: str, offered: Sequence[str]) -> None:
    """Choose the steps of a list by their types; each has its settings below. What is there keeps its place."""
    present = at(store().document, f"/data/{name}") or []
    types = [str(step.get("type")) for step in present if isinstance(step, dict)] if isinstance(present, list) else []
    key = showing(f"data:{name}", list(dict.fromkeys(types)))
    st.multiselect(
        text(f"data.{name}"), [*offered, *(t for t in dict.fromkeys(types) if t not in offered)], key=key,
        format_func=lambda kind: text(f"data.step.{kind}"), help=text(f"data.{name}.help"),
        on_change=_take, args=(name, key), placeholder=text("data.none"),
    )  # fmt: skip
    for number, kind in enumerate(types):
        model = getattr(schema, kind, None)
        if kind in (*STEPS, *CHANGES) and model is not None and len(model.model_fields) > 1:
            with st.container(border=True, gap="small"):
                st.markdown(f"**{text(f'data.step.{kind}')}**")
                record(f"/data/{name}/{number}", model, columns=min(3, len(model.model_fields) - 1))


def _take(name: str, key: str) -> None:
    wanted = list(chosen(key))
    present = [step for step in at(store().document, f"/data/{name}") or [] if isinstance(step, dict)]
    kept = [step for step in present if step.get("type") in wanted]
    kept += [_new(kind) for kind in wanted if kind not in {step.get("type") for step in kept}]
    change(f"/data/{name}", kept)


def _new(kind: str) -> dict[str, Any]:
    """Return a step with what it must say."""
    if kind == "Resize":
        shape = at(store().document, "/model/input")
        size = list(shape[1:]) if isinstance(shape, list) and len(shape) == 3 else [28, 28]
        return {"type": kind, "size": size}
    return {"type": "Rotate", "degrees": 10.0} if kind == "Rotate" else {"type": kind}
