"""The Build page's totals: what the whole network takes, and how long an epoch is likely to take on this machine."""

from __future__ import annotations

import streamlit as st

from builder.report.text import bytes_text
from builder.ui.pace import seconds_per_epoch
from builder.ui.state import Store
from builder.ui.texts import text

KEYS = ("parameters", "multiply_adds", "activation_bytes", "peak_training_bytes")


def amount(key: str, value: int | None) -> str:
    """Write a total; a dash where it is unknown."""
    if value is None:
        return "–"
    return bytes_text(value) if key.endswith("bytes") else f"{value:,}"


def figures(s: Store) -> None:
    """Draw the totals in one row."""
    totals = s.report.totals
    partly = any(info.output_shape is None for info in s.report.layers)
    with st.container(border=True, horizontal=True, gap="medium", key="build-figures"):
        for key in KEYS:
            st.metric(
                text(f"build.total.{key}"), ("≥ " if partly and totals.get(key) is not None else "")
                + amount(key, totals.get(key)), help=text(f"build.total.{key}_help"),
                width="content",
            )  # fmt: skip
        told = _duration(seconds_per_epoch(s.workspace, s.report))
        st.metric(text("build.total.epoch"), told, help=text("build.total.epoch_help"), width="content")


def _duration(seconds: float | None) -> str:
    """Write a prediction, with two figures: it is not better than that."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return text("build.seconds", seconds=f"{seconds:.1g}" if seconds < 0.1 else f"{float(f'{seconds:.2g}'):g}")
    minutes = round(seconds / 60)
    return text("build.minutes", minutes=minutes) if minutes < 120 else text("build.hours", hours=round(minutes / 60))
